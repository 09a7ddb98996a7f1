"""The one object of a multipart answer, however it is cut into pieces."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicom_nodes.sources.envelope import Envelope

TYPE = 'multipart/related; type="application/dicom"; boundary="mark"'


def opened(pieces: Sequence[bytes], content_type: str = TYPE) -> tuple[bytes, bool]:
    envelope = Envelope(content_type)
    return b"".join(envelope.open(piece) for piece in pieces), envelope.ended


@given(content=st.binary(max_size=60), cuts=st.lists(st.integers(0, 160), max_size=8))
def test_the_object_is_the_same_wherever_the_answer_is_cut(content: bytes, cuts: list[int]) -> None:
    answer = b"preamble\r\n--mark\r\nContent-Type: application/dicom\r\n\r\n" + content + b"\r\n--mark--\r\n"
    at = [0, *sorted(cuts), len(answer)]
    pieces = [answer[one:other] for one, other in pairwise(at)]
    assert opened(pieces) == (content, True)


def test_what_follows_the_first_object_is_not_of_it() -> None:
    assert opened([b"--mark\r\n\r\none\r\n--mark\r\n\r\ntwo\r\n--mark--"]) == (b"one", True)


def test_an_archive_may_leave_the_envelope_out() -> None:
    assert opened([b"one", b" object"], "application/dicom") == (b"one object", True)


def test_half_an_object_is_known_as_such() -> None:
    assert opened([b"--mark\r\n\r\nhalf of on"])[1] is False


def test_an_envelope_that_never_begins_is_refused() -> None:
    with pytest.raises(ValueError, match="no part begins"):
        opened([b"x" * 70_000])
