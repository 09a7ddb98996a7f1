"""What the folder of an image model says about itself: the form of its input and output, and its classes.

`preread.json` lies beside the graph and is part of the model's digest: what the graph was trained with. `card.toml`
lies above: what a site may set without making it another model (codes, thresholds, calibration). Needs NumPy and
Pillow alone.
"""

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.fields import Fields
from engine.folder import FILTERS, Domain, ModelError, digest_of, newest_version
from engine.image_contract import TASKS, VALUES

ACTIVATIONS = ("none", "sigmoid", "softmax")
FITS = ("letterbox", "native", "resize")
BLENDINGS = ("constant", "gaussian")
BOX_FORMATS = ("cxcywh", "xyxy")
MAX_LABELS = 255
CARD_TABLES = ("task", "temperature", "class")
"""What of the card decides how the graph's output is read; `classes_digest` covers it."""

GIVEN = ": engine/layout.py writes digest and device_uid into a card that has neither"

Shape = tuple[int, int, int]
"""Slices, rows, columns; an image has one slice."""


@dataclass(frozen=True)
class InputForm:
    """How pixels become the graph's input: values to 0..1 (or through a window), resample, fit, normalise."""

    dimensions: int
    """2: (n, channels, rows, columns); 3: (n, channels, slices, rows, columns)."""
    values: str
    """One of VALUES: what the client sends."""
    size: Shape
    """Of the graph's input; with a native fit the least size, and that of one sliding window."""
    fit: str
    """One of FITS: with its aspect ratio into the middle, as it is, or stretched."""
    multiple_of: int
    """A native fit is padded to such a multiple in rows and columns (and slices)."""
    spacing_mm: tuple[float, ...] | None
    """What is resampled to first: between rows and columns, or slices, rows and columns; None for as it comes."""
    window: tuple[float, float] | None
    """Modality values that become 0 and 1."""
    mean: tuple[float, ...]
    std: tuple[float, ...]
    """One for each channel; every channel is given the same grey."""
    padding: float
    """Grey 0..1 around what does not fill the input."""
    filter: str


@dataclass(frozen=True)
class SlidingWindow:
    """Windows of the input's size that overlap by a part, 0..1 (exclusive)."""

    overlap: float
    blending: str


@dataclass(frozen=True)
class BoxForm:
    """How a detector writes its boxes; `boxes`, `scores` and `labels` are names of the graph's outputs."""

    format: str
    normalised: bool
    """Whether coordinates are over 0..1 of the input's size and not in its pixels."""
    nms_iou: float
    """Of two boxes of a class that overlap by more, the less probable goes; 1 keeps all."""
    max_boxes: int
    boxes: str
    scores: str
    """(n, classes), or (n) where there are labels."""
    labels: str
    """The class of each box, as its place in `classes`; "" where scores have one column for each class."""


@dataclass(frozen=True)
class CodedClass:
    """One class as the card has it."""

    name: str
    threshold: float
    """From this probability on it is present."""
    platt: tuple[float, float] | None
    """a and b of 1 / (1 + exp(-(a logit(p) + b))); Platt, "Probabilistic outputs for support vector machines", 1999."""


@dataclass(frozen=True)
class ImageModel:
    """An image model as it lies on disk, with its identity."""

    path: Path
    """The version folder."""
    name: str
    version: str
    digest: str
    memory_mb: int
    task: str
    file: str
    input: InputForm
    sliding_window: SlidingWindow | None
    activation: str
    channels: tuple[str | None, ...]
    """The class of each channel of the output; None for one that means nothing, such as the background."""
    boxes: BoxForm | None
    domain: Domain | None
    classes: Mapping[str, CodedClass]
    """By name: one for every channel that means something."""
    temperature: float
    """Logits are divided by it before the activation; Guo, "On calibration of modern neural networks", 2017."""
    classes_digest: str
    """SHA-256 of the tables that a client may compare with the card it reads."""


def reads_images(model: Path) -> bool:
    """Whether the folder `model` is that of an image model: its card names a task."""
    return "task" in _card(model)


def read_image_model(model: Path) -> ImageModel:
    """Return the model in the folder `model`, if its files have the digest of its card; raises ModelError."""
    try:
        card = _card(model)
        path = newest_version(model)
        _check_digest(model, path, card)
        form = Fields(json.loads((path / "preread.json").read_text(encoding="utf-8")), f"{model.name}: preread.json")
        return _image_model(path, card, form, model.name)
    except KeyError as e:
        raise ModelError(f"{model.name}: card.toml has no {e.args[0]}{GIVEN if e.args[0] == 'digest' else ''}") from e
    except (OSError, ValueError) as e:
        raise ModelError(f"{model.name}: not a readable model folder: {e!r}") from e


