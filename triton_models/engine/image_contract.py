"""The wire contract between a client and a model that reads images, version 1: tensors in, tensors out.

    CONTRACT_VERSION  INT32  [1]        the version the client speaks
    REQUEST           BYTES  [1]        JSON: task, images, spacing_mm, slice_spacing_mm, priority, deadline_s
    PIXELS            UINT16 | INT16 [-1]  one image, or the slices of one volume, one after another, row by row
    SHAPES            INT32  [n, 2]     rows and columns of each; a volume's are all the same

    NAMES          BYTES [k]           the class of each probability or box; of a mask: of the labels 1..k
    PROBABILITIES  FP32  [k]           calibrated, 0..1; empty for a mask
    BOXES          FP32  [k, 4]        left, top, right, bottom in source pixels; empty but for a detector
    MASK           UINT8 [s, r, c]     label of each source pixel, 0 for none; empty but for a segmenter
    FINISH         BYTES [1]           "" while it is at work, then one of FINISHES
    USAGE          BYTES [1]           "" until the last response, then JSON

`deploy/docs/model-contract.md` describes it for people who write a client. Needs NumPy alone.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.contract import (
    CONTRACT_VERSION,
    MAX_FRAME,
    MAX_PIXELS,
    MAX_PRIORITY,
    ROUTINE,
    ContractError,
    Tensors,
    body_of,
    one_of,
    positive,
    spacing_of,
    text_of,
    utf8,
    whole,
)

FINISHES = ("stop", "cancelled", "deadline", "outside_domain")
TASKS = ("classification", "detection", "segmentation")
REQUEST_FIELDS = frozenset({"task", "images", "spacing_mm", "slice_spacing_mm", "priority", "deadline_s"})
IMAGE_FIELDS = frozenset({"label", "source", "frame"})
VALUES = {"presented": np.dtype(np.uint16), "modality": np.dtype(np.int16)}
"""What pixels mean: as a reader sees them, MONOCHROME2 over 0..65535; or modality units (Hounsfield)."""
MAX_SLICES = 4096

NO_BOXES = np.zeros((0, 4), np.float32)
NO_MASK = np.zeros((0, 0, 0), np.uint8)
NO_PROBABILITIES = np.zeros(0, np.float32)


@dataclass(frozen=True)
class Source:
    """Where one image or slice was taken from; for the client's own reference."""

    label: str = ""
    source: str = ""
    """SOP Instance UID."""
    frame: int = 1
    """From 1."""


@dataclass(frozen=True)
class Request:
    """One image or volume to look at."""

    task: str
    """One of TASKS: what the client expects the model to do."""
    pixels: NDArray[Any]
    """(slices, rows, columns), uint16 or int16 (VALUES); one slice for an image."""
    sources: tuple[Source, ...] = ()
    """One for each slice, in the order of the slices, or none."""
    spacing_mm: tuple[float, float] | None = None
    """Between rows and between columns, where it is known."""
    slice_spacing_mm: float | None = None
    priority: int = ROUTINE
    """0 goes first. What runs is not interrupted."""
    deadline_s: float | None = None
    """Seconds from the request's arrival after which nobody wants the answer any more."""


@dataclass(frozen=True, eq=False)
class Answer:
    """One response; without a `finish` it says only that the model is at work."""

    finish: str = ""
    names: tuple[str, ...] = ()
    probabilities: NDArray[np.float32] = field(default_factory=lambda: NO_PROBABILITIES)
    boxes: NDArray[np.float32] = field(default_factory=lambda: NO_BOXES)
    mask: NDArray[np.uint8] = field(default_factory=lambda: NO_MASK)
    usage: Mapping[str, Any] = field(default_factory=dict)


def parse(tensors: Tensors) -> Request:
    """Return the request that `tensors` carry; raises ContractError."""
    version = one_of(tensors, "CONTRACT_VERSION")
    if version != CONTRACT_VERSION:
        raise ContractError(f"contract version {version} is not spoken here, only version {CONTRACT_VERSION}")
    body = body_of(one_of(tensors, "REQUEST"), REQUEST_FIELDS)
    pixels = _pixels(tensors)
    if body.get("task") not in TASKS:
        raise ContractError(f"task must be one of {', '.join(TASKS)}, got {body.get('task')!r}")
    slice_spacing, deadline = body.get("slice_spacing_mm"), body.get("deadline_s")
    return Request(
        task=body["task"],
        pixels=pixels,
        sources=_sources(body.get("images", []), len(pixels)),
        spacing_mm=spacing_of(body.get("spacing_mm")),
        slice_spacing_mm=None if slice_spacing is None else positive(slice_spacing, "slice_spacing_mm"),
        priority=whole(body.get("priority", ROUTINE), "priority", 0, MAX_PRIORITY),
        deadline_s=None if deadline is None else positive(deadline, "deadline_s"),
    )


