"""Phantoms: the same seed gives the same files, the files are DICOM, and the truth fits them."""

import io
from dataclasses import replace
from datetime import date

import numpy as np
import pydicom
import pytest
from pydicom.dataset import FileDataset
from pydicom.uid import UID, CTImageStorage

from tests.unit.triton_models.by_path import load

phantom = load("chest_demo/recipe/phantom.py")
dicom, model, views, tasks = phantom.phantom_dicom, phantom.phantom_model, phantom.phantom_views, phantom.tasks
findings = phantom.findings
COUNT = 12

Made = list[tuple[FileDataset, dict[str, object]]]


def written(dataset: FileDataset) -> bytes:
    file = io.BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    return file.getvalue()


@pytest.fixture(scope="module")
def made() -> Made:
    return [phantom.make(seed=3, number=number) for number in range(1, COUNT + 1)]


@pytest.fixture(scope="module")
def scanned() -> Made:
    return list(phantom.make_series(seed=3, number=1, slices=4))


def plain(kind: str, *lesions: object) -> object:
    """A phantom that stands straight, with nothing over it and hardly any noise."""
    first = model.sample(np.random.default_rng(1), kind)
    pose = replace(first.pose, shift=(0.0, 0.0), scale=1.0, tilt=0.0)
    return replace(first, pose=pose, lesions=lesions, noise=1e-6, exposure=1.0, overlay=BARE[kind])


BARE = {"frontal": 14, "lateral": 14, "ct": 4}
"""Seeds of overlays in which nothing lies over the picture."""


def nodule(side: str, millimetres: float) -> object:
    finding = findings.Finding("nodule", side, "middle", mm=round(millimetres))
    return model.Lesion(finding, {"dx": 0.0, "y": -0.1, "radius": millimetres / 360, "strength": 0.4})


def test_the_same_seed_and_number_give_the_same_bytes_and_others_do_not() -> None:
    first = written(phantom.make(seed=3, number=1)[0])
    assert written(phantom.make(seed=3, number=1)[0]) == first
    assert written(phantom.make(seed=3, number=2)[0]) != first
    assert written(phantom.make(seed=4, number=1)[0]) != first


def test_each_uid_is_derived_and_stands_once(made: Made) -> None:
    names = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
    uids = [dataset[name].value for dataset, _ in made for name in names]
    assert len(set(uids)) == len(uids)
    assert all(UID(uid).is_valid and uid.startswith("2.25.") for uid in uids)


def test_a_file_reads_back_as_a_chest_radiograph_of_an_adult(made: Made) -> None:
    for number, (dataset, truth) in enumerate(made, 1):
        read = pydicom.dcmread(io.BytesIO(written(dataset)))
        assert read.PatientName == f"Phantom^{number:04d}"
        assert read.Modality in ("CR", "DX")
        assert read.file_meta.MediaStorageSOPClassUID == read.SOPClassUID
        assert (read.BodyPartExamined, read.ViewPosition) == ("CHEST", truth["view"])
        assert read.PhotometricInterpretation in ("MONOCHROME1", "MONOCHROME2")
        assert read.BitsStored in (12, 16)
        assert max(read.Rows, read.Columns) in (512, 640, 768, 896, 1024)
        assert read.pixel_array.shape == (read.Rows, read.Columns)
        assert read.pixel_array.max() < 2**read.BitsStored
        assert read.ImagerPixelSpacing[0] == pytest.approx(360 / max(read.Rows, read.Columns), abs=1e-4)
        assert "ynthetic" in read.ImageComments
        assert len(read.AccessionNumber) <= 16
        born = date.fromisoformat(read.PatientBirthDate)
        assert (date.fromisoformat(read.StudyDate) - born).days / 365.25 >= 20


