"""Earlier studies out of a real Orthanc by DICOMweb, its own interface, C-GET and C-MOVE: the same one by each."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread

from dicom_nodes.sources import PriorSources
from service.adapters.part10 import Part10Headers
from service.adapters.spool_files import FileSpool
from service.domain.errors import Misconfigured, Unavailable
from service.domain.prior import PriorNode, Retrieve
from service.domain.study import Patient
from service.settings import Scp
from tests.dicom.sources.conftest import Asked
from tests.support.priors import JANE, TODAY, a_node, an_image, brought, left_in

WAYS = ("dicomweb", "orthanc", "get", "move")
pytestmark = pytest.mark.dicom


@pytest.mark.parametrize("way", WAYS)
def test_the_newest_earlier_study_of_certainly_this_patient_comes_whole_whichever_way(
    way: str, asked: Asked, tmp_path: Path, headers: Part10Headers
) -> None:
    found = brought(a_node(**asked.by(way), default_issuer="CLINIC"), tmp_path, headers)
    assert found.study is not None, found.notes
    assert found.study.day == "2025-03-01"
    assert len(found.images) == 2
    assert {image.instance.study_instance_uid for image in found.images} == {found.study.study_instance_uid}
    for image in found.images:
        with FileSpool(tmp_path).open(image.location) as file:
            assert dcmread(file).PixelData == dcmread(BytesIO(an_image("prior"))).PixelData
    assert [note.split(" and ")[0] for note in found.notes] == ["2 earlier studies are possibly of this patient"]
    assert sorted(left_in(tmp_path)) == sorted(f"{image.sha256}.dcm" for image in found.images)


@pytest.mark.parametrize("way", WAYS)
def test_no_more_images_come_than_wanted_and_none_larger(
    way: str, asked: Asked, tmp_path: Path, headers: Part10Headers
) -> None:
    assert len(brought(a_node(**asked.by(way), max_images=1), tmp_path / "one", headers).images) == 1
    small = brought(a_node(**asked.by(way), max_object_bytes=600), tmp_path / "small", headers)
    assert small.notes[-1].endswith("archive sends an object of more than 600 bytes (max_object_bytes)")
    few = brought(a_node(**asked.by(way), max_bytes=1500), tmp_path / "few", headers)
    assert few.notes[-1].endswith("archive sends more than 1500 bytes (max_bytes)")
    assert [*left_in(tmp_path / "small"), *left_in(tmp_path / "few")] == []


@pytest.mark.parametrize("way", WAYS)
def test_a_patient_that_the_archive_does_not_know_so_has_no_prior(
    way: str, asked: Asked, tmp_path: Path, headers: Part10Headers
) -> None:
    elsewhere = replace(TODAY, patient=replace(JANE, issuer="THIRD"))
    nobody = replace(TODAY, patient=Patient(patient_id="*", issuer="CLINIC", birth_date="19600102"))
    for current in (elsewhere, nobody):
        found = brought(a_node(**asked.by(way)), tmp_path, headers, current)
        assert (found.study, found.images) == (None, ())


def test_what_keeps_an_archive_from_being_asked_is_said(asked: Asked) -> None:
    node = a_node(**asked.by("get"))
    stranger = PriorSources(Scp(ae_title="STRANGER")).source(node)
    with pytest.raises(Unavailable, match="rejected the association"):
        stranger.find(JANE, modalities=("CR",), limit=5, left_s=lambda: 60.0)
    with pytest.raises(Unavailable, match="did not answer in time"):
        PriorSources().source(node).find(JANE, modalities=("CR",), limit=5, left_s=lambda: 0.0)


def test_an_archive_that_does_not_know_where_to_move_to_says_so(
    asked: Asked, tmp_path: Path, headers: Part10Headers
) -> None:
    found = brought(a_node(**{**asked.by("move"), "move_ae_title": "NOBODY"}), tmp_path, headers)
    assert found.images == ()
    assert "the earlier study of 2025-03-01 was not compared: ARCHIVE at 127.0.0.1" in found.notes[-1]
    assert left_in(tmp_path) == []


@pytest.mark.parametrize("scheme", ["dicomweb+http", "orthanc+http"])
def test_an_archive_that_is_away_becomes_a_note(scheme: str, tmp_path: Path, headers: Part10Headers) -> None:
    found = brought(a_node(f"{scheme}://127.0.0.1:9/root", wait=timedelta(seconds=5)), tmp_path, headers)
    assert found.notes == ("no earlier study was compared: archive cannot be reached",)


@pytest.mark.parametrize(
    ("node", "words"),
    [
        ({"url": "http://host/root"}, "nothing here asks"),
        ({"url": "ftp://host"}, "schemes are dicomweb"),
        ({"url": "dicomweb+http:///root"}, "is not dicomweb.http"),
        ({"url": "orthanc+http:///"}, "is not orthanc.http"),
        ({"url": "dicom://127.0.0.1:104"}, "is not dicom://CALLED_AE@host:port"),
        ({"url": "orthanc+http://host", "retrieve": Retrieve.MOVE}, "is for a dicom:// URL"),
        ({"url": "dicom://A@host:104", "retrieve": Retrieve.MOVE}, "needs move_ae_title and move_port"),
        (
            {"url": "dicom://A@host:104", "retrieve": Retrieve.MOVE, "move_ae_title": "PREREAD", "move_port": 11113},
            "must be others than the receiver's",
        ),
        (
            {"url": "dicom://A@host:104", "retrieve": Retrieve.MOVE, "move_ae_title": "OTHER", "move_port": 11112},
            "must be others than the receiver's",
        ),
    ],
)
def test_a_node_that_cannot_be_asked_is_refused_with_words(node: dict[str, object], words: str) -> None:
    with pytest.raises(Misconfigured, match=f"archive.*{words}"):
        PriorSources().source(PriorNode(name="archive", **node))  # type: ignore[arg-type]
