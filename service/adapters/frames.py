"""Frames of the local model server, client side: a JSON header and raw tensor bytes (model-contract.md)."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np

from service.adapters.wire import Tensors, datatype_of
from service.domain.errors import Unavailable, Unclear

_SIZES, _LENGTH = struct.Struct(">II"), struct.Struct("<I")
_MAX_HEADER, _MAX_PAYLOAD = 1 << 24, 1 << 29
_DTYPES: dict[str, np.dtype[Any]] = {
    "INT16": np.dtype("<i2"), "INT32": np.dtype("<i4"), "UINT8": np.dtype("u1"), "UINT16": np.dtype("<u2"),
    "FP32": np.dtype("<f4"),
}  # fmt: skip

Received = dict[str, Any]
"""Arrays and lists of text by name."""


def pack(header: Mapping[str, object], tensors: Tensors) -> bytes:
    """One frame: sizes, header, payload."""
    described: list[dict[str, object]] = []
    payload: list[bytes] = []
    for name, tensor in tensors.items():
        datatype = datatype_of(tensor)
        described.append({"name": name, "datatype": datatype, "shape": list(tensor.shape)})
        if datatype == "BYTES":
            payload += [_LENGTH.pack(len(element)) + element for element in tensor.ravel()]
        else:
            payload.append(np.ascontiguousarray(tensor, _DTYPES[datatype]).tobytes())
    head, body = json.dumps({**header, "tensors": described}).encode(), b"".join(payload)
    return _SIZES.pack(len(head), len(body)) + head + body


def read(stream: BinaryIO) -> tuple[dict[str, Any], Received]:
    """The next frame's header, and its tensors: numbers as arrays of their shape, BYTES as flat lists of text.

    Raises Unavailable at the end of the stream, Unclear for what is no frame.
    """
    head_size, body_size = _SIZES.unpack(_exactly(stream, _SIZES.size))
    if head_size > _MAX_HEADER or body_size > _MAX_PAYLOAD:
        raise Unclear("the local model server sent a frame beyond all bounds")
    head, body = _exactly(stream, head_size), _exactly(stream, body_size)
    try:
        header = json.loads(head)
        return header, _tensors(header.get("tensors", []), body)
    except (ValueError, KeyError, TypeError, AttributeError, struct.error) as error:
        raise Unclear("the local model server sent a frame that cannot be read") from error


def _exactly(stream: BinaryIO, size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise Unavailable("the local model server went away")
    return data


def _tensors(described: list[dict[str, Any]], body: bytes) -> Received:
    tensors: Received = {}
    at = 0
    for tensor in described:
        count = int(np.prod(tensor["shape"]))
        if tensor["datatype"] == "BYTES":
            values: list[str] = []
            for _ in range(count):
                (size,) = _LENGTH.unpack_from(body, at)
                values.append(body[at + _LENGTH.size : at + _LENGTH.size + size].decode())
                at += _LENGTH.size + size
            tensors[tensor["name"]] = values
        else:
            dtype = _DTYPES[tensor["datatype"]]
            tensors[tensor["name"]] = np.frombuffer(body, dtype, count, at).reshape(tensor["shape"])
            at += count * dtype.itemsize
    return tensors
