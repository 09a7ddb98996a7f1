"""WADO-RS at the front door (PS3.18 10.4): what is sent, in which form, and what is said where it is not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from httpx import Response
from pydicom.uid import JPEG2000Lossless

from service.domain.account import Role
from service.domain.audit import AuditKind
from service.domain.errors import Gone, Unavailable, Unreadable, Unsupported
from service.ports.viewing import Look
from tests.support.fake_house import House
from tests.support.web_client import TestClient, bearer, client
from tests.support.web_records import uid
from tests.support.web_scene import hospital

STUDY = f"/dicom-web/studies/{uid(2)}"
SERIES = f"{STUDY}/series/{uid(2)}.1"
INSTANCE = f"{SERIES}/instances/{uid(2)}.1.1"
OBJECTS = 'multipart/related; type="application/dicom"'


@pytest.fixture
def house() -> House:
    return hospital()


@pytest.fixture
def viewer(house: House) -> TestClient:
    made = client(house)
    made.headers.update(bearer(house, Role.VIEWER))
    return made


def compressed(house: House, *, frames: int = 1) -> None:
    """Study 2 holds one JPEG 2000 image."""
    study = house.ledger.known[uid(2)]
    (stored,) = study.instances
    attributes = {**stored.instance.attributes, "NumberOfFrames": str(frames)}
    made = replace(stored.instance, transfer_syntax_uid=JPEG2000Lossless, attributes=attributes)
    house.ledger.known[uid(2)] = replace(study, instances=(replace(stored, instance=made),))


def parts(answer: Response) -> list[tuple[str, bytes]]:
    """Content type and body of every part."""
    boundary = answer.headers["content-type"].split("boundary=")[1].encode()
    pieces = answer.content.split(b"--" + boundary)
    assert pieces[0] == b""
    assert pieces[-1] == b"--\r\n"
    heads = (piece.removeprefix(b"\r\n").removesuffix(b"\r\n").split(b"\r\n\r\n", 1) for piece in pieces[1:-1])
    return [(head.decode().split("Content-Type: ")[1].split("\r\n")[0], body) for head, body in heads]


@pytest.mark.parametrize("path", [STUDY, SERIES, INSTANCE])
def test_objects_come_as_they_are_stored_where_that_is_accepted(viewer: TestClient, path: str) -> None:
    answer = viewer.get(path, headers={"accept": f"{OBJECTS}; transfer-syntax=*"})
    assert answer.status_code == 200
    assert parts(answer) == [("application/dicom; transfer-syntax=1.2.840.10008.1.2.1", b"DICM as stored")]


def test_a_compressed_object_is_decoded_for_whoever_names_no_transfer_syntax(viewer: TestClient, house: House) -> None:
    compressed(house)
    ((kind, body),) = parts(viewer.get(STUDY, headers={"accept": OBJECTS}))
    assert (kind, body) == ("application/dicom; transfer-syntax=1.2.840.10008.1.2.1", b"DICM decoded")


def test_one_object_can_come_alone(viewer: TestClient) -> None:
    answer = viewer.get(INSTANCE, headers={"accept": "application/dicom"})
    assert (answer.headers["content-type"], answer.content) == (
        "application/dicom; transfer-syntax=1.2.840.10008.1.2.1", b"DICM as stored",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("path", "accept"),
    [
        (STUDY, "application/dicom"),
        (STUDY, 'multipart/related; type="application/dicom+xml"'),
        (INSTANCE, f"{OBJECTS}; transfer-syntax=1.2.840.10008.1.2.5"),
        (f"{STUDY}/metadata", "application/dicom+xml"),
        (f"{INSTANCE}/frames/1", "image/jp2"),
        (f"{INSTANCE}/rendered", "image/gif"),
        (f"{INSTANCE}/bulkdata/00282000", "image/jpeg"),
    ],
)
def test_what_is_accepted_in_no_form_is_not_acceptable(viewer: TestClient, path: str, accept: str) -> None:
    answer = viewer.get(path, headers={"accept": accept})
    assert answer.status_code == 406
    assert "Offered" in answer.json()["detail"]


def test_metadata_names_larger_values_by_address(viewer: TestClient) -> None:
    (told,) = viewer.get(f"{SERIES}/metadata").json()
    assert told["base"] == f"http://preread.test{INSTANCE}/bulkdata"


def test_a_frame_is_sent_compressed_only_where_header_and_codestream_agree(viewer: TestClient, house: House) -> None:
    compressed(house)
    accept = {"accept": 'multipart/related; type="application/octet-stream"; transfer-syntax=*'}
    ((kind, _),) = parts(viewer.get(f"{INSTANCE}/frames/1", headers=accept))
    assert kind == f"application/octet-stream; transfer-syntax={JPEG2000Lossless}"
    house.viewing.agrees = False
    ((kind, _),) = parts(viewer.get(f"{INSTANCE}/frames/1", headers=accept))
    assert kind == "application/octet-stream; transfer-syntax=1.2.840.10008.1.2.1"
    only = {"accept": 'multipart/related; type="image/jp2"'}
    assert viewer.get(f"{INSTANCE}/frames/1", headers=only).status_code == 406


def test_several_frames_come_in_the_order_of_the_list(viewer: TestClient, house: House) -> None:
    compressed(house, frames=4)
    answer = viewer.get(f"{INSTANCE}/frames/3,1", headers={"accept": 'multipart/related; type="image/jp2"'})
    assert parts(answer) == [(f"image/jp2; transfer-syntax={JPEG2000Lossless}", b"frame 3"),
                             (f"image/jp2; transfer-syntax={JPEG2000Lossless}", b"frame 1")]  # fmt: skip


def test_one_frame_can_come_alone(viewer: TestClient) -> None:
    answer = viewer.get(f"{INSTANCE}/frames/1", headers={"accept": "application/octet-stream"})
    assert answer.content == b"frame 1"


@pytest.mark.parametrize(
    ("frames", "status"), [("0", 400), ("1,,2", 400), ("x", 400), ("2", 404), ("1," * 256 + "1", 400)]
)
def test_a_frame_that_is_not_there_is_told_from_one_that_cannot_be(
    viewer: TestClient, frames: str, status: int
) -> None:
    assert viewer.get(f"{INSTANCE}/frames/{frames}").status_code == status


def test_a_picture_is_drawn_as_it_was_asked_for(viewer: TestClient, house: House) -> None:
    query = "?window=40,400,sigmoid&viewport=256,128&quality=70"
    answer = viewer.get(f"{INSTANCE}/rendered{query}", headers={"accept": "image/png"})
    assert (answer.headers["content-type"], answer.content) == ("image/png", b"picture 1")
    look = Look(png=True, quality=70, window=(40.0, 400.0, "SIGMOID"), viewport=(256, 128))
    assert house.viewing.asked[-1] == ("picture", 1, look)


@pytest.mark.parametrize(
    "query",
    ["window=40", "window=40,0", "window=a,b", "window=nan,1", "window=1,2,cubic", "viewport=1", "viewport=0,9",
     "viewport=9,9,1,1", "viewport=99999,9", "quality=0", "quality=101", "annotation=patient"],
)  # fmt: skip
def test_how_a_picture_cannot_be_drawn_is_said(viewer: TestClient, query: str) -> None:
    assert viewer.get(f"{INSTANCE}/rendered?{query}").status_code == 400


def test_an_instance_of_several_frames_is_drawn_frame_by_frame(viewer: TestClient, house: House) -> None:
    compressed(house, frames=2)
    assert viewer.get(f"{INSTANCE}/rendered").status_code == 406
    assert len(parts(viewer.get(f"{INSTANCE}/frames/1,2/rendered"))) == 2


@pytest.mark.parametrize(
    ("broken", "status"),
    [(Gone("gone"), 410), (Unreadable("broken"), 406), (Unsupported("no decoder"), 406), (Unavailable("away"), 503)],
)
@pytest.mark.parametrize("path", [STUDY, INSTANCE, f"{INSTANCE}/frames/1", f"{INSTANCE}/rendered"])
def test_what_is_wrong_with_an_object_has_a_status(
    viewer: TestClient, house: House, path: str, broken: Exception, status: int
) -> None:
    house.viewing.broken = broken
    assert viewer.get(path).status_code == status


def test_a_header_that_is_gone_or_broken_is_gone(viewer: TestClient, house: House) -> None:
    for broken in (Gone("gone"), Unreadable("broken")):
        house.viewing.broken = broken
        assert viewer.get(f"{INSTANCE}/metadata").status_code == 410


@pytest.mark.parametrize(
    "path",
    [f"{STUDY}9", f"{STUDY}/series/1.2", f"{SERIES}/instances/1.2", f"/dicom-web/studies/{uid(3)}/series/{uid(2)}.1/"
     f"instances/{uid(2)}.1.1", f"{STUDY}/series/1.2/instances/{uid(2)}.1.1/frames/1"],
)  # fmt: skip
def test_what_does_not_stand_at_its_address_is_not_found(viewer: TestClient, path: str) -> None:
    assert viewer.get(path).status_code == 404


def test_a_stack_is_one_look_in_the_record_and_the_next_person_s_another(viewer: TestClient, house: House) -> None:
    for _ in range(3):
        viewer.get(f"{INSTANCE}/frames/1")
    viewer.get(INSTANCE)
    viewer.get(f"{INSTANCE}/frames/1", headers=bearer(house, Role.RADIOLOGIST))
    kinds = [event.kind for event in house.audit.events]
    assert kinds == [AuditKind.INSTANCES_ACCESSED, AuditKind.INSTANCES_TRANSFERRED]
    other = {"authorization": f"Bearer {house.token(Role.VIEWER, name='berta')}"}
    viewer.get(f"{INSTANCE}/frames/1", headers=other)
    house.clock.at += timedelta(minutes=11)
    viewer.get(f"{INSTANCE}/frames/1")
    assert [event.who for event in house.audit.events] == ["anna", "anna", "berta", "anna"]


def test_what_cannot_be_recorded_is_not_shown(viewer: TestClient, house: House) -> None:
    def away(event: object) -> None:
        raise Unavailable("the database is locked")

    house.audit.record = away  # type: ignore[method-assign]
    assert viewer.get(f"{INSTANCE}/frames/1").status_code == 503
    assert house.viewing.asked == []
