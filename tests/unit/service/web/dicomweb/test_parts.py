"""A multipart message is taken apart wherever it is cut, within bounds, and never guessed at."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterable, Mapping
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.web.dicomweb.parts import MAX_HEAD, MAX_HEADERS, MAX_PREAMBLE, Malformed, Parts

BOUNDARY = b"bound"
TRICKY = (
    b"plain", b"", b"\r\n", b"--bound", b"\n--bound\r\n", b"\r\n--boun\r\n--boun", b"\r\r\n-\r\n--", b"ends in \r\n--",
    b"\r\n\r\n--bounc--\r\n",
)  # fmt: skip
"""Contents that look like a boundary, and are none."""


class Bag:
    """Keeps the parts of a small message."""

    def __init__(self) -> None:
        self.heads: list[Mapping[str, str]] = []
        self.bodies: list[bytes] = []
        self.whole = 0

    def begin(self, headers: Mapping[str, str]) -> None:
        self.heads.append(headers)
        self.bodies.append(b"")

    def write(self, data: memoryview) -> None:
        self.bodies[-1] += data

    def end(self) -> None:
        self.whole += 1


class Scale:
    """Weighs the parts of a large one."""

    def __init__(self) -> None:
        self.size = 0

    def begin(self, headers: Mapping[str, str]) -> None: ...

    def write(self, data: memoryview) -> None:
        self.size += len(data)

    def end(self) -> None: ...


def message(bodies: Iterable[bytes], *, boundary: bytes = BOUNDARY) -> bytes:
    head = b"--" + boundary + b"\r\nContent-Type: application/dicom\r\nX-Long: a\r\n b\r\n\r\n"
    return b"".join(head + body + b"\r\n" for body in bodies) + b"--" + boundary + b"--\r\n"


def taken(pieces: Iterable[bytes], *, boundary: bytes = BOUNDARY) -> Bag:
    bag = Bag()
    parts = Parts(boundary, bag)
    for piece in pieces:
        parts.feed(piece)
    parts.finish()
    assert parts.count == bag.whole == len(bag.bodies)
    return bag


def fed(parts: Parts, sent: bytes, size: int) -> None:
    for at in range(0, len(sent), size):
        parts.feed(sent[at : at + size])


def test_a_message_cut_at_any_byte_gives_the_same_parts() -> None:
    whole = message(TRICKY)
    for at in range(len(whole) + 1):
        bag = taken((whole[:at], whole[at:]))
        assert tuple(bag.bodies) == TRICKY, at
        assert bag.heads[0] == {"content-type": "application/dicom", "x-long": "a b"}


def test_a_message_that_comes_byte_by_byte_gives_the_same_parts() -> None:
    whole = b"a preamble\r\n" + message(TRICKY) + b"and an epilogue --bound\r\n"
    assert tuple(taken(bytes([byte]) for byte in whole).bodies) == TRICKY


@given(st.lists(st.binary(max_size=60), min_size=1, max_size=4), st.lists(st.integers(0, 400), max_size=6))
def test_any_content_comes_out_as_it_went_in(bodies: list[bytes], cuts: list[int]) -> None:
    boundary = b"no content has this"
    whole = message(bodies, boundary=boundary)
    at = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
    pieces = [whole[one:other] for one, other in pairwise(at)]
    assert taken(pieces, boundary=boundary).bodies == bodies


def test_a_message_that_ends_anywhere_too_early_is_said_to() -> None:
    whole = message(TRICKY[:3])
    for at in range(len(whole) - len(b"\r\n")):
        parts = Parts(BOUNDARY, Bag())
        parts.feed(whole[:at])
        with pytest.raises(Malformed, match="ends before its closing boundary"):
            parts.finish()


def test_padding_behind_a_boundary_and_a_part_without_headers_are_right() -> None:
    assert taken([b"--bound \t\r\n\r\nbody\r\n--bound\t\r\n\r\n\r\n--bound-- "]).bodies == [b"body", b""]


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        (bytes(MAX_PREAMBLE + 100), "does not begin"),
        (b"--other\r\n\r\n" + bytes(MAX_PREAMBLE), "does not begin"),
        (b"--boundary\r\n\r\nbody", "followed by something else"),
        (b"--bound" + b" " * 300, "followed by something else"),
        (b"--bound\r\nContent-Type: " + b"x" * (MAX_HEAD + 1), "longer than"),
        (b"--bound\r\n" + b"A: b\r\n" * (MAX_HEAD // 6 + 1), "longer than"),
        (b"--bound\r\n" + b"".join(b"A%d: b\r\n" % n for n in range(MAX_HEADERS + 1)) + b"\r\n", "more than"),
        (b"--bound\r\nno header\r\n\r\n", "no header"),
        (b"--bound\r\n: no name\r\n\r\n", "no header"),
        (message([b"x"] * 4), "more than 3 parts"),
    ],
)
def test_what_is_no_message_or_too_much_is_refused(sent: bytes, why: str) -> None:
    for size in (1, 7, len(sent)):
        parts = Parts(BOUNDARY, Scale(), most=3)
        with pytest.raises(Malformed, match=why):
            fed(parts, sent, size)


def test_a_large_part_is_never_in_memory() -> None:
    scale, piece = Scale(), bytes(1024**2)
    parts = Parts(BOUNDARY, scale)
    parts.feed(b"--bound\r\n\r\n")
    tracemalloc.start()
    for _ in range(64):
        parts.feed(piece)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    parts.feed(b"\r\n--bound--")
    parts.finish()
    assert scale.size == 64 * 1024**2
    assert peak < 4 * 1024**2