def encode_request(request: Request) -> dict[str, NDArray[Any]]:
    """Return the tensors that `parse` reads back; what a client sends."""
    body = {
        "task": request.task,
        "images": [{"label": one.label, "source": one.source, "frame": one.frame} for one in request.sources],
        "spacing_mm": None if request.spacing_mm is None else list(request.spacing_mm),
        "slice_spacing_mm": request.slice_spacing_mm,
        "priority": request.priority,
        "deadline_s": request.deadline_s,
    }
    slices, rows, columns = request.pixels.shape
    return {
        "CONTRACT_VERSION": np.array([CONTRACT_VERSION], np.int32),
        "REQUEST": np.array([json.dumps(body).encode()], np.object_),
        "PIXELS": request.pixels.reshape(-1),
        "SHAPES": np.array([[rows, columns]] * slices, np.int32),
    }


def encode_answer(answer: Answer) -> dict[str, NDArray[Any]]:
    """Return the six output tensors of one response."""
    usage = json.dumps(dict(answer.usage)) if answer.finish else ""
    return {
        "NAMES": np.array([name.encode() for name in answer.names], np.object_),
        "PROBABILITIES": answer.probabilities,
        "BOXES": answer.boxes,
        "MASK": answer.mask,
        "FINISH": np.array([answer.finish.encode()], np.object_),
        "USAGE": np.array([usage.encode()], np.object_),
    }


def decode_answer(tensors: Tensors) -> Answer:
    """Return the response that `encode_answer` wrote."""
    usage = utf8(one_of(tensors, "USAGE"), "USAGE")
    return Answer(
        finish=utf8(one_of(tensors, "FINISH"), "FINISH"),
        names=tuple(utf8(name, "NAMES") for name in tensors["NAMES"]),
        probabilities=tensors["PROBABILITIES"],
        boxes=tensors["BOXES"],
        mask=tensors["MASK"],
        usage=json.loads(usage) if usage else {},
    )


def _pixels(tensors: Tensors) -> NDArray[Any]:
    """Return the image or volume as (slices, rows, columns)."""
    shapes, pixels = tensors.get("SHAPES"), tensors.get("PIXELS")
    if shapes is None or pixels is None:
        raise ContractError("PIXELS and SHAPES are both needed")
    if pixels.dtype not in VALUES.values():
        raise ContractError(f"PIXELS must be UINT16 (as presented) or INT16 (modality units), got {pixels.dtype}")
    if shapes.ndim != 2 or shapes.shape[1] != 2 or not 1 <= len(shapes) <= MAX_SLICES:
        raise ContractError(f"SHAPES must be [n, 2] with n from 1 to {MAX_SLICES}, got {list(shapes.shape)}")
    if (shapes != shapes[0]).any():
        raise ContractError("the slices of a volume must have the same rows and columns")
    rows, columns = (int(length) for length in shapes[0])
    wanted = len(shapes) * rows * columns
    if min(rows, columns) < 1 or wanted != pixels.size or pixels.size > MAX_PIXELS:
        raise ContractError(
            f"{len(shapes)} slice(s) of {rows} x {columns} do not fit {pixels.size} pixels (at most {MAX_PIXELS})"
        )
    return pixels.reshape(len(shapes), rows, columns)


def _sources(value: Any, slices: int) -> tuple[Source, ...]:
    if not isinstance(value, list) or len(value) not in {0, slices}:
        raise ContractError(f"images must be a list with one entry for each of the {slices} slice(s), or left out")
    return tuple(_source(entry) for entry in value)


def _source(entry: Any) -> Source:
    if not isinstance(entry, dict) or not IMAGE_FIELDS.issuperset(entry):
        raise ContractError("an entry of images must be an object with label, source and frame, and nothing else")
    return Source(
        label=text_of(entry.get("label", ""), "label"),
        source=text_of(entry.get("source", ""), "source"),
        frame=whole(entry.get("frame", 1), "frame", 1, MAX_FRAME),
    )
