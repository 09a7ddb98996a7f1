"""The demo's archive: it keeps what it gets, knows whose it is, and is found by the identity check."""

from __future__ import annotations

from pathlib import Path

import pytest

from dicom_nodes.archive import KeepingArchive
from dicom_nodes.nodes import ConfiguredNodes
from dicom_nodes.send import send
from service.domain.errors import Misconfigured
from service.domain.node import DestinationNode
from tests.support.instances import instance, part10, uid
from tests.support.senders import dcmtk

pytestmark = pytest.mark.dicom


def opener(location: str):  # type: ignore[no-untyped-def]
    raise AssertionError(location)


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    paths = []
    for name in ("a", "b"):
        paths.append(tmp_path / f"{name}.dcm")
        paths[-1].write_bytes(part10(instance(name, StudyDescription="Thorax")))
    return paths


def test_it_keeps_each_object_once_and_knows_whose_it_is(tmp_path: Path, files: list[Path]) -> None:
    archive = KeepingArchive(tmp_path / "archive")
    archive.start()
    for _ in range(2):
        assert all(one.stored for one in send(files, host="127.0.0.1", port=archive.port, called_ae="ARCHIVE"))
    node = DestinationNode(name="demo", url=f"dicom://ARCHIVE@127.0.0.1:{archive.port}")
    destination = ConfiguredNodes(calling_ae="PREREAD", opener=opener).destination(node)
    identity = destination.identity(uid("study"))
    unknown = destination.identity(uid("another study"))
    echo = destination.echo()
    archive.stop()
    assert [path.name for path in archive.received] == [f"{uid('instance', name)}.dcm" for name in ("a", "b")]
    assert identity is not None
    assert identity.patient.name == "Müller^Anna"
    assert identity.study_description == "Thorax"
    assert unknown is None
    assert echo.startswith("0x0000")


def test_it_remembers_over_a_restart(tmp_path: Path, files: list[Path]) -> None:
    first = KeepingArchive(tmp_path / "archive")
    first.start()
    send(files, host="127.0.0.1", port=first.port, called_ae="ARCHIVE")
    first.stop()
    second = KeepingArchive(tmp_path / "archive")
    second.start()
    said = dcmtk(
        "findscu", second.port, "-S", "-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={uid('study')}",
        "-k", "PatientID", called="ARCHIVE",
    )  # fmt: skip
    second.stop()
    assert len(second.received) == 2
    assert "4711" in said


def test_a_port_in_use_is_misconfigured(tmp_path: Path) -> None:
    first = KeepingArchive(tmp_path / "one")
    first.start()
    with pytest.raises(Misconfigured, match="cannot listen"):
        KeepingArchive(tmp_path / "two", port=first.port).start()
    first.stop()


def test_unreadable_files_are_named_and_the_others_sent(tmp_path: Path, files: list[Path]) -> None:
    broken = tmp_path / "broken.dcm"
    broken.write_bytes(b"no DICOM")
    archive = KeepingArchive(tmp_path / "archive")
    archive.start()
    sent = send([files[0], broken, tmp_path / "missing.dcm", files[1]], host="127.0.0.1", port=archive.port,
                called_ae="ARCHIVE")  # fmt: skip
    archive.stop()
    assert [one.stored for one in sent] == [True, False, False, True]
    assert sent[1].path == broken
    assert "cannot be read" in sent[1].status
