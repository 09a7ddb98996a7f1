"""Bringing an earlier study: all of it or none, its own headers say whose it is, and nothing is left of the rest."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom.uid import UID

from service.adapters.part10 import Part10Headers
from service.adapters.spool_files import FileSpool
from service.domain.errors import Unavailable
from service.domain.prior import PriorStudy
from service.domain.study import Identity
from service.flow.priors import Brought, bring
from service.ports.priors import MemoryPriors
from tests.support.priors import HERE, JANE, TODAY, a_node, an_image, left_in

PRIOR = PriorStudy(
    study_instance_uid=UID("1.2.826.0.1.3680043.10.77.5112"),
    identity=Identity(patient=JANE, study_date="20250301"),
    modalities=("CR",),
)


@pytest.fixture(scope="module")
def headers() -> Iterator[Part10Headers]:
    found = Part10Headers(children=1)
    yield found
    found.close()


def brought(folder: Path, headers: Part10Headers, *images: bytes, fails: bool = False, **node: Any) -> Brought:
    source = MemoryPriors({PRIOR: images})
    source.breaks = Unavailable("archive breaks off") if fails else None
    return bring(
        TODAY, HERE, modality="CR", stat=False, node=a_node("dicomweb+http://archive", **node), source=source,
        spool=FileSpool(folder), headers=headers,
    )  # fmt: skip


def test_a_whole_study_is_kept(tmp_path: Path, headers: Part10Headers) -> None:
    found = brought(tmp_path, headers, an_image("prior"), an_image("prior", SOPInstanceUID="1.2.3"))
    assert (len(found.images), found.notes) == (2, ())
    assert len(left_in(tmp_path)) == 2


@pytest.mark.parametrize(
    ("second", "said"),
    [
        (an_image("prior", PatientBirthDate="19991231"), "not certainly of that study and this patient"),
        (an_image("prior", IssuerOfPatientID="ELSEWHERE"), "not certainly of that study and this patient"),
        (an_image("prior", PatientID="P-78"), "not certainly of that study and this patient"),
        (an_image("prior", StudyInstanceUID="1.2.3.4"), "not certainly of that study and this patient"),
        (b"no object", "sent an object that cannot be read"),
        (an_image("prior", ImageComments="x" * 9000), "an object of more than 5000 bytes"),
    ],
)
def test_one_image_that_is_not_what_it_should_be_costs_the_whole_comparison(
    second: bytes, said: str, tmp_path: Path, headers: Part10Headers
) -> None:
    found = brought(tmp_path, headers, an_image("prior"), second, max_object_bytes=5000)
    assert (found.study, found.images) == (None, ())
    assert found.notes[0].startswith("the earlier study of 2025-03-01 was not compared: archive sen")
    assert said in found.notes[0]
    assert left_in(tmp_path) == []


def test_half_a_study_is_not_compared(tmp_path: Path, headers: Part10Headers) -> None:
    found = brought(tmp_path, headers, an_image("prior"), fails=True)
    assert found.notes == ("the earlier study of 2025-03-01 was not compared: archive breaks off",)
    assert left_in(tmp_path) == []


def test_an_image_that_comes_twice_is_one(tmp_path: Path, headers: Part10Headers) -> None:
    assert len(brought(tmp_path, headers, an_image("prior"), an_image("prior")).images) == 1


def test_a_study_without_images_is_said_to_have_none(tmp_path: Path, headers: Part10Headers) -> None:
    report = an_image("prior", SOPClassUID="1.2.840.10008.5.1.4.1.1.88.11", PixelData=None)
    assert "archive gave no image of it" in brought(tmp_path, headers, report).notes[0]
    assert left_in(tmp_path) == []
