"""The presentation state under dcmtk: it shows the greys that the model saw, of phantoms and of real images."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from dicom_nodes.objects import presentation_state
from service.adapters.foreign_pixels import frame_of
from service.domain.report import Evidence, Region
from service.domain.uids import derive_uid
from service.ports.pixels import Frame, Greys
from tests.support import validators
from tests.support.reports import NODULE, a_context, a_report

GREY_LEVEL = 1
"""dcmtk cuts 8 bits where we cut 16."""
REAL = ("chest_dicom/gdcm-CR-MONO1-10-chest.dcm", "ct_other/I10.dcm", "ct_series_ge_head/10.dcm")


def picture(path: Path) -> Frame:
    with path.open("rb") as part10:
        head, body = frame_of(part10, 1, "presented")
    return Frame(
        pixels=np.frombuffer(body, "<u2").reshape(head["rows"], head["columns"]),
        frame=1,
        spacing_mm=tuple(head["spacing_mm"]) if head["spacing_mm"] else None,
        greys=Greys(**head["greys"]),
    )


def state_of(image: Path, folder: Path) -> Path:
    """A presentation state for one box on `image`."""
    header, frame = dcmread(image, stop_before_pixels=True), picture(image)
    evidence = Evidence(
        sop_class_uid=header.SOPClassUID,
        sop_instance_uid=header.SOPInstanceUID,
        series_instance_uid=header.SeriesInstanceUID,
        region=Region(left=2, top=3, right=20, bottom=30),
    )
    report = a_report(findings=(replace(NODULE, evidence=(evidence,)),), sentences=())
    pictures = {(evidence.sop_instance_uid, 1): frame}
    context = a_context(study_instance_uid=header.StudyInstanceUID, pictures=pictures, instances=())
    path = folder / "state.dcm"
    path.write_bytes(presentation_state.encode(report, context))
    return path


def a_slice(folder: Path, **attributes: object) -> Path:
    """A CT slice of a slope of grey."""
    image = Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.SOPClassUID, image.SOPInstanceUID = CTImageStorage, derive_uid("test", "slice")
    image.StudyInstanceUID, image.SeriesInstanceUID = derive_uid("test", "study"), derive_uid("test", "series")
    image.PatientName, image.PatientID, image.Modality = "A^B", "1", "CT"
    image.Rows, image.Columns, image.SamplesPerPixel = 64, 48, 1
    image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 16, 12, 11, 0
    image.PhotometricInterpretation = "MONOCHROME2"
    image.RescaleSlope, image.RescaleIntercept = 2, -1024
    image.PixelData = (np.arange(64 * 48, dtype=np.uint16)).tobytes()
    for keyword, value in attributes.items():
        setattr(image, keyword, value)
    path = folder / "slice.dcm"
    image.save_as(path, enforce_file_format=True)
    return path


def differs(image: Path, folder: Path) -> int:
    """Largest difference in grey levels between dcmtk's picture and ours."""
    rendered = np.asarray(validators.dcmp2pgm(state_of(image, folder), image, folder)).astype(int)
    return int(np.abs(rendered - (picture(image).pixels >> 8)).max())


@pytest.mark.parametrize(
    "attributes",
    [
        pytest.param({"WindowCenter": 500, "WindowWidth": 1000}, id="window"),
        pytest.param({}, id="no window"),
        pytest.param(
            {"PhotometricInterpretation": "MONOCHROME1", "WindowCenter": 0, "WindowWidth": 400}, id="inverted"
        ),
    ],
)
def test_dcmtk_shows_a_phantom_as_the_model_saw_it(attributes: dict[str, object], tmp_path: Path) -> None:
    assert differs(a_slice(tmp_path, **attributes), tmp_path) <= GREY_LEVEL


@pytest.mark.parametrize("name", REAL)
def test_dcmtk_shows_a_real_image_as_the_model_saw_it(name: str, test_data: Path, tmp_path: Path) -> None:
    image = test_data / name
    assert differs(image, tmp_path) <= GREY_LEVEL
    assert validators.dciodvfy_errors(state_of(image, tmp_path)) == []
