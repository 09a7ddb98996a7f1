"""Earlier studies out of a real Orthanc by C-FIND and C-GET: whose they are, how many, and what goes wrong in words."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from dicom_nodes.sources import PriorSources
from service.adapters.part10 import Part10Headers
from service.adapters.spool_files import FileSpool
from service.domain.errors import Misconfigured, Unavailable
from service.domain.prior import PriorNode
from service.domain.study import Identity, Patient
from service.embedded import orthanc
from service.embedded.ports import choose_free
from service.flow.priors import Brought, bring
from tests.dicom.sources.test_dicomweb import HERE, JANE, TODAY, an_image
from tests.support.installation import OrthancServer


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Of an Orthanc that knows us and lets us find and get."""
    program = orthanc.find()
    if program is None:
        pytest.skip("Orthanc is not installed")
    dicom_port, http_port = choose_free(2)
    us = {"AET": "PREREAD", "Host": "127.0.0.1", "Port": 1, "AllowFind": True, "AllowGet": True}
    described = orthanc.Orthanc(
        folder=tmp_path_factory.mktemp("archive") / "orthanc",
        dicom_port=dicom_port,
        http_port=http_port,
        options={"DicomModalities": {"preread": us}},
    )
    server = OrthancServer(described, program)
    server.start()
    try:
        for stored in (
            an_image("older", StudyDate="20240101"),
            an_image("prior"),
            an_image("prior", SOPInstanceUID="1.2.826.0.1.3680043.10.77.5"),
            an_image("other person", PatientBirthDate="19991231", StudyDate="20251231"),
            an_image("other modality", Modality="US", StudyDate="20251230"),
        ):
            server.client.upload(stored)
        yield dicom_port
    finally:
        server.stop()


def node(port: int, **what: object) -> PriorNode:
    usual = {"name": "archive", "url": f"dicom://ARCHIVE@127.0.0.1:{port}", "wait": timedelta(seconds=30)}
    return PriorNode(**usual | what)  # type: ignore[arg-type]


def brought(where: PriorNode, folder: Path, patient: Patient = JANE) -> Brought:
    headers = Part10Headers(children=1)
    try:
        return bring(
            Identity(patient=patient, study_date=TODAY.study_date, study_time=TODAY.study_time), HERE, modality="CR",
            stat=False, node=where, source=PriorSources().source(where), spool=FileSpool(folder), headers=headers,
        )  # fmt: skip
    finally:
        headers.close()


def test_the_newest_earlier_study_of_this_patient_comes_by_c_get_and_no_more_images_than_wanted(
    port: int, tmp_path: Path
) -> None:
    found = brought(node(port), tmp_path / "all")
    assert found.study is not None, found.notes
    assert found.study.day == "2025-03-01"
    assert len(found.images) == 2
    assert {image.instance.study_instance_uid for image in found.images} == {found.study.study_instance_uid}
    assert any("possibly of this patient and not used" in note for note in found.notes)
    assert len(brought(node(port, max_images=1), tmp_path / "one").images) == 1
    nobody = brought(
        node(port), tmp_path / "none", Patient(patient_id="NOBODY", issuer="CLINIC", birth_date="19600102")
    )
    assert (nobody.study, nobody.images) == (None, ())


def test_what_keeps_an_archive_from_being_asked_is_said(port: int, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="is not dicom://CALLED_AE@host:port"):
        PriorSources().source(PriorNode(name="archive", url="dicom://127.0.0.1:104"))
    stranger = PriorSources(calling_ae="STRANGER").source(node(port))
    with pytest.raises(Unavailable, match="rejected the association"):
        stranger.find(JANE, modalities=("CR",), limit=5, left_s=lambda: 5.0)
    with pytest.raises(Unavailable, match="did not answer in time"):
        PriorSources().source(node(port)).find(JANE, modalities=("CR",), limit=5, left_s=lambda: 0.0)