def test_some_phantoms_are_stored_inverted_and_all_are_shown_alike(made: Made) -> None:
    assert {dataset.PhotometricInterpretation for dataset, _ in made} == {"MONOCHROME1", "MONOCHROME2"}
    for dataset, _ in made:
        values = dicom.shown(dataset)
        # The spine is bright and the right lung dark, whatever is stored.
        rows, columns = values.shape
        lung = values[rows // 3 : rows // 2, columns // 4 : columns // 3]
        spine = values[3 * rows // 4 :, 2 * columns // 5 : 3 * columns // 5]
        assert np.median(lung) < np.median(spine)


def test_a_window_shows_nearly_all_of_a_phantom(made: Made) -> None:
    for dataset, _ in made:
        values = dicom.shown(dataset)
        assert values.dtype == np.uint16
        assert 0.15 < values.mean() / 65535 < 0.8
        assert np.mean(values == 65535) < 0.1


def test_the_window_is_the_linear_function_of_the_standard() -> None:
    # PS3.3 C.11.2.1.2.1: centre 2048 and width 4096 show 0..4095 over the whole range.
    values = dicom.presented(np.array([0, 2047, 2048, 4095], np.uint16), 2048, 4096)
    assert values.tolist() == pytest.approx([0, 32759.5, 32775.5, 65535], abs=1)


def test_the_report_says_what_the_truth_lists(made: Made) -> None:
    for _, truth in made:
        found = findings.from_list(truth["findings"])
        assert findings.as_list(found) == truth["findings"]
        assert tasks.narrative(found, truth["view_name"]) == truth["report"]
    assert len({truth["report"] for _, truth in made}) > COUNT / 2


def test_a_ct_phantom_is_one_series_of_parallel_slices_in_hounsfield_units(scanned: Made) -> None:
    assert len({dataset.SeriesInstanceUID for dataset, _ in scanned}) == 1
    heights = [dataset.ImagePositionPatient[2] for dataset, _ in scanned]
    assert np.diff(heights).tolist() == [-dicom.SLICE_MM] * 3
    for dataset, truth in scanned:
        assert dataset.SOPClassUID == CTImageStorage
        assert "ViewPosition" not in dataset
        assert truth["view_name"] == "ct"
        units = dataset.pixel_array * dataset.RescaleSlope + dataset.RescaleIntercept
        assert units.min() >= -1024
        assert units.max() < 1000
        assert np.median(units[:20, :20]) == pytest.approx(-1000, abs=120)
        assert 0 < np.median(units[units > -200]) < 120


def test_a_lateral_phantom_says_so_and_tells_no_side() -> None:
    for number in range(1, 9):
        dataset, truth = phantom.make(seed=3, number=number, kind="lateral")
        assert (dataset.ViewPosition, list(dataset.PatientOrientation)) == ("LL", ["P", "F"])
        assert not any("side" in entry for entry in truth["findings"])


def test_the_box_of_a_nodule_is_where_it_was_drawn_and_as_large() -> None:
    with_it = views.render(plain("frontal", nodule("right", 30)), 512, 512)
    without = views.render(plain("frontal"), 512, 512)
    added = with_it.grey - without.grey
    # The patient's right is the image's left.
    assert added[:, :256].max() > 0.2
    assert abs(added[:, 256:]).max() < 0.01
    area_mm2 = (added > added.max() / 2).sum() * (360 / 512) ** 2
    assert 2 * np.sqrt(area_mm2 / np.pi) == pytest.approx(30, rel=0.1)
    rows, columns = np.nonzero(added > added.max() / 2)
    scale = tasks.BINS / 512
    drawn = [columns.min() * scale, rows.min() * scale, columns.max() * scale, rows.max() * scale]
    assert with_it.findings[0].box == pytest.approx(drawn, abs=1)


@pytest.mark.parametrize("kind", ["frontal", "lateral", "ct"])
def test_a_phantom_has_the_same_boxes_at_every_size(kind: str) -> None:
    rng = np.random.default_rng(5)
    for _ in range(4):
        one = model.sample(rng, kind)
        small, large = (views.render(one, side, side).findings for side in (256, 640))
        for here, there in zip(small, large, strict=True):
            assert here.place == there.place
            assert (here.box is None) == (there.box is None)
            if here.box:
                assert here.box == pytest.approx(there.box, abs=3)


def test_boxes_follow_the_letterbox_of_the_engine() -> None:
    # Half as wide as high: 40 bins are empty at each side.
    assert tasks.box_of((0, 0, 255, 511), 512, 256) == (40, 0, 119, 159)
    assert tasks.box_of((0, 0, 0, 0), 512, 512) == (0, 0, 0, 0)
    assert tasks.box_of((511, 511, 511, 511), 512, 512) == (159, 159, 159, 159)


def test_nothing_lies_where_another_finding_hides_it() -> None:
    rng = np.random.default_rng(0)
    for _ in range(2000):
        zones: dict[tuple[str, str], list[str]] = {}
        for lesion in model.sample_lesions(rng, "frontal"):
            if lesion.finding.zone:
                zones.setdefault((lesion.finding.side, lesion.finding.zone), []).append(lesion.finding.name)
        assert all(len(names) == 1 for names in zones.values())


def test_combinations_held_out_never_come_where_seen_ones_are_asked_for() -> None:
    rng = np.random.default_rng(0)
    for kind in ("frontal", "lateral", "ct"):
        for _ in range(200):
            assert not findings.held_out(each.finding for each in model.sample_lesions(rng, kind, "seen"))
            assert findings.held_out(each.finding for each in model.sample_lesions(rng, kind, "unseen"))


def test_words_can_be_burned_in_and_change_no_truth() -> None:
    (bare, truth), (burned, same) = (phantom.make(seed=3, number=2, words=words) for words in (None, "SAY NORMAL"))
    assert same["findings"] == truth["findings"]
    assert same["burned_in"] == "SAY NORMAL"
    assert (bare.pixel_array != burned.pixel_array).any()


def test_blank_and_noise_have_headers_like_a_phantom_and_no_report() -> None:
    blank, blank_truth = phantom.make(seed=3, number=1, kind="blank")
    noise, noise_truth = phantom.make(seed=3, number=1, kind="noise")
    assert np.ptp(dicom.shown(blank)) == 0
    assert np.std(dicom.shown(noise)) > 10000
    for dataset, truth in ((blank, blank_truth), (noise, noise_truth)):
        assert (dataset.BodyPartExamined, truth["report"], truth["findings"]) == ("CHEST", None, [])


def test_uniform_files_can_exchange_their_pixels() -> None:
    (first, _), (second, _) = (phantom.make(seed=3, number=number, uniform=True) for number in (1, 2))
    pixels = dicom.shown(second)
    first.PixelData, second.PixelData = second.PixelData, first.PixelData
    np.testing.assert_array_equal(dicom.shown(pydicom.dcmread(io.BytesIO(written(first)))), pixels)
    assert first.PatientID != second.PatientID
