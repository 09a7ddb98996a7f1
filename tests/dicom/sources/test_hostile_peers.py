"""What an archive may not do by C-GET or C-MOVE: give what is another's, more than was asked, or no end of it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydicom.uid import UID
from pynetdicom.dimse_primitives import C_GET
from pynetdicom.pdu_primitives import P_DATA

from dicom_nodes.retrieve import CANCEL_S
from dicom_nodes.sources.listening import Listening
from service.adapters.part10 import Part10Headers
from service.adapters.spool_files import FileSpool
from service.domain.errors import Refused, Unavailable
from service.domain.prior import Retrieve
from service.embedded.ports import choose_free
from service.flow.priors import Brought
from service.settings import Scp
from tests.support.priors import a_node, an_image, brought, left_in
from tests.support.query_peer import Archive, Behaviour, query_peer, storage_context
from tests.support.waiting import PATIENCE_S

pytestmark = pytest.mark.dicom
PRIOR = an_image("prior")
LARGEST = 100_000
BOTH = pytest.mark.parametrize("way", [Retrieve.GET, Retrieve.MOVE])


@contextmanager
def line(archive: Archive, event: Any) -> Iterator[Any]:
    """Where images go: back over the association that asked, or to our own."""
    if isinstance(event.request, C_GET):
        yield event.assoc
        return
    with archive.calling() as association:
        yield association


def honest(archive: Archive, event: Any) -> None:
    asked = event.identifier.SOPInstanceUID
    with line(archive, event) as to:
        archive.send(to, next(image for image in archive.images if image.SOPInstanceUID == asked))
    archive.say(event, 0x0000, Completed=1, Failed=0)


def another_patient(archive: Archive, event: Any) -> None:
    archive.image.PatientBirthDate = "19991231"
    honest(archive, event)


def another_study(archive: Archive, event: Any) -> None:
    archive.image.StudyInstanceUID = UID("1.2.3.4")
    honest(archive, event)


def another_object(archive: Archive, event: Any) -> None:
    with line(archive, event) as to:
        archive.send(to, archive.image, uid="1.2.3.4.5")
    archive.say(event, 0x0000, Completed=1)


def one_too_many(archive: Archive, event: Any) -> None:
    with line(archive, event) as to:
        archive.send(to, archive.image)
        archive.send(to, archive.image, uid="1.2.3.4.5")
        archive.send(to, archive.image)
    archive.say(event, 0x0000, Completed=1)


def too_large(archive: Archive, event: Any) -> None:
    with line(archive, event) as to:
        archive.send(to, archive.image, data=bytes(LARGEST + 2))
    archive.say(event, 0xB000, Completed=0, Failed=1)


def garbage(archive: Archive, event: Any) -> None:
    with line(archive, event) as to:
        archive.send(to, archive.image, data=b"\xff" * 1000)
    archive.say(event, 0x0000, Completed=1)


def endless(archive: Archive, event: Any) -> None:
    with line(archive, event) as to:
        archive.begin(to, fragments=10**9, size=16_000)


def breaks_off(archive: Archive, event: Any) -> None:
    with line(archive, event) as to:
        archive.begin(to, fragments=1, size=16_000)
        archive.ended.wait(0.1)
        to.dul.socket._shutdown_socket()
    if not isinstance(event.request, C_GET):
        archive.say(event, 0xB000, Completed=0, Failed=1)


def never_answers(archive: Archive, event: Any) -> None:
    archive.begin_clock()
    ended = False
    while not ended:
        ended = archive.ended.wait(0.01) or not event.assoc.dul.is_alive()
        if event.is_cancelled:  # tells it once; what came with the end is heard, too
            archive.cancels += 1
            return


def pending_for_ever(archive: Archive, event: Any) -> None:
    while event.assoc.dul.is_alive() and event.assoc.is_established and not archive.ended.wait(0.01):
        archive.say(event, 0xFF00, Remaining=1)


def says_failed(archive: Archive, event: Any) -> None:
    archive.say(event, 0xB000, Completed=0, Failed=1)


def out_of_resources(archive: Archive, event: Any) -> None:
    archive.say(event, 0xA702)


def odd_status(archive: Archive, event: Any) -> None:
    archive.say(event, 0xC123)


def giant_pdu(archive: Archive, event: Any) -> None:
    with line(archive, event) as to:
        to.dul.socket.socket.sendall(b"\x04\0\xff\xff\xff\xff")
        archive.ended.wait(0.2)
    if not isinstance(event.request, C_GET):
        archive.say(event, 0xB000, Completed=0, Failed=1)


def garbled_command(archive: Archive, event: Any) -> None:
    with line(archive, event) as to:
        pdu = P_DATA()
        pdu.presentation_data_value_list = [[storage_context(to), b"\x03" + b"\x08\0\0\0\xff\xff\xff\xff" * 3]]
        to.dul.send_pdu(pdu)
        archive.ended.wait(0.2)
    if not isinstance(event.request, C_GET):
        archive.say(event, 0xB000, Completed=0, Failed=1)


def to_another_title(archive: Archive, event: Any) -> None:
    with pytest.raises(Refused), archive.calling(called="SOMEBODY"):
        pass
    archive.say(event, 0x0000, Completed=1)


def turned_away(archive: Archive, event: Any) -> None:
    with pytest.raises(Refused), archive.calling():
        pass
    archive.say(event, 0x0000, Completed=1)


def late(archive: Archive, event: Any) -> None:
    """Says that it is done before the image comes, as archives that move in the background do."""
    archive.say(event, 0x0000, Completed=1)
    with archive.calling() as association:
        archive.send(association, archive.image)


def asked(
    way: Retrieve, behave: Behaviour, folder: Path, headers: Part10Headers, *, wait_s: float = 30.0,
    images: tuple[bytes, ...] = (PRIOR,), **what: Any,
) -> tuple[Brought, Archive]:  # fmt: skip
    """What a question to such an archive brings, within its time, and that nothing is left of it but what is used."""
    (move_port,) = choose_free(1)
    with query_peer(list(images), behave, move_port=move_port) as archive:
        moved = {"move_ae_title": "PREREAD_MOVE", "move_port": move_port} if way is Retrieve.MOVE else {}
        node = a_node(
            f"dicom://PEER@127.0.0.1:{archive.port}", retrieve=way, wait=timedelta(seconds=wait_s),
            max_object_bytes=LARGEST, **moved, **what,
        )  # fmt: skip
        found = brought(node, folder, headers, monotonic=archive.monotonic)
        took_s = archive.monotonic()
    assert took_s < wait_s + CANCEL_S + PATIENCE_S / 2, "as long as it may wait, and a little for a busy machine"
    assert sorted(left_in(folder)) == sorted(f"{image.sha256}.dcm" for image in found.images)
    assert not [thread.name for thread in threading.enumerate() if thread.name == "landing"]
    with socket.create_server(("127.0.0.1", move_port)):
        pass
    return found, archive


@BOTH
def test_an_honest_archive_gives_what_is_asked(way: Retrieve, tmp_path: Path, headers: Part10Headers) -> None:
    images = tuple(an_image("prior", SOPInstanceUID=f"1.2.3.{number}") for number in range(3))
    found, archive = asked(way, honest, tmp_path, headers, images=images)
    assert len(found.images) == 3, found.notes
    assert archive.statuses == [0, 0, 0]
    assert found.notes == ()


@BOTH
@pytest.mark.parametrize(
    ("behave", "said", "status"),
    [
        (another_patient, "not certainly of that study and this patient", 0x0000),
        (another_study, "not certainly of that study and this patient", 0x0000),
        (garbage, "sent an object that cannot be read", 0x0000),
        (too_large, "100000 bytes", 0xA700),
        (breaks_off, "broke off|could not move an image", None),
        (says_failed, "has sent no image|could not move an image", None),
        (out_of_resources, "is out of resources", None),
        (odd_status, "answers 0xC123", None),
        (giant_pdu, "broke off|was cut off", None),
        (garbled_command, "was cut off", None),
    ],
)
def test_what_goes_wrong_has_a_name_and_leaves_nothing(
    way: Retrieve, behave: Behaviour, said: str, status: int | None, tmp_path: Path, headers: Part10Headers
) -> None:
    found, archive = asked(way, behave, tmp_path, headers)
    assert (found.study, found.images) == (None, ())
    (note,) = found.notes
    assert note.startswith("the earlier study of 2025-03-01 was not compared: ")
    assert any(part in note for part in said.split("|")), note
    if status is not None:
        assert archive.statuses == [status]


@BOTH
@pytest.mark.parametrize(
    ("behave", "said"),
    [
        (never_answers, "did not finish in time"),
        (pending_for_ever, "did not finish in time"),
        (endless, "did not finish in time|was cut off|100000 bytes"),
    ],
)
def test_an_archive_without_an_end_is_left_in_time(
    way: Retrieve, behave: Behaviour, said: str, tmp_path: Path, headers: Part10Headers
) -> None:
    found, archive = asked(way, behave, tmp_path, headers, wait_s=0.6)
    assert any(part in found.notes[0] for part in said.split("|")), found.notes
    if behave is never_answers:
        assert archive.cancels == 1


def test_by_c_get_an_object_that_was_not_asked_for_ends_it(tmp_path: Path, headers: Part10Headers) -> None:
    found, archive = asked(Retrieve.GET, another_object, tmp_path / "other", headers)
    assert "sends an object that was not asked for" in found.notes[0]
    assert archive.statuses == [0x0124]
    found, archive = asked(Retrieve.GET, one_too_many, tmp_path / "more", headers)
    assert "sends an object that was not asked for" in found.notes[0]
    assert archive.statuses[:2] == [0, 0x0124]


def test_where_images_are_moved_to_only_the_one_that_is_waited_for_is_taken(
    tmp_path: Path, headers: Part10Headers
) -> None:
    found, archive = asked(Retrieve.MOVE, one_too_many, tmp_path / "more", headers)
    assert (len(found.images), archive.statuses) == (1, [0, 0x0124, 0x0124])
    found, archive = asked(Retrieve.MOVE, another_object, tmp_path / "other", headers, wait_s=0.6)
    assert "says that it moved an image to PREREAD_MOVE" in found.notes[0]
    assert archive.statuses == [0x0124]


def test_an_image_that_comes_after_the_archive_is_done_is_waited_for(tmp_path: Path, headers: Part10Headers) -> None:
    found, _ = asked(Retrieve.MOVE, late, tmp_path, headers)
    assert len(found.images) == 1, found.notes


def test_what_is_moved_to_somebody_else_or_comes_from_elsewhere_is_named(
    tmp_path: Path, headers: Part10Headers
) -> None:
    found, _ = asked(Retrieve.MOVE, to_another_title, tmp_path / "title", headers, wait_s=0.6)
    assert "look where it sends that AE title" in found.notes[0]
    found, _ = asked(Retrieve.MOVE, turned_away, tmp_path / "from", headers, wait_s=0.6, networks=("10.0.0.0/8",))
    assert "look where it sends that AE title" in found.notes[0]


def test_two_questions_take_turns_at_one_port(tmp_path: Path, headers: Part10Headers) -> None:
    (move_port,) = choose_free(1)
    moved = {"retrieve": Retrieve.MOVE, "move_ae_title": "PREREAD_MOVE", "move_port": move_port}
    with query_peer([PRIOR], honest, move_port=move_port) as archive:
        node = a_node(f"dicom://PEER@127.0.0.1:{archive.port}", **moved)
        found: list[Brought] = []
        readings = [
            threading.Thread(target=lambda at=at: found.append(brought(node, tmp_path / str(at), headers)))
            for at in range(2)
        ]
        for reading in readings:
            reading.start()
        for reading in readings:
            reading.join()
        assert [len(each.images) for each in found] == [1, 1], found
    landing = Listening(Scp()).landing(node, "127.0.0.1", begin=FileSpool(tmp_path).incoming, left_s=lambda: 0.0)
    with (
        socket.create_server(("127.0.0.1", move_port)),
        pytest.raises(Unavailable, match=r"nothing can listen on 127.0.0.1"),
        landing,
    ):
        pass
