"""What a client accepts decides what it is sent (PS3.18 8.7)."""

from __future__ import annotations

import pytest
from pydicom.uid import (
    JPEG2000,
    UID,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
)
from starlette.requests import Request

from service.web.dicomweb.media import ANY, Range, accepted, chosen, kind_of


def asked(accept: str, query: str = "") -> tuple[Range, ...]:
    headers = [(b"accept", accept.encode())] if accept else []
    return accepted(Request({"type": "http", "headers": headers, "query_string": query.encode()}))


def test_a_multipart_range_is_that_of_its_parts() -> None:
    (found,) = asked('multipart/related; type="application/dicom"; transfer-syntax=*')
    assert found == Range("application/dicom", multipart=True, syntax=ANY)


def test_nothing_asked_is_everything() -> None:
    assert asked("") == (Range("*/*"),)


def test_what_is_liked_better_comes_first_and_what_is_refused_is_gone() -> None:
    found = asked("image/png; q=0.5, image/jpeg, image/gif; q=0")
    assert [each.kind for each in found] == ["image/jpeg", "image/png"]


def test_the_parameter_in_the_address_comes_before_the_header() -> None:
    assert asked("image/png", "accept=image/jpeg") == (Range("image/jpeg"),)


def test_a_comma_within_quotes_separates_nothing() -> None:
    (found,) = asked('multipart/related; type="image/jp2"; note="a,b"')
    assert found.kind == "image/jp2"


@pytest.mark.parametrize(
    ("syntax", "kind"),
    [
        (JPEGBaseline8Bit, "image/jpeg"), (JPEGLSLossless, "image/jls"), (JPEG2000, "image/jp2"),
        (HTJ2KLossless, "image/jphc"), (RLELossless, "image/dicom-rle"),
    ],
)  # fmt: skip
def test_a_compressed_frame_has_its_media_type(syntax: UID, kind: str) -> None:
    assert kind_of(syntax) == kind
    assert Range(kind).takes_frame(syntax)
    assert not Range(kind).takes_decoded


def test_bytes_without_a_transfer_syntax_are_uncompressed() -> None:
    plain, starred = Range("application/octet-stream"), Range("application/octet-stream", syntax=ANY)
    assert plain.takes_decoded
    assert not plain.takes_frame(JPEG2000)
    assert starred.takes_decoded
    assert starred.takes_frame(JPEG2000)
    assert not starred.takes_frame(ExplicitVRLittleEndian)


def test_an_object_is_sent_as_stored_or_in_explicit_little_endian_and_in_nothing_else() -> None:
    assert Range("application/dicom", syntax=JPEG2000).takes_object(JPEG2000)
    assert Range("application/dicom").takes_object(JPEG2000)
    assert not Range("application/dicom", syntax=JPEG2000).takes_object(RLELossless)


def test_of_what_a_client_likes_equally_the_first_offer_is_sent() -> None:
    assert chosen(asked("image/*"), ("image/jpeg", "image/png")) == "image/jpeg"
