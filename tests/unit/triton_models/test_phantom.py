"""Phantoms: the same seed gives the same files, the files are DICOM, and the truth fits them."""

import io
from datetime import date

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileDataset
from pydicom.uid import UID

from tests.unit.triton_models.by_path import load

phantom = load("chest_demo/recipe/phantom.py")
dicom, model, words = phantom.phantom_dicom, phantom.phantom_model, phantom.phantom_words
COUNT = 12


def written(dataset: FileDataset) -> bytes:
    file = io.BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    return file.getvalue()


@pytest.fixture(scope="module")
def made() -> list[tuple[FileDataset, dict[str, object]]]:
    return [phantom.make(seed=3, number=number) for number in range(1, COUNT + 1)]


def shown(dataset: Dataset) -> np.ndarray:
    return dicom.presented(dataset.pixel_array, float(dataset.WindowCenter), float(dataset.WindowWidth))


def test_the_same_seed_and_number_give_the_same_bytes_and_others_do_not() -> None:
    first = written(phantom.make(seed=3, number=1)[0])
    assert written(phantom.make(seed=3, number=1)[0]) == first
    assert written(phantom.make(seed=3, number=2)[0]) != first
    assert written(phantom.make(seed=4, number=1)[0]) != first


def test_each_uid_is_derived_and_stands_once(made: list[tuple[FileDataset, dict[str, object]]]) -> None:
    names = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
    uids = [dataset[name].value for dataset, _ in made for name in names]
    assert len(set(uids)) == len(uids)
    assert all(UID(uid).is_valid and uid.startswith("2.25.") for uid in uids)


def test_a_file_reads_back_as_a_chest_radiograph_of_an_adult(
    made: list[tuple[FileDataset, dict[str, object]]],
) -> None:
    for number, (dataset, truth) in enumerate(made, 1):
        read = pydicom.dcmread(io.BytesIO(written(dataset)))
        assert read.PatientName == f"Phantom^{number:04d}"
        assert read.Modality in ("CR", "DX")
        assert read.file_meta.MediaStorageSOPClassUID == read.SOPClassUID
        assert (read.BodyPartExamined, read.ViewPosition) == ("CHEST", truth["view"])
        assert read.PhotometricInterpretation == "MONOCHROME2"
        assert read.BitsStored in (12, 16)
        assert max(read.Rows, read.Columns) in (512, 640, 768, 896, 1024)
        assert read.pixel_array.shape == (read.Rows, read.Columns)
        assert read.pixel_array.max() < 2**read.BitsStored
        assert read.ImagerPixelSpacing[0] == pytest.approx(360 / max(read.Rows, read.Columns), abs=1e-4)
        assert "ynthetic" in read.ImageComments
        assert len(read.AccessionNumber) <= 16
        born = date.fromisoformat(read.PatientBirthDate)
        assert (date.fromisoformat(read.StudyDate) - born).days / 365.25 >= 20


def test_a_window_shows_nearly_all_of_a_phantom(made: list[tuple[FileDataset, dict[str, object]]]) -> None:
    for dataset, _ in made:
        values = shown(dataset)
        assert values.dtype == np.uint16
        assert 0.2 < values.mean() / 65535 < 0.8
        assert np.mean(values == 65535) < 0.1


def test_the_window_is_the_linear_function_of_the_standard() -> None:
    # PS3.3 C.11.2.1.2.1: centre 2048 and width 4096 show 0..4095 over the whole range.
    values = dicom.presented(np.array([0, 2047, 2048, 4095], np.uint16), 2048, 4096)
    assert values.tolist() == pytest.approx([0, 32759.5, 32775.5, 65535], abs=1)


def test_the_report_says_what_the_truth_lists(made: list[tuple[FileDataset, dict[str, object]]]) -> None:
    for _, truth in made:
        findings = words.from_list(truth["findings"])
        assert words.as_list(findings) == truth["findings"]
        assert words.report(findings) == truth["report"]
    assert len({truth["report"] for _, truth in made}) > COUNT / 2


def test_no_nodule_lies_where_another_finding_hides_it() -> None:
    rng = np.random.default_rng(0)
    for _ in range(2000):
        found = model.sample_findings(rng)
        if found.nodule and found.effusion and found.effusion.side == found.nodule.side:
            assert found.nodule.zone not in model.HIDDEN_BY_EFFUSION[found.effusion.size]
        if found.nodule and found.pneumothorax == found.nodule.side:
            assert found.nodule.zone != "upper"


def test_a_nodule_stands_on_its_side_and_has_its_size() -> None:
    plain = model.sample(np.random.default_rng(1))
    body = model.Body(**{**vars(plain.body), "shift": (0.0, 0.0), "tilt": 0.0, "scale": 1.0})

    def grey(findings: object) -> np.ndarray:
        return model.render(model.Phantom(findings, body, "PA", "M", 0), 512, 512)

    added = grey(model.Findings(nodule=model.Nodule("right", "middle", 30))) - grey(model.Findings())
    # The patient's right is the image's left.
    assert added[:, :256].max() > 0.2
    assert abs(added[:, 256:]).max() == 0
    area_mm2 = (added > added.max() / 2).sum() * model.spacing_mm(512, 512) ** 2
    assert 2 * np.sqrt(area_mm2 / np.pi) == pytest.approx(30, rel=0.1)


def test_a_phantom_is_the_same_picture_at_every_size() -> None:
    one = model.sample(np.random.default_rng(2))
    small, large = model.render(one, 128, 128), model.render(one, 512, 512)
    averaged = large.reshape(128, 4, 128, 4).mean((1, 3))
    assert abs(averaged - small).mean() < 0.03


def test_blank_and_noise_have_headers_like_a_phantom_and_no_report() -> None:
    blank, blank_truth = phantom.make(seed=3, number=1, kind="blank")
    noise, noise_truth = phantom.make(seed=3, number=1, kind="noise")
    assert np.ptp(shown(blank)) == 0
    assert np.std(shown(noise)) > 10000
    for dataset, truth in ((blank, blank_truth), (noise, noise_truth)):
        assert (dataset.BodyPartExamined, truth["report"], truth["findings"]) == ("CHEST", None, [])


def test_uniform_files_can_exchange_their_pixels() -> None:
    (first, _), (second, _) = (phantom.make(seed=3, number=number, uniform=True) for number in (1, 2))
    pixels = shown(second)
    first.PixelData, second.PixelData = second.PixelData, first.PixelData
    np.testing.assert_array_equal(shown(pydicom.dcmread(io.BytesIO(written(first)))), pixels)
    assert first.PatientID != second.PatientID
