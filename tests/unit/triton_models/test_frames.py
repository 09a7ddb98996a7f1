"""Frames of the local server: what goes in comes out, and what is no frame ends the talk."""

import io
import struct

import numpy as np
import pytest

from tests.unit.triton_models.by_path import load

frames = load("engine/frames.py")


def test_header_and_tensors_survive() -> None:
    tensors = {
        "TEXT": np.array([b"", "ä".encode()], np.object_),
        "PIXELS": np.array([0, 65535], np.uint16),
        "SHAPES": np.array([[1, 2]], np.int32),
        "LOGPROBS": np.zeros(0, np.float32),
    }
    stream = io.BytesIO(frames.pack({"op": "infer", "id": "7"}, tensors) + frames.pack({"op": "cancel"}))
    header, taken = frames.read(stream)
    assert (header["op"], header["id"]) == ("infer", "7")
    for name, tensor in tensors.items():
        np.testing.assert_array_equal(taken[name], tensor)
        assert taken[name].dtype == tensor.dtype
    assert frames.read(stream)[0]["op"] == "cancel"
    assert frames.read(stream) is None


def frame(head: bytes, body: bytes = b"") -> bytes:
    return struct.pack(">II", len(head), len(body)) + head + body


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\0\0",
        frame(b'{"op":"infer"}')[:-1],
        frame(b"{"),
        frame(b"[]"),
        frame(b"[" * 100_000),
        frame(b'{"tensors":[{"name":"A","datatype":"FP64","shape":[1]}]}', b"\0" * 8),
        frame(b'{"tensors":[{"name":"A","datatype":"INT32","shape":[2]}]}', b"\0" * 4),
        frame(b'{"tensors":[{"name":"A","datatype":"INT32","shape":[1]}]}', b"\0" * 8),
        frame(b'{"tensors":[{"name":"A","datatype":"INT32","shape":[-1]}]}', b"\0" * 4),
        frame(b'{"tensors":[{"name":"A","datatype":"INT32","shape":[4294967296,4294967296]}]}'),
        frame(b'{"tensors":[{"name":"A","datatype":"BYTES","shape":[1]}]}', b"\xff\xff\xff\xff"),
        frame(b'{"tensors":[{"name":"A","datatype":"BYTES","shape":[9]}]}', b"\0" * 4),
    ],
)
def test_what_is_no_frame_is_refused(data: bytes) -> None:
    with pytest.raises(frames.FrameError):
        frames.read(io.BytesIO(data))
