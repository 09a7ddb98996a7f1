"""A site's own classifier, detector and segmenters: images in, coded findings with numbers in Orthanc."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset
from pydicom.uid import Comprehensive3DSRStorage, DigitalXRayImageStorageForPresentation

from dicom_nodes.objects.tree import tree
from tests.e2e.conftest import need_orthanc_and_dcmtk
from tests.support.installation import Installation
from tests.support.instances import instance, part10, uid
from tests.support.phantoms import dcmsend
from tests.support.scripted_image_model import LUNG, NODULE, Script, constant, mean_grey, pointwise, write
from tests.support.validators import dciodvfy_errors

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

RULES = """
[[protocol]]
name = "radiographs"
steps = [
  {{ kind = "classify", algorithm = "image-model", model = "whole" }},
  {{ kind = "detect", algorithm = "image-model", model = "boxes" }},
  {{ kind = "segment", algorithm = "image-model", model = "bright" }},
]

[[protocol]]
name = "volumes"
steps = [{{ kind = "segment", algorithm = "image-model", model = "dense" }}]

[[rule]]
name = "radiographs"
mode = "live"
deadline = "{deadline}"
protocol = "radiographs"
destinations = ["archive"]
when.modality = "DX"

[[rule]]
name = "volumes"
mode = "live"
deadline = "{deadline}"
protocol = "volumes"
destinations = ["archive"]
when.modality = "CT"
"""
SCRIPTS = {
    "whole": Script(
        task="classification",
        graph=mean_grey(gain=40, offset=-2),
        input={"size": [64, 96], "fit": "resize"},
        output={"activation": "sigmoid"},
        tables={"nodule": f"{NODULE}\nthreshold = 0.8\nplatt = [2.0, -1.8125]"},
    ),
    "boxes": Script(
        task="detection",
        graph=constant(boxes=np.float32([[8, 4, 24, 20]]), scores=np.float32([0.75]), labels=np.int64([0])),
        input={"size": [32, 48], "fit": "resize"},
        classes=("nodule", "lung"),
        output={"boxes": {"format": "xyxy", "labelled": True, "labels": "labels"}},
        tables={"nodule": NODULE, "lung": f"{LUNG}\nstates_absence = true"},
    ),
    "bright": Script(
        task="segmentation",
        graph=pointwise(2, gain=20, offset=-10),
        input={},
        output={"activation": "sigmoid"},
        form={"sliding_window": {"overlap": 0.5}},
    ),
    "dense": Script(
        task="segmentation",
        graph=pointwise(3, gain=20, offset=-10),
        input={"dimensions": "3d", "size": [4, 8, 8], "values": "modality", "window": [-1000, 1000]},
        output={"activation": "sigmoid"},
        form={"sliding_window": {"overlap": 0.5}},
        limits='modality = ["CT"]',
    ),
}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """`preread up` with these models beside the demo model."""
    need_orthanc_and_dcmtk()
    repository = tmp_path_factory.mktemp("models")
    for name, script in SCRIPTS.items():
        write(repository, name, script)
    folder = tmp_path_factory.mktemp("installation")
    with Installation(folder, rules=RULES, repositories=(repository,)) as found:
        yield found


def findings_of(installation: Installation, study: str, folder: Path) -> list[str]:
    """The lines of the study's TID 1500 report, as it stands in the archive, once dciodvfy is content."""
    (report,) = (r for r in installation.orthanc.reports(study) if r.SOPClassUID == Comprehensive3DSRStorage)
    file = folder / "report.dcm"
    report.save_as(file)
    assert dciodvfy_errors(file) == []
    return [line.strip() for line in tree(_bytes(report))]


def _bytes(report: Dataset) -> bytes:
    written = BytesIO()
    report.save_as(written)
    return written.getvalue()


def test_three_models_read_one_radiograph_and_each_says_what_it_found(installed: Installation, tmp_path: Path) -> None:
    pixels = np.zeros((64, 96), "<u2")
    pixels[10:30, 40:70] = 4095
    image = instance(
        "radiograph",
        SOPClassUID=DigitalXRayImageStorageForPresentation,
        StudyInstanceUID=uid("radiograph"),
        SeriesInstanceUID=uid("radiograph", "series"),
        Modality="DX",
        Rows=64,
        Columns=96,
        PixelSpacing=[0.5, 0.4],
        WindowCenter=2048,
        WindowWidth=4096,
        PixelData=pixels.tobytes(),
    )
    file = tmp_path / "radiograph.dcm"
    file.write_bytes(part10(image))
    dcmsend([file], installed)
    installed.settle([image.StudyInstanceUID])
    lines = findings_of(installed, image.StudyInstanceUID, tmp_path)
    # 600 of 6144 pixels are white: a mean of 0.097656, a logit of 1.90625; 2 * 1.90625 - 1.8125 = 2; sigmoid(2).
    assert "Certainty of Finding: 88.1 %" in lines
    assert "Certainty of Finding: 75 %" in lines
    # The detector's box, twice as large; the segmenter's 30 x 20 pixels, 0.4 x 0.5 mm each.
    assert "Source of Measurement: POLYLINE 16 8 48 8 48 40 16 40 16 8" in lines
    assert "Source of Measurement: POLYLINE 40 10 70 10 70 30 40 30 40 10" in lines
    assert "Area: 120 mm2" in lines
    assert lines.count("Presence: Present") == 3
    assert lines.count("Presence: Absent") == 1, "the detector's card states that no lung means none"
    assert {"Algorithm Name: whole", "Algorithm Name: boxes", "Algorithm Name: bright"} <= set(lines)
    digests = [line for line in lines if line.startswith("Algorithm Parameters: sha256:")]
    assert len(set(digests)) == 3


def test_the_slices_of_a_series_are_one_volume_in_millilitres(installed: Installation, tmp_path: Path) -> None:
    files = []
    for number in range(6):
        pixels = np.zeros((16, 16), "<u2")
        if number in {2, 3}:
            pixels[4:8, 5:10] = 1624
        slice_ = instance(
            f"slice {number}",
            StudyInstanceUID=uid("volume"),
            SeriesInstanceUID=uid("volume", "series"),
            InstanceNumber=6 - number,
            Rows=16,
            Columns=16,
            PixelSpacing=[5, 5],
            ImagePositionPatient=[0, 0, 10 * number],
            ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
            RescaleSlope=1,
            RescaleIntercept=-1024,
            PixelData=pixels.tobytes(),
        )
        files.append(tmp_path / f"{number}.dcm")
        files[-1].write_bytes(part10(slice_))
    dcmsend(files, installed)
    installed.settle([uid("volume")])
    lines = findings_of(installed, uid("volume"), tmp_path)
    # 2 x 4 x 5 voxels of 10 x 5 x 5 mm
    assert "Volume: 10 ml" in lines
    assert lines.count("Source of Measurement: POLYLINE 5 4 10 4 10 8 5 8 5 4") == 2
    third, fourth = uid("instance", "slice 2"), uid("instance", "slice 3")
    assert all(any(str(image) in line for line in lines) for image in (third, fourth))
    assert not any(str(uid("instance", "slice 1")) in line for line in lines if line.startswith("Source"))
