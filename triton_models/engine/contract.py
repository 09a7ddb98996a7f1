"""The wire contract between a client and a model, version 2: tensors in, tensors out.

    CONTRACT_VERSION  INT32  [1]     the version the client speaks
    REQUEST           BYTES  [1]     JSON: parts, prefix, guidance, adapter, max_tokens, priority, deadline_s
    PIXELS            UINT16 [-1]    all images one after another, row by row (absent without images)
    SHAPES            INT32  [n, 2]  rows and columns of each image            (absent without images)

    TEXT      BYTES [n]   the next n pieces of the answer, one for each token; "" where it makes no character
    LOGPROBS  FP32  [n]   natural-log probability of each of these tokens
    FINISH    BYTES [1]   "" until the last response, then one of FINISHES
    USAGE     BYTES [1]   "" until the last response, then JSON

`deploy/docs/model-contract.md` describes it for people who write a client. Needs NumPy alone.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

CONTRACT_VERSION = 2
FINISHES = ("stop", "length", "cancelled", "deadline", "outside_domain")
GUIDANCE_KINDS = ("json_schema", "regex", "lark_grammar")
REQUEST_FIELDS = frozenset({"parts", "prefix", "guidance", "adapter", "max_tokens", "priority", "deadline_s"})
IMAGE_FIELDS = frozenset({"image", "label", "source", "frame", "spacing_mm"})

BREACH = "the request breaks the contract: "
"""How an error on Triton's stream begins that is the request's fault; any other may be gone the next time."""
ROUTINE = 2
"""The priority of a request that names none."""
MAX_PRIORITY = 9
MAX_TOKENS = 1 << 20
MAX_FRAME = 1 << 31
MAX_REQUEST_BYTES = 1 << 20
MAX_IMAGES = 64
MAX_PIXELS = 1 << 27
"""Of all images of one request together: 256 MiB of uint16."""

Tensors = Mapping[str, NDArray[Any]]
Pixels = NDArray[np.uint16]


class ContractError(ValueError):
    """The request does not follow the contract; the text says where."""


@dataclass(frozen=True)
class Text:
    """A piece of the prompt in words."""

    text: str


@dataclass(frozen=True)
class ImageRef:
    """The place in the prompt where an image stands."""

    index: int
    """Which image of the request, from 0."""
    label: str = ""
    """What the client calls it ("frontal"); the model folder decides whether the model sees it."""
    source: str = ""
    """SOP Instance UID of the object it was taken from; for the client's own reference."""
    frame: int = 1
    """Which frame of that object, from 1."""
    spacing_mm: tuple[float, float] | None = None
    """Between rows and between columns, where it is known."""


Part = Text | ImageRef


@dataclass(frozen=True)
class Guidance:
    """A form the answer must have."""

    kind: str
    """One of GUIDANCE_KINDS."""
    value: str


@dataclass(frozen=True)
class Request:
    """One question to a model."""

    parts: tuple[Part, ...]
    images: tuple[Pixels, ...] = ()
    """Each (rows, columns), uint16, modality and VOI applied, MONOCHROME2 over 0..65535."""
    prefix: str = ""
    """The beginning of the answer, already written; the model continues it and does not repeat it."""
    guidance: Guidance | None = None
    adapter: str | None = None
    max_tokens: int | None = None
    """At most so many tokens; None leaves it to the model folder."""
    priority: int = ROUTINE
    """0 goes first. What runs is not interrupted."""
    deadline_s: float | None = None
    """Seconds from the request's arrival after which nobody wants the answer any more."""


@dataclass(frozen=True)
class Chunk:
    """One response of the stream; the last one has `finish` and `usage`."""

    pieces: tuple[str, ...] = ()
    """What each token says; "" for one that makes no character yet, or ends the answer."""
    logprobs: tuple[float, ...] = ()
    """Of each token, before any guidance."""
    finish: str = ""
    usage: Mapping[str, Any] = field(default_factory=dict)
    tokens: tuple[int, ...] = ()
    """What the pieces stand for; for whoever verifies an engine, not on the wire."""

    @property
    def text(self) -> str:
        """All its pieces."""
        return "".join(self.pieces)