def classes_digest(card: Mapping[str, Any]) -> str:
    """Return the SHA-256 of what of a card decides how the graph's output is read, as 64 hexadecimal digits."""
    told = json.dumps({name: card.get(name) for name in CARD_TABLES}, sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()


def _card(model: Path) -> dict[str, Any]:
    try:
        return tomllib.loads((model / "card.toml").read_text(encoding="utf-8"))
    except (OSError, ValueError) as e:
        raise ModelError(f"{model.name}: its card cannot be read: {e}") from e


def _check_digest(model: Path, path: Path, card: Mapping[str, Any]) -> None:
    found = digest_of(path)
    if found != card["digest"].removeprefix("sha256:"):
        raise ModelError(
            f"{model.name}: the files have digest {found}, the card says {card['digest']}: put the files back that "
            f"were measured, or give what these are a card of their own{GIVEN}"
        )


def _image_model(path: Path, card: Mapping[str, Any], form: Fields, name: str) -> ImageModel:
    task = form.choice("task", TASKS)
    if card["task"] != task:
        raise ModelError(f"{name}: the card says task {card['task']!r}, preread.json {task!r}: they must agree")
    output = form.table("output")
    found = ImageModel(
        path=path,
        name=card["name"],
        version=card["version"],
        digest=card["digest"],
        memory_mb=int(card.get("memory_mb", 0)),
        task=task,
        file=form.text("file", "model.onnx"),
        input=_input(form.table("input")),
        sliding_window=_sliding_window(form.table_or_none("sliding_window")),
        activation=output.choice("activation", ACTIVATIONS),
        channels=output.names("classes"),
        boxes=_boxes(output.table("boxes")) if task == "detection" else None,
        domain=_domain(form.table_or_none("domain")),
        classes=_classes(card, name),
        temperature=Fields(card, f"{name}: card.toml").number("temperature", 1.0, least=1e-3),
        classes_digest=classes_digest(card),
    )
    output.done()
    form.done()
    _check(found)
    return found


def _input(table: Fields) -> InputForm:
    dimensions = 3 if table.choice("dimensions", ("2d", "3d")) == "3d" else 2
    channels = table.whole("channels", 1)
    size = table.wholes("size", dimensions)
    window = table.numbers("window", 2)
    found = InputForm(
        dimensions=dimensions,
        values=table.choice("values", tuple(VALUES)),
        size=(1, *size) if dimensions == 2 else size,  # type: ignore[arg-type]  # as many as there are dimensions
        fit=table.choice("fit", FITS),
        multiple_of=table.whole("multiple_of", 1),
        spacing_mm=table.numbers("spacing_mm", dimensions, least=1e-3),
        window=None if window is None else (window[0], window[1]),
        mean=table.for_each("mean", channels, 0.0),
        std=table.for_each("std", channels, 1.0),
        padding=table.number("padding", 0.0),
        filter=table.choice("filter", tuple(FILTERS), "bilinear"),
    )
    table.done()
    return found


def _sliding_window(table: Fields | None) -> SlidingWindow | None:
    if table is None:
        return None
    found = SlidingWindow(
        table.number("overlap", 0.5, least=0, most=0.95), table.choice("blending", BLENDINGS, "gaussian")
    )
    table.done()
    return found


def _boxes(table: Fields) -> BoxForm:
    found = BoxForm(
        format=table.choice("format", BOX_FORMATS),
        normalised=table.flag("normalised", False),
        nms_iou=table.number("nms_iou", 0.5, least=0, most=1),
        max_boxes=table.whole("max_boxes", 100),
        boxes=table.text("boxes", "boxes"),
        scores=table.text("scores", "scores"),
        labels=table.text("labels") if table.flag("labelled", False) else "",
    )
    table.done()
    return found


def _domain(table: Fields | None) -> Domain | None:
    if table is None:
        return None
    found = Domain(table.text("file"), table.number("threshold", least=0, most=1))
    table.done()
    return found


def _classes(card: Mapping[str, Any], name: str) -> dict[str, CodedClass]:
    tables = Fields({"class": card.get("class", [])}, f"{name}: card.toml").tables("class")
    found = [_class(table) for table in tables]
    classes = {one.name: one for one in found}
    if len(classes) != len(found):
        raise ModelError(f"{name}: card.toml has two [[class]] tables of one name")
    return classes


def _class(table: Fields) -> CodedClass:
    """Codes, site and what absence means are the client's to read, and left here."""
    platt = table.numbers("platt", 2)
    return CodedClass(
        name=table.text("name"),
        threshold=table.number("threshold", 0.5, least=0, most=1),
        platt=None if platt is None else (platt[0], platt[1]),
    )


def _check(model: ImageModel) -> None:
    """Raise ModelError for what is readable, but cannot be meant so."""
    meant = {channel for channel in model.channels if channel}
    if meant != set(model.classes):
        raise ModelError(
            f"{model.name}: preread.json names the classes {sorted(meant)}, card.toml has [[class]] tables for "
            f"{sorted(model.classes)}: every class needs one"
        )
    form = model.input
    for wrong, why in (
        (0.0 in form.std, "input.std is 0"),
        (form.window is not None and form.window[0] >= form.window[1], "input.window must rise"),
        (form.fit == "letterbox" and form.dimensions == 3, "a letterbox is for images; a volume is native or resized"),
        (form.values == "presented" and form.window is not None, "input.window is for modality values"),
        (model.task == "detection" and form.dimensions == 3, "a detector reads images, not volumes"),
        (model.sliding_window and form.fit != "native", "a sliding window needs the native fit"),
        (model.sliding_window and model.task != "segmentation", "a sliding window is for segmentation"),
        (model.domain and form.dimensions == 3, "a domain is for models of images"),
        (model.temperature != 1 and model.activation == "none", "a temperature needs logits: see output.activation"),
        (model.boxes and model.boxes.labels and model.activation == "softmax", "boxes with labels have one score each"),
        (len(model.channels) > MAX_LABELS, f"more than {MAX_LABELS} classes"),
    ):
        if wrong:
            raise ModelError(f"{model.name}: {why}")
