"""STOW-RS at the front door (PS3.18 10.5): what is stored, by whom, and what the sender is told of the rest."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import HTTPException
from pydicom.uid import CTImageStorage

from dicom_nodes.part10 import file_meta, own_meta, skip_file_meta
from service.adapters.part10 import Part10Headers
from service.adapters.spool_files import FileSpool
from service.domain.account import Role
from service.domain.audit import AuditKind
from service.domain.errors import Full
from service.domain.event import EventKind
from service.domain.node import Source
from service.ports.ledger import Admission
from service.settings import Scp, Settings, Web
from service.web.dicomweb.store import Places
from tests.support.fake_house import House
from tests.support.instances import HEADER, explicit, instance, part10, uid
from tests.support.receiving import RecordingLedger
from tests.support.storing import BOUNDARY, GATEWAY, HEADERS, intake_of, message
from tests.support.waiting import wait_for
from tests.support.web_client import TestClient, bearer, client

STUDIES = "/dicom-web/studies"
STUDY, SERIES = uid("study"), uid("series")


class Scene:
    """A front door that stores into `folder`."""

    def __init__(self, folder: Path, **more: Any) -> None:
        self.ledger, self.house = RecordingLedger(), House()
        self.spool = more.pop("spool", None) or FileSpool(folder, reserve_bytes=more.pop("reserve_bytes", 0))
        self.folder = folder
        web = Web(store_max_bytes=more.pop("store_max_bytes", 10**7))
        self.house.settings = Settings(web=web, scp=Scp(network_timeout_s=5))
        self.house.intake = intake_of(self.ledger, spool=self.spool, **more)
        self.client: TestClient = client(self.house)
        self.client.headers.update(bearer(self.house, Role.SENDER))

    def send(self, *objects: bytes, path: str = STUDIES, **headers: str) -> Any:
        return self.client.post(path, content=message(*objects), headers=HEADERS | headers)

    def left_behind(self) -> list[Path]:
        return list((self.folder / "incoming").iterdir())


@pytest.fixture(scope="module")
def headers() -> Iterator[Part10Headers]:
    """One child for all that is no DICOM."""
    made = Part10Headers(children=1)
    yield made
    made.close()


@pytest.fixture
def scene(tmp_path: Path, headers: Part10Headers) -> Iterator[Scene]:
    made = Scene(tmp_path, headers=headers)
    yield made
    made.house.intake.diary.stop()  # type: ignore[union-attr]
    assert made.left_behind() == []


def one(name: str = "one", **attributes: Any) -> bytes:
    return part10(instance(name, **attributes))


def failures(answer: Any) -> list[tuple[str, int]]:
    """SOP Instance UID and reason of each failure."""
    told = answer.json()
    named = [
        (item["00081155"]["Value"][0], item["00081197"]["Value"][0])
        for item in told.get("00081198", {}).get("Value", ())
    ]
    return named + [("", item["00081197"]["Value"][0]) for item in told.get("0008119A", {}).get("Value", ())]


def successes(answer: Any) -> list[str]:
    return [item["00081155"]["Value"][0] for item in answer.json().get("00081199", {}).get("Value", ())]


def test_every_object_is_answered_when_it_is_kept_and_admitted(scene: Scene) -> None:
    answer = scene.send(one("a"), one("b"))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/dicom+json"
    base = f"http://preread.test/dicom-web/studies/{STUDY}"
    told = answer.json()
    assert told["00081190"] == {"vr": "UR", "Value": [base]}
    assert told["00081199"]["Value"][0] == {
        "00081150": {"vr": "UI", "Value": [CTImageStorage]},
        "00081155": {"vr": "UI", "Value": [uid("instance", "a")]},
        "00081190": {"vr": "UR", "Value": [f"{base}/series/{SERIES}/instances/{uid('instance', 'a')}"]},
    }
    assert set(told) == {"00081190", "00081199"}
    for name in ("a", "b"):
        kept = scene.ledger.known[uid("instance", name)]
        with scene.spool.open(kept.location) as file:
            assert hashlib.file_digest(file, "sha256").hexdigest() == kept.sha256
    assert {reception.source for reception in scene.ledger.receptions} == {"gateway"}
    assert scene.ledger.receptions[0].identity.patient.issuer == "HOSPITAL"


def test_an_object_has_the_digest_that_it_has_over_c_store(scene: Scene, tmp_path: Path) -> None:
    sent = one()
    path = tmp_path / "sent.dcm"
    path.write_bytes(sent)
    with path.open("rb") as file:
        dataset = sent[-skip_file_meta(file) :]
    meta = file_meta(
        sop_class_uid=CTImageStorage, sop_instance_uid=uid("instance", "one"), transfer_syntax_uid="1.2.840.10008.1.2.1"
    )
    assert scene.send(sent).status_code == 200
    assert scene.ledger.known[uid("instance", "one")].sha256 == hashlib.sha256(meta + dataset).hexdigest()
    assert meta + dataset != sent


def test_a_request_is_an_association_that_ends_with_it(scene: Scene) -> None:
    scene.send(one("a"))
    (opened,) = scene.ledger.opened.values()
    assert (opened.source, opened.calling_ae_title, opened.address) == ("gateway", "anna", "10.9.8.7")
    assert opened.process == "web"
    wait_for(lambda: scene.ledger.closed, what="the association is not closed")
    assert scene.ledger.closed == {opened.association_id: "released"}


def test_some_are_stored_and_each_of_the_rest_has_its_reason(scene: Scene) -> None:
    garbage, other = b"no object at all", one("other", StudyInstanceUID=uid("other study"))
    no_series = one("no series", SeriesInstanceUID=None)
    answer = scene.send(one("a"), garbage, other, no_series, path=f"{STUDIES}/{STUDY}")
    assert answer.status_code == 202
    assert successes(answer) == [uid("instance", "a")]
    assert failures(answer) == [
        (uid("instance", "other"), 0xA900), (uid("instance", "no series"), 0xC000), ("", 0xC000),
    ]  # fmt: skip
    assert answer.headers["warning"].startswith('299 preread "')
    quarantined = [event for event in scene.ledger.events if event.kind is EventKind.QUARANTINED]
    assert len(quarantined) == 2, "what cannot be read is kept aside; what belongs elsewhere is not"
    assert uid("instance", "other") not in scene.ledger.known


def test_an_object_without_file_meta_is_kept_aside(scene: Scene) -> None:
    answer = scene.send(HEADER)
    assert (answer.status_code, failures(answer)) == (409, [("1.2.3.4", 0xC000)])
    assert [event.kind for event in scene.ledger.events] == [EventKind.QUARANTINED]


def test_none_is_stored(scene: Scene) -> None:
    answer = scene.send(b"no object at all", one(SeriesInstanceUID=None))
    assert answer.status_code == 409
    assert [reason for _, reason in failures(answer)] == [0xC000, 0xC000]


def test_the_data_set_says_which_instance_it_is_and_file_meta_that_was_left_behind_does_not(scene: Scene) -> None:
    meta, sent = own_meta(one("b")), one("a")
    right = own_meta(sent)
    assert meta
    assert right
    answer = scene.send(meta.encoded + sent[right.replaces :])
    assert successes(answer) == [uid("instance", "a")]
    with scene.spool.open(scene.ledger.known[uid("instance", "a")].location) as kept:
        assert kept.read(len(right.encoded)) == right.encoded


def test_file_meta_of_another_instance_that_cannot_be_put_right_is_kept_aside(scene: Scene) -> None:
    meta = own_meta(one("b", SOPInstanceUID="1.2.3"))
    assert meta
    answer = scene.send(meta.encoded + explicit(0x00080006, "SQ", bytes(70_000)) + HEADER)
    assert answer.status_code == 409
    assert failures(answer) == [("1.2.3", 0xC000)]


def test_resends_corrections_and_our_own_results_are_successes_and_a_conflict_is_none(scene: Scene) -> None:
    scene.ledger.own.add(uid("instance", "ours"))
    assert scene.send(one("a"), one("a"), one("a", PatientName="Other"), one("ours")).status_code == 200
    of_one = [each for each in scene.ledger.admissions if each is not Admission.ECHO]
    assert of_one == [Admission.NEW, Admission.DUPLICATE, Admission.CORRECTED], "never two of one UID at once"
    assert Admission.ECHO in scene.ledger.admissions
    answer = scene.send(one("a", PixelData=bytes(128)))
    assert answer.status_code == 409
    assert failures(answer) == [(uid("instance", "a"), 0x0111)]


def test_an_echo_names_nothing_that_could_be_retrieved_here(scene: Scene) -> None:
    scene.ledger.own.add(uid("instance", "ours"))
    told = scene.send(one("ours")).json()
    assert told["00081190"] == {"vr": "UR"}
    assert told["00081199"]["Value"][0]["00081190"] == {"vr": "UR"}


def test_what_arrived_is_in_the_audit_record_by_study(scene: Scene) -> None:
    scene.send(one("a"), one("b"), one("c", StudyInstanceUID=uid("second")), b"garbage")
    rows = [(e.kind, e.action, e.who, e.success, e.study_instance_uid, e.detail) for e in scene.house.audit.events]
    moved = AuditKind.INSTANCES_TRANSFERRED
    assert rows == [
        (moved, "C", "anna", True, STUDY, "2 objects, STOW-RS"),
        (moved, "C", "anna", True, uid("second"), "1 object, STOW-RS"),
        (moved, "C", "anna", False, "", "1 object not stored, STOW-RS"),
    ]


def test_nothing_of_a_patient_is_in_an_answer(scene: Scene) -> None:
    for answer in (scene.send(one("a")), scene.send(one("b", SeriesInstanceUID=None)), scene.send(b"Anna 4711")):
        told = json.dumps(answer.json()) + str(answer.headers)
        assert "Anna" not in told
        assert "4711" not in told


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"content-type": 'multipart/related; type="application/dicom+json"; boundary=x'}, 415),
        ({"content-type": "application/dicom"}, 415),
        ({"content-type": 'multipart/related; type="application/dicom"'}, 400),
        ({"content-type": f"multipart/related; boundary={'x' * 201}"}, 400),
        ({"content-encoding": "gzip"}, 415),
        ({"accept": "application/dicom+xml"}, 406),
        ({"content-length": "99999999999"}, 413),
    ],
)
def test_a_request_that_is_not_taken_is_refused_before_it_is_read(
    scene: Scene, headers: dict[str, str], status: int
) -> None:
    answer = scene.send(one(), **headers)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert scene.ledger.opened == {}


def test_a_file_that_is_sent_as_it_is_is_told_what_is_taken_however_large_it_is(scene: Scene) -> None:
    answer = scene.send(b"x" * 70_000, **{"content-type": "application/dicom"})
    assert answer.status_code == 415
    assert 'multipart/related; type="application/dicom"' in answer.text


def test_an_address_that_names_no_study_is_refused(scene: Scene) -> None:
    assert scene.send(one(), path=f"{STUDIES}/01.2").status_code == 400


def test_a_part_of_another_kind_is_not_taken(scene: Scene) -> None:
    for kind in ("application/dicom+json", "application/dicom\r\nContent-Transfer-Encoding: base64"):
        answer = scene.client.post(STUDIES, content=message(one(), kind=kind), headers=HEADERS)
        assert answer.status_code == 415
        assert failures(answer) == [("", 0xC000)]
    assert scene.ledger.events == []


@pytest.mark.parametrize("cut", [1, 40, 400])
def test_a_request_that_ends_early_keeps_what_was_whole(scene: Scene, cut: int) -> None:
    answer = scene.client.post(STUDIES, content=message(one("a"), one("b"))[: -len(BOUNDARY) - cut], headers=HEADERS)
    assert answer.status_code == 400
    assert "ends before its closing boundary" in answer.json()["detail"]
    assert list(scene.ledger.known) == [uid("instance", "a")]
    wait_for(lambda: scene.ledger.closed, what="the association is not closed")
    assert set(scene.ledger.closed.values()) == {"aborted"}


def test_a_request_without_an_object_is_refused(scene: Scene) -> None:
    answer = scene.client.post(STUDIES, content=f"--{BOUNDARY}--\r\n", headers=HEADERS)
    assert answer.status_code == 400
    assert scene.send().status_code == 400


def test_an_account_that_is_no_source_is_turned_away_and_noted(tmp_path: Path) -> None:
    for source in (
        Source(name="over DICOM", ae_title="*", networks=("10.0.0.0/8",)),
        Source(name="elsewhere", account="anna", networks=("192.0.2.0/24",)),
        Source(name="any", account="*", networks=("10.0.0.0/8",)),
    ):
        scene = Scene(tmp_path, sources=(source,))
        answer = scene.send(one())
        assert answer.status_code == 403
        assert "give a [[source]]" in answer.json()["detail"]
        assert [event.kind for event in scene.ledger.events] == [EventKind.REJECTED]


def test_below_the_reserve_nothing_is_read(tmp_path: Path) -> None:
    scene = Scene(tmp_path, reserve_bytes=2**62)
    answer = scene.send(one())
    assert (answer.status_code, answer.headers["retry-after"]) == (507, "60")
    assert "disk" in answer.json()["detail"]


class FullAfter(FileSpool):
    """A disk that is full after so many objects."""

    def __init__(self, folder: Path, objects: int) -> None:
        super().__init__(folder)
        self.room = objects

    def incoming(self) -> Any:
        self.room -= 1
        if self.room < 0:
            raise Full("The disk is full.")
        return super().incoming()


@pytest.mark.parametrize(("room", "status"), [(0, 507), (1, 202)])
def test_a_disk_that_fills_up_is_said_and_recovers_by_itself(tmp_path: Path, room: int, status: int) -> None:
    spool = FullAfter(tmp_path, room)
    scene = Scene(tmp_path, spool=spool)
    answer = scene.send(one("a"), one("b"))
    assert answer.status_code == status
    assert {reason for _, reason in failures(answer)} == {0xA700}
    spool.room = 9
    assert scene.send(one("a"), one("b")).status_code == 200
    assert scene.left_behind() == []


def test_without_a_ledger_nothing_is_acknowledged(scene: Scene) -> None:
    scene.ledger.away = True
    answer = scene.send(one("a"))
    assert answer.status_code == 503
    assert failures(answer) == [(uid("instance", "a"), 0xA700)]
    scene.ledger.away = False
    assert scene.send(one("a")).status_code == 200


def test_an_object_that_is_too_large_is_dropped_and_the_others_are_stored(tmp_path: Path) -> None:
    scene = Scene(tmp_path, max_object_bytes=100_000)
    large = one("large", PixelData=bytes(200_000), Rows=250, Columns=400)
    answer = scene.send(large, one("a"))
    assert (answer.status_code, successes(answer)) == (202, [uid("instance", "a")])
    assert failures(answer) == [(uid("instance", "large"), 0xA700)]
    assert scene.send(large).status_code == 413
    assert scene.left_behind() == []


def test_a_request_without_a_length_is_cut_off_at_its_bound(tmp_path: Path) -> None:
    scene = Scene(tmp_path, store_max_bytes=300_000)
    sent = message(one("a"), one("b", PixelData=bytes(400_000), Rows=500, Columns=400))
    pieces = (sent[at : at + 50_000] for at in range(0, len(sent), 50_000))
    answer = scene.client.post(STUDIES, content=pieces, headers=HEADERS)
    assert answer.status_code == 413
    assert "web.store_max_bytes" in answer.json()["detail"]
    assert scene.left_behind() == []


def test_more_requests_than_there_are_places_are_asked_to_come_again() -> None:
    places = Places(2)

    async def three() -> None:
        with places.one(), places.one():
            with pytest.raises(HTTPException) as refused, places.one():
                pass
            assert refused.value.status_code == 503
        with places.one():
            pass

    asyncio.run(three())


def test_what_cannot_be_recorded_is_not_acknowledged(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    class Away:
        def record(self, event: object) -> None:
            from service.domain.errors import Unavailable

            raise Unavailable("the audit record is away")

    scene.house.audit = Away()  # type: ignore[assignment]
    unheard = client(scene.house)
    unheard.headers.update(bearer(scene.house, Role.SENDER))
    assert unheard.post(STUDIES, content=message(one()), headers=HEADERS).status_code == 503


def test_a_source_over_http_is_none_over_dicom() -> None:
    from service.domain.node import source_of

    assert source_of((GATEWAY,), ae_title="   ", address="127.0.0.1") is None