def parse(tensors: Tensors) -> Request:
    """Return the request that `tensors` carry; raises ContractError."""
    version = one_of(tensors, "CONTRACT_VERSION")
    if version != CONTRACT_VERSION:
        raise ContractError(f"contract version {version} is not spoken here, only version {CONTRACT_VERSION}")
    body = body_of(one_of(tensors, "REQUEST"), REQUEST_FIELDS)
    images = _images(tensors)
    parts = tuple(_part(part, len(images)) for part in _list(body.get("parts"), "parts"))
    shown = [part.index for part in parts if isinstance(part, ImageRef)]
    if sorted(shown) != list(range(len(images))):
        raise ContractError(f"{len(images)} image(s) sent, but the parts show images {shown}: each must stand once")
    return Request(
        parts=parts,
        images=images,
        prefix=text_of(body.get("prefix", ""), "prefix"),
        guidance=_guidance(body.get("guidance")),
        adapter=None if body.get("adapter") is None else text_of(body["adapter"], "adapter"),
        max_tokens=_max_tokens(body.get("max_tokens")),
        priority=whole(body.get("priority", ROUTINE), "priority", 0, MAX_PRIORITY),
        deadline_s=None if body.get("deadline_s") is None else positive(body["deadline_s"], "deadline_s"),
    )


def encode_request(request: Request) -> dict[str, NDArray[Any]]:
    """Return the tensors that `parse` reads back; what a client sends."""
    body = {
        "parts": [{"text": part.text} if isinstance(part, Text) else _image_part(part) for part in request.parts],
        "prefix": request.prefix,
        "guidance": None
        if request.guidance is None
        else {"kind": request.guidance.kind, "value": request.guidance.value},
        "adapter": request.adapter,
        "max_tokens": request.max_tokens,
        "priority": request.priority,
        "deadline_s": request.deadline_s,
    }
    tensors: dict[str, NDArray[Any]] = {
        "CONTRACT_VERSION": np.array([CONTRACT_VERSION], np.int32),
        "REQUEST": _bytes(json.dumps(body)),
    }
    if request.images:
        tensors["PIXELS"] = np.concatenate([image.ravel() for image in request.images]).astype(np.uint16)
        tensors["SHAPES"] = np.array([image.shape for image in request.images], np.int32)
    return tensors


def _image_part(part: ImageRef) -> dict[str, Any]:
    spacing = None if part.spacing_mm is None else list(part.spacing_mm)
    return {
        "image": part.index,
        "label": part.label,
        "source": part.source,
        "frame": part.frame,
        "spacing_mm": spacing,
    }


def encode_chunk(chunk: Chunk) -> dict[str, NDArray[Any]]:
    """Return the four output tensors of one response."""
    return {
        "TEXT": np.array([piece.encode() for piece in chunk.pieces], np.object_),
        "LOGPROBS": np.array(chunk.logprobs, np.float32),
        "FINISH": _bytes(chunk.finish),
        "USAGE": _bytes(json.dumps(dict(chunk.usage)) if chunk.finish else ""),
    }


def decode_chunk(tensors: Tensors) -> Chunk:
    """Return the response that `encode_chunk` wrote."""
    usage = utf8(one_of(tensors, "USAGE"), "USAGE")
    return Chunk(
        pieces=tuple(utf8(piece, "TEXT") for piece in tensors["TEXT"]),
        logprobs=tuple(float(value) for value in tensors["LOGPROBS"]),
        finish=utf8(one_of(tensors, "FINISH"), "FINISH"),
        usage=json.loads(usage) if usage else {},
    )


def _bytes(text: str) -> NDArray[Any]:
    return np.array([text.encode()], dtype=np.object_)


def one_of(tensors: Tensors, name: str) -> Any:
    """Return the only element of the tensor `name`; raises ContractError."""
    if name not in tensors:
        raise ContractError(f"{name} is missing")
    if tensors[name].size != 1:
        raise ContractError(f"{name} has {tensors[name].size} elements, expected 1")
    return tensors[name].reshape(-1)[0]


def utf8(value: Any, name: str) -> str:
    """Return an element of a BYTES tensor as text; raises ContractError."""
    try:
        return value.decode() if isinstance(value, bytes) else str(value)
    except UnicodeDecodeError as e:
        raise ContractError(f"{name} is not UTF-8") from e


