"""How the local server and its client speak: frames of a JSON header and raw tensor bytes.

    frame   = header length, payload length (two unsigned 32-bit integers, big-endian), header, payload
    header  = UTF-8 JSON with "op", and "tensors": [{"name", "datatype", "shape"}, ...] where tensors follow
    payload = the tensors one after another, little-endian, in the header's order; of a BYTES tensor each
              element as its length (unsigned 32-bit, little-endian) and its bytes, as Triton has it

Needs NumPy alone.
"""

import json
import struct
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

SIZES = struct.Struct(">II")
LENGTH = struct.Struct("<I")
MAX_HEADER_BYTES = 1 << 20
MAX_PAYLOAD_BYTES = 1 << 29
DATATYPES: dict[str, np.dtype[Any]] = {
    "INT16": np.dtype("<i2"), "INT32": np.dtype("<i4"), "UINT8": np.dtype("u1"), "UINT16": np.dtype("<u2"),
    "FP32": np.dtype("<f4"),
}  # fmt: skip
UNREADABLE = (ValueError, KeyError, TypeError, AttributeError, struct.error, OverflowError, RecursionError)
NAMES = {dtype: name for name, dtype in DATATYPES.items()}


class FrameError(ValueError):
    """The peer does not speak frames; the connection is of no more use."""


class Reader(Protocol):
    """A binary stream whose `read` returns fewer bytes only at its end."""

    def read(self, size: int, /) -> bytes:
        """Return `size` bytes, or fewer at the end."""
        ...


def pack(header: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]] | None = None) -> bytes:
    """Return one frame."""
    described, payload = [], []
    for name, array in (tensors or {}).items():
        datatype, data = _tensor_bytes(array)
        described.append({"name": name, "datatype": datatype, "shape": list(array.shape)})
        payload.append(data)
    head = json.dumps({**header, "tensors": described}).encode()
    body = b"".join(payload)
    return SIZES.pack(len(head), len(body)) + head + body


def read(stream: Reader) -> tuple[dict[str, Any], dict[str, NDArray[Any]]] | None:
    """Return the next frame's header and tensors, or None at the end of the stream; raises FrameError."""
    start = stream.read(SIZES.size)
    if not start:
        return None
    if len(start) < SIZES.size:
        raise FrameError("the stream ended within a frame")
    head_size, body_size = SIZES.unpack(start)
    if head_size > MAX_HEADER_BYTES or body_size > MAX_PAYLOAD_BYTES:
        raise FrameError(f"a frame of {head_size} + {body_size} bytes is too large")
    head, body = stream.read(head_size), stream.read(body_size)
    if len(head) < head_size or len(body) < body_size:
        raise FrameError("the stream ended within a frame")
    try:
        header = json.loads(head)
        return header, _tensors(header.get("tensors", []), body)
    except UNREADABLE as e:
        raise FrameError(f"a frame cannot be read: {e!r}") from e


def _tensor_bytes(array: NDArray[Any]) -> tuple[str, bytes]:
    if array.dtype == np.object_:
        return "BYTES", b"".join(LENGTH.pack(len(element)) + element for element in array.ravel())
    dtype = array.dtype.newbyteorder("<")
    return NAMES[dtype], np.ascontiguousarray(array, dtype).tobytes()


def _tensors(described: list[dict[str, Any]], body: bytes) -> dict[str, NDArray[Any]]:
    tensors: dict[str, NDArray[Any]] = {}
    at = 0
    for tensor in described:
        shape = [int(length) for length in tensor["shape"]]
        if min(shape, default=0) < 0:
            raise FrameError(f"a tensor has the shape {shape}")
        array, at = _array(tensor["datatype"], int(np.prod(shape, dtype=object)), body, at)
        tensors[tensor["name"]] = array.reshape(shape)
    if at != len(body):
        raise FrameError(f"{len(body) - at} bytes belong to no tensor")
    return tensors


def _array(datatype: str, count: int, body: bytes, at: int) -> tuple[NDArray[Any], int]:
    """Return `count` elements from `body[at:]` and where they end."""
    if datatype != "BYTES":
        dtype = DATATYPES[datatype]
        return np.frombuffer(body, dtype, count, at), at + count * dtype.itemsize
    elements = []
    for _ in range(count):
        (size,) = LENGTH.unpack_from(body, at)
        at += LENGTH.size
        if at + size > len(body):
            raise FrameError("a BYTES element is longer than its frame")
        elements.append(body[at : at + size])
        at += size
    array = np.empty(len(elements), np.object_)
    array[:] = elements
    return array, at
