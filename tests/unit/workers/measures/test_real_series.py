"""Acquisition quality of real series, read with the project's own pixels."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pytest
from pydicom import dcmread
from pydicom.uid import ExplicitVRLittleEndian

from service.adapters.pixels_pydicom import PydicomPixels
from service.domain.study import Instance, StoredInstance
from workers.measures.acquisition import Acquisition, Fault, acquisition, look


@pytest.fixture(scope="module")
def pixels() -> Iterator[PydicomPixels]:
    made = PydicomPixels(_opened)
    yield made
    made.close()


def _opened(location: str) -> BinaryIO:
    return Path(location).open("rb")


def judged(folder: Path, pixels: PydicomPixels) -> Acquisition:
    return acquisition([look(pixels.rescaled(_stored(file))) for file in sorted(folder.glob("*.dcm"))])


def _stored(file: Path) -> StoredInstance:
    header = dcmread(file, stop_before_pixels=True)
    instance = Instance(
        sop_class_uid=header.SOPClassUID,
        sop_instance_uid=header.SOPInstanceUID,
        series_instance_uid=header.SeriesInstanceUID,
        study_instance_uid=header.StudyInstanceUID,
        transfer_syntax_uid=ExplicitVRLittleEndian,
        attributes={"Modality": header.Modality, "InstanceNumber": str(header.InstanceNumber)},
    )
    return StoredInstance(instance=instance, location=str(file), sha256="", size=0)


def test_a_head_ct_with_a_tilted_gantry_in_two_zones_is_described_as_such(
    test_data: Path, pixels: PydicomPixels
) -> None:
    found = judged(test_data / "ct_series_ge_head", pixels)
    assert [remark.fault for remark in found.remarks] == [Fault.ZONES, Fault.UNEVEN, Fault.TILT]
    assert found.remarks[0].text == "The spacing changes from 4.00 to 7.00 mm behind slice 15."
    assert found.remarks[2].text == "The stack is sheared by 18.5 degrees (tilted gantry)."


def test_a_whole_mr_series_has_nothing_to_remark(test_data: Path, pixels: PydicomPixels) -> None:
    found = judged(test_data / "mr_series", pixels)
    assert (found.images, found.remarks) == (20, ())
    assert found.spacing_between_mm == pytest.approx(6.97, abs=0.01)