def body_of(value: Any, fields: frozenset[str]) -> dict[str, Any]:
    """Return the JSON object of REQUEST, which has no other fields than `fields`; raises ContractError."""
    text = utf8(value, "REQUEST")
    if len(text) > MAX_REQUEST_BYTES:
        raise ContractError(f"REQUEST is longer than {MAX_REQUEST_BYTES} characters")
    try:
        body = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as e:
        raise ContractError(f"REQUEST is not JSON: {e}") from e
    if not isinstance(body, dict):
        raise ContractError("REQUEST is not a JSON object")
    # A misspelt "guidance" that is silently dropped would give an unguided answer.
    if unknown := sorted(set(body) - fields):
        raise ContractError(f"REQUEST has unknown fields: {', '.join(unknown)}")
    return body


def _images(tensors: Tensors) -> tuple[Pixels, ...]:
    shapes, pixels = tensors.get("SHAPES"), tensors.get("PIXELS")
    if shapes is None or shapes.size == 0:
        if pixels is not None and pixels.size:
            raise ContractError("PIXELS without SHAPES")
        return ()
    if pixels is None or pixels.dtype != np.uint16:
        raise ContractError("PIXELS is missing or not UINT16")
    if shapes.ndim != 2 or shapes.shape[1] != 2 or len(shapes) > MAX_IMAGES:
        raise ContractError(f"SHAPES must be [n, 2] with n <= {MAX_IMAGES}, got {list(shapes.shape)}")
    sizes = [(int(rows), int(columns)) for rows, columns in shapes]
    counts = [rows * columns for rows, columns in sizes]
    if min(min(size) for size in sizes) < 1 or sum(counts) != pixels.size or pixels.size > MAX_PIXELS:
        raise ContractError(f"SHAPES {sizes} do not fit {pixels.size} pixels (at most {MAX_PIXELS})")
    pieces = np.split(pixels.reshape(-1), np.cumsum(counts)[:-1])
    return tuple(piece.reshape(size) for piece, size in zip(pieces, sizes, strict=True))


def _part(part: Any, images: int) -> Part:
    if not isinstance(part, dict):
        raise ContractError("a part is not a JSON object")
    if set(part) == {"text"}:
        return Text(text_of(part["text"], "part text"))
    if "image" not in part or not IMAGE_FIELDS.issuperset(part):
        raise ContractError(
            f"a part has the fields {sorted(part)}; expected text, or image with label, source, frame, spacing_mm"
        )
    index = part["image"]
    if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < images:
        raise ContractError(f"a part shows image {index!r}, but {images} image(s) were sent")
    return ImageRef(
        index=index,
        label=text_of(part.get("label", ""), "label"),
        source=text_of(part.get("source", ""), "source"),
        frame=whole(part.get("frame", 1), "frame", 1, MAX_FRAME),
        spacing_mm=spacing_of(part.get("spacing_mm")),
    )


def spacing_of(value: Any) -> tuple[float, float] | None:
    """Return the spacing between rows and between columns, in mm; None where it is not known. Raises ContractError."""
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != 2:
        raise ContractError(f"spacing_mm must be two numbers, between rows and between columns, got {value!r}")
    return positive(value[0], "spacing_mm"), positive(value[1], "spacing_mm")


def _list(value: Any, name: str) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise ContractError(f"{name} must be a list with at least one entry")
    return value


def text_of(value: Any, name: str) -> str:
    """Return `value` if it is text; raises ContractError."""
    if not isinstance(value, str):
        raise ContractError(f"{name} is not text")
    return value


def _guidance(value: Any) -> Guidance | None:
    if value is None:
        return None
    if not isinstance(value, dict) or set(value) != {"kind", "value"} or value["kind"] not in GUIDANCE_KINDS:
        raise ContractError(f"guidance must have a kind ({', '.join(GUIDANCE_KINDS)}) and a value")
    return Guidance(value["kind"], text_of(value["value"], "guidance value"))


def _max_tokens(value: Any) -> int | None:
    return None if value is None else whole(value, "max_tokens", 1, MAX_TOKENS)


def whole(value: Any, name: str, least: int, most: int) -> int:
    """Return `value` if it is a whole number from `least` to `most`; raises ContractError."""
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise ContractError(f"{name} must be a whole number from {least} to {most}, got {value!r}")
    return value


def positive(value: Any, name: str) -> float:
    """Return `value` if it is a number above 0; raises ContractError."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < math.inf:
        raise ContractError(f"{name} must be a number above 0, got {value!r}")
    return float(value)
