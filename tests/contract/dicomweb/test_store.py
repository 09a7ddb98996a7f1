"""STOW-RS, asked by a client that nobody here wrote (dicomweb-client) and by raw sockets, over a real ledger."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Self

import httpx
import pytest
from dicomweb_client.api import DICOMwebClient
from dicomweb_client.session_utils import create_session
from pydicom import Dataset, dcmread
from pydicom.data import get_testdata_file
from requests.exceptions import HTTPError

from dicom_nodes.part10 import own_meta
from service.domain.account import Role
from service.domain.assembly import Patience, complete
from service.ports.ledger import Admission
from service.settings import Scp, Settings
from service.web.app import create_app
from tests.support.fake_house import NOW
from tests.support.instances import instance, part10, uid
from tests.support.serve import served
from tests.support.storing import HEADERS, intake_of, message
from tests.support.viewable import Shelf, shelf
from tests.support.waiting import PATIENCE_S, wait_for

FILES = (
    "CT_small.dcm", "MR_small.dcm", "MR_small_bigendian.dcm", "MR_small_implicit.dcm", "image_dfl.dcm", "JPEG2000.dcm",
    "SC_rgb_rle.dcm", "rtplan.dcm", "test-SR.dcm",
)  # fmt: skip
"""Little and big endian, implicit, deflated, compressed, and two that are no images."""


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shelf]:
    with shelf(tmp_path_factory.mktemp("shelf")) as made:
        yield made


@pytest.fixture(scope="module")
def address(full: Shelf) -> Iterator[str]:
    intake = intake_of(full.ledger, spool=full.spool, headers=full.headers, clock=full.house.clock)
    with served(create_app(replace(full.services(), intake=intake), watch_nodes=False)) as where:
        yield f"{where}/dicom-web"


def client(full: Shelf, address: str, *roles: Role) -> DICOMwebClient:
    session = create_session()
    session.trust_env = False
    session.headers["Authorization"] = f"Bearer {full.house.token(*roles)}"
    return DICOMwebClient(address, session=session)


@pytest.fixture(scope="module")
def sender(full: Shelf, address: str) -> DICOMwebClient:
    return client(full, address, Role.SENDER)


@pytest.fixture(scope="module")
def viewer(full: Shelf, address: str) -> DICOMwebClient:
    return client(full, address, Role.VIEWER)


def read(name: str) -> Dataset:
    return dcmread(str(get_testdata_file(name, download=False)))


@pytest.mark.parametrize("name", FILES)
def test_a_stored_file_is_found_and_comes_back_as_it_was(
    name: str, sender: DICOMwebClient, viewer: DICOMwebClient, full: Shelf
) -> None:
    sent = read(name)
    if name == "MR_small_implicit.dcm" or name == "MR_small_bigendian.dcm":
        sent.SOPInstanceUID = sent.file_meta.MediaStorageSOPInstanceUID = uid(name)  # all three are one instance
    answer = sender.store_instances([sent])
    assert [item.ReferencedSOPInstanceUID for item in answer.ReferencedSOPSequence] == [sent.SOPInstanceUID]
    assert "FailedSOPSequence" not in answer
    found = viewer.search_for_instances(sent.StudyInstanceUID, sent.SeriesInstanceUID)
    assert sent.SOPInstanceUID in [each["00080018"]["Value"][0] for each in found]
    back = viewer.retrieve_instance(
        sent.StudyInstanceUID, sent.SeriesInstanceUID, sent.SOPInstanceUID, media_types=(("application/dicom", "*"),)
    )
    assert back == sent
    assert back.file_meta.TransferSyntaxUID == sent.file_meta.TransferSyntaxUID


def test_an_object_that_comes_by_both_ways_is_the_same(sender: DICOMwebClient, full: Shelf) -> None:
    sent = instance("both ways", StudyInstanceUID=uid("both"), SeriesInstanceUID=uid("both series"))
    file = part10(sent)
    sender.store_instances([sent])  # without a preamble, as pydicom writes what it has not read
    meta = own_meta(file)
    assert meta is not None
    assert full.keep(meta.encoded + file[meta.replaces :]) == [Admission.DUPLICATE]


def test_several_objects_to_the_address_of_their_study(sender: DICOMwebClient) -> None:
    study = {"StudyInstanceUID": uid("several"), "SeriesInstanceUID": uid("several series")}
    objects = [instance(f"several {number}", **study) for number in range(3)]
    for each in objects:
        part10(each)
    answer = sender.store_instances(objects, study_instance_uid=uid("several"))
    assert len(answer.ReferencedSOPSequence) == 3
    assert answer.RetrieveURL.endswith(f"/studies/{uid('several')}")
    with pytest.raises(HTTPError, match="409"):
        sender.store_instances(objects, study_instance_uid=uid("another"))


def test_who_may_send_may_not_look_and_who_may_look_may_not_send(
    sender: DICOMwebClient, viewer: DICOMwebClient
) -> None:
    with pytest.raises(HTTPError, match="403"):
        sender.search_for_studies()
    with pytest.raises(HTTPError, match="403"):
        viewer.store_instances([read("CT_small.dcm")])


# --- by hand: what no client does -----------------------------------------------------------------------------


class Line:
    """A connection that sends a request as it likes."""

    def __init__(self, address: str, secret: str, *headers: str) -> None:
        host, _, port = address.removeprefix("http://").removesuffix("/dicom-web").partition(":")
        self._socket = socket.create_connection((host, int(port)), timeout=PATIENCE_S)
        told = (
            "POST /dicom-web/studies HTTP/1.1", "Host: preread", f"Authorization: Bearer {secret}",
            *(f"{name}: {value}" for name, value in HEADERS.items()), *headers,
        )  # fmt: skip
        self.send("\r\n".join((*told, "", "")).encode())

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def status(self) -> int:
        return int(self._socket.recv(65536).split()[1])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *ended: object) -> None:
        self._socket.close()


@pytest.fixture(scope="module")
def secret(full: Shelf) -> str:
    return full.house.token(Role.SENDER)


def parts_of(name: str) -> bytes:
    study = {"StudyInstanceUID": uid(name), "SeriesInstanceUID": uid(name, "series")}
    return message(part10(instance(f"{name} 1", **study)), part10(instance(f"{name} 2", **study)))


def test_a_study_is_not_complete_while_its_request_lasts_and_a_chunked_one_is_as_good(
    full: Shelf, address: str, secret: str
) -> None:
    pieces, name = parts_of("slow"), "slow"
    size = len(pieces)
    seen = []

    def slowly() -> Iterator[bytes]:
        yield pieces[: size // 2 + 400] + b""
        yield pieces[size // 2 + 400 :] + bytes(1024**2)  # an epilogue: the batch is written before the end
        wait_for(lambda: full.ledger.find_instance(uid("instance", f"{name} 2")), what="the object is not stored")
        (study,) = [each for each in full.ledger.open_studies() if each.study_instance_uid == uid(name)]
        seen.append(complete(study.arrival, Patience(), now=NOW + timedelta(minutes=5)))
        yield b""

    headers = HEADERS | {"authorization": f"Bearer {secret}"}
    answer = httpx.post(f"{address}/studies", content=slowly(), headers=headers, timeout=PATIENCE_S, trust_env=False)
    assert answer.status_code == 200
    assert seen == [False]
    wait_for(lambda: _ended(full, name), what="the study is never complete")


def _ended(full: Shelf, name: str) -> bool:
    arrivals = [each.arrival for each in full.ledger.open_studies() if each.study_instance_uid == uid(name)]
    return [(each.open_associations, each.last_release is not None) for each in arrivals] == [(0, True)]


def test_a_length_that_lies_loses_nothing_that_was_whole(full: Shelf, address: str, secret: str) -> None:
    sent = parts_of("long")
    with Line(address, secret, f"Content-Length: {len(sent) + 2 * 1024**2}") as line:
        line.send(sent + bytes(1024**2))
        wait_for(lambda: full.ledger.find_instance(uid("instance", "long 2")), what="the object is not stored")
    wait_for(lambda: not _open(full, "long"), what="the association stays open")
    with Line(address, secret, "Content-Length: 100") as line:
        line.send(parts_of("short"))
        assert line.status() == 400
    assert full.ledger.find_instance(uid("instance", "short 1")) is None


def _open(full: Shelf, name: str) -> int:
    return sum(
        each.arrival.open_associations for each in full.ledger.open_studies() if each.study_instance_uid == uid(name)
    )


def test_a_request_that_stops_arriving_is_given_up(full: Shelf, secret: str) -> None:
    intake = intake_of(full.ledger, spool=full.spool, headers=full.headers, clock=full.house.clock)
    impatient = replace(full.services(), intake=intake, settings=Settings(scp=Scp(network_timeout_s=0.5)))
    with (
        served(create_app(impatient, watch_nodes=False)) as where,
        Line(f"{where}/dicom-web", secret, "Content-Length: 5000") as line,
    ):
        line.send(parts_of("stopped")[:100])
        assert line.status() == 408


def test_an_announced_length_beyond_the_bound_is_refused_before_it_comes(address: str, secret: str) -> None:
    with Line(address, secret, f"Content-Length: {2**44}") as line:
        assert line.status() == 413
    with Line(address, secret, "Content-Encoding: gzip", "Transfer-Encoding: chunked") as line:
        assert line.status() == 415


def test_real_files_are_stored_or_named(tmp_path: Path, test_data: Path) -> None:
    """Some are one picture in several syntaxes, under one UID; what has no series is kept aside and said to be."""
    with shelf(tmp_path) as made:
        token = made.house.token(Role.SENDER)
        intake = intake_of(made.ledger, spool=made.spool, headers=made.headers)
        headers = HEADERS | {"authorization": f"Bearer {token}"}
        with served(create_app(replace(made.services(), intake=intake), watch_nodes=False)) as where:
            smallest = sorted((test_data / "ts").iterdir(), key=lambda path: path.stat().st_size)[:6]
            files = [path.read_bytes() for path in smallest]
            answer = httpx.post(
                f"{where}/dicom-web/studies", content=message(*files), headers=headers, timeout=60, trust_env=False
            )
        told = answer.json()
        here = [item["00081155"]["Value"][0] for item in told["00081199"]["Value"]]
        assert len(here) >= 4
        assert len(here) + len(told.get("00081198", {}).get("Value", ())) == len(files)
        assert all(made.ledger.find_instance(one) for one in here)
