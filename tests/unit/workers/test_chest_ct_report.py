"""The chest CT algorithm: a few slices of a series, each read by itself, to one report."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest

from service.domain import code
from service.domain.report import Finding
from service.domain.study import Instance, StoredInstance
from tests.support.narratives import CT, answer, ct_slice, narrative, stored
from workers.algorithms import chest_ct_report as chest
from workers.algorithms.base import Draft, Looked

CLEAR = narrative(CT)


def series(count: int, name: str = "1.3", **attributes: str) -> list[StoredInstance]:
    return [stored(ct_slice(number, series=name, **attributes)) for number in range(1, count + 1)]


def numbers(chosen: Sequence[StoredInstance]) -> list[int]:
    return [number for one in chosen if (number := one.instance.number) is not None]


def read(*texts: str, instances: Sequence[Instance] = ()) -> Draft:
    """What the algorithm makes of slices, one after another."""
    images = instances or [ct_slice(number) for number in range(1, len(texts) + 1)]
    looked = [Looked(instance=each, number=n, of=len(images)) for n, each in enumerate(images, 1)]
    drafts = [chest.interpret(answer(text), one, namespace="n") for text, one in zip(texts, looked, strict=True)]
    return chest.combine(drafts, looked, namespace="n")


def nodule(mm: int, box: str, side: str = "right") -> str:
    return narrative(CT, f"{side} nodule", nodule=f"There is a {mm} mm nodule in the {side} lung [{box}].")


def effusion(size: str, box: str, side: str = "right") -> str:
    return narrative(
        CT, f"{size} {side} pleural effusion", effusion=f"There is a {size} {side} pleural effusion [{box}]."
    )


def present(draft: Draft) -> list[Finding]:
    return [finding for finding in draft.findings if finding.present]


def lines(draft: Draft) -> list[str]:
    return [sentence.text for sentence in draft.sentences]


# --- which slices ----------------------------------------------------------------------------------------------------


def test_slices_are_spread_evenly_and_their_number_is_told() -> None:
    choice = chest.choose(series(120))
    assert numbers(choice.images) == [6, 16, 26, 36, 46, 56, 65, 75, 85, 95, 105, 115]
    assert choice.notes == ("12 of 120 slices were read",)
    assert choice.left_out == ()


def test_a_small_series_is_read_whole() -> None:
    choice = chest.choose(series(5))
    assert numbers(choice.images) == [1, 2, 3, 4, 5]
    assert choice.notes == ("5 of 5 slices were read",)


def test_slices_are_ordered_by_where_they_lie_not_by_number_or_arrival() -> None:
    upside_down = [stored(ct_slice(number, z_mm=-5.0 * number)) for number in range(1, 5)]
    assert numbers(chest.choose(upside_down).images) == [4, 3, 2, 1]
    assert numbers(chest.choose(upside_down[::-1]).images) == [4, 3, 2, 1]


def test_gaps_between_slices_do_not_shift_what_is_read() -> None:
    dense_at_one_end = [stored(ct_slice(n, z_mm=n * 0.1 if n <= 100 else (n - 99) * 10.0)) for n in range(1, 201)]
    chosen = chest.choose(dense_at_one_end).images
    heights = [one.instance.position_mm[2] for one in chosen]
    steps = [after - before for before, after in pairwise(heights)]
    assert len(chosen) == chest.MAX_SLICES
    assert max(steps) - min(steps) <= 20


def test_a_second_phase_in_the_same_places_is_not_read_twice() -> None:
    twice = [stored(ct_slice(number, z_mm=5.0 * (number % 4))) for number in range(1, 9)]
    assert len(chest.choose(twice).images) == 4


def test_the_largest_axial_series_is_read_and_the_others_are_told() -> None:
    sagittal = series(200, "1.5", ImageOrientationPatient="0\\1\\0\\0\\0\\-1")
    choice = chest.choose([*series(20, "1.3"), *series(60, "1.4"), *sagittal])
    assert {one.instance.series_instance_uid for one in choice.images} == {"1.4"}
    assert choice.notes == ("12 of 60 slices of 1 of 3 series were read",)


@pytest.mark.parametrize(
    "attributes",
    [
        {"ImageOrientationPatient": "0\\1\\0\\0\\0\\-1"},  # sagittal
        {"ImageOrientationPatient": "1\\0\\0\\0\\0\\-1"},  # coronal
        {"ImageOrientationPatient": "-1\\0\\0\\0\\-1\\0"},  # the patient's left on the left of the image
        {"ImageOrientationPatient": "-1\\0\\0\\0\\1\\0"},
        {"ImageOrientationPatient": ""},
        {"ImageOrientationPatient": "1\\0\\0\\0\\1"},
        {"ImageOrientationPatient": "1\\0\\0\\0\\1\\zero"},
        {"ImagePositionPatient": ""},
    ],
)
def test_a_series_whose_sides_cannot_be_told_is_not_read(attributes: dict[str, str]) -> None:
    choice = chest.choose(series(3, **attributes))
    assert choice.images == ()
    assert choice.left_out == (chest.NOT_AXIAL,)


def test_a_tilted_gantry_is_still_axial() -> None:
    tilted = series(40, ImageOrientationPatient="1\\0\\0\\0\\0.966\\-0.259")
    assert len(chest.choose(tilted).images) == chest.MAX_SLICES


# --- what they say together ------------------------------------------------------------------------------------------


def test_what_no_slice_shows_is_absent_on_all_that_were_read() -> None:
    draft = read(CLEAR, CLEAR, CLEAR)
    assert {finding.concept for finding in draft.findings} == set(chest.LOOKED_FOR)
    assert all(len(finding.evidence) == 3 for finding in draft.findings)
    assert lines(draft)[0] == "All 3 slices read: No pleural effusion."
    assert lines(draft)[-1] == "Normal study."


def test_an_effusion_on_several_slices_is_one_with_the_largest_first() -> None:
    draft = read(effusion("small", "10 90 30 99"), effusion("large", "10 60 60 110"), effusion("small", "10 80 50 99"))
    (found,) = present(draft)
    assert found.severity == code.SEVERE
    assert [evidence.sop_instance_uid for evidence in found.evidence] == ["1.3.2", "1.3.1", "1.3.3"]
    assert all(evidence.region for evidence in found.evidence)
    assert "All 3 slices read: There is a large right pleural effusion." in lines(draft)
    assert not any("small" in line for line in lines(draft))


def test_each_side_is_a_finding_of_its_own() -> None:
    draft = read(effusion("small", "10 90 30 99"), effusion("small", "120 90 140 99", "left"), CLEAR)
    assert [finding.tracking_id for finding in present(draft)] == ["pleural-effusion-right", "pleural-effusion-left"]
    assert not [finding for finding in draft.findings if finding.concept == code.PLEURAL_EFFUSION][2:]
    assert "Slice 1: There is a small right pleural effusion." in lines(draft)


def test_overlapping_nodules_on_neighbouring_slices_are_one_of_the_largest_size() -> None:
    draft = read(CLEAR, nodule(8, "40 40 44 44"), nodule(14, "41 41 48 48"), nodule(9, "42 42 46 46"))
    (found,) = present(draft)
    assert found.measurements[0].text == "14 mm"
    assert found.evidence[0].sop_instance_uid == "1.3.3"
    assert "Slices 2, 3 and 4: There is a 14 mm nodule in the right lung." in lines(draft)
    assert lines(draft)[-1] == "Right nodule."


@pytest.mark.parametrize(
    "texts",
    [
        (nodule(8, "40 40 44 44"), nodule(8, "60 60 64 64")),  # elsewhere
        (nodule(8, "40 40 44 44"), CLEAR, nodule(8, "40 40 44 44")),  # not on the slice between
        (nodule(8, "40 40 44 44"), nodule(8, "40 40 44 44", "left")),  # on the other side
        (nodule(8, "40 40 44 44"), nodule(8, "44 40 40 44")),  # where, is not known
    ],
)
def test_other_nodules_are_findings_of_their_own(texts: tuple[str, ...]) -> None:
    assert len(present(read(*texts))) == 2


def test_of_two_nodules_on_a_slice_each_goes_on_where_it_overlaps_most() -> None:
    two = narrative(
        CT,
        "right nodule, right nodule",
        nodule="There is a 9 mm nodule in the right lung [40 40 49 49]. "
        "There is a 5 mm nodule in the right lung [48 48 52 52].",
    )
    draft = read(two, two.replace("9 mm", "10 mm"))
    assert [finding.measurements[0].text for finding in present(draft)] == ["10 mm", "5 mm"]
    assert [len(finding.evidence) for finding in present(draft)] == [2, 2]


def test_emphysema_has_a_grade_and_no_box() -> None:
    text = narrative(CT, "severe emphysema", emphysema="There is severe emphysema.")
    (found,) = present(read(CLEAR, text))
    assert (found.concept, found.severity, found.evidence[0].region) == (code.EMPHYSEMA, code.SEVERE, None)


def test_slices_without_numbers_of_their_own_are_counted() -> None:
    unnumbered = [ct_slice(number, InstanceNumber="7") for number in (1, 2)]
    draft = read(CLEAR, effusion("small", "10 90 30 99"), instances=unnumbered)
    assert "Slice 2: There is a small right pleural effusion." in lines(draft)


def test_what_one_slice_is_in_doubt_about_is_not_absent_on_the_others() -> None:
    doubtful = CLEAR.replace("normal study", "right consolidation")
    draft = read(CLEAR, doubtful, CLEAR)
    assert draft.doubts == ("consolidation",)
    assert code.CONSOLIDATION not in {finding.concept for finding in draft.findings}
    assert not any("normal" in line.lower() for line in lines(draft))


def test_what_another_slice_shows_is_told_though_one_is_in_doubt_about_it() -> None:
    doubtful = CLEAR.replace("normal study", "right nodule")
    draft = read(doubtful, nodule(14, "40 40 49 49"))
    assert [finding.concept for finding in present(draft)] == [code.NODULE]


def test_a_series_of_which_a_slice_was_not_read_is_not_called_normal() -> None:
    looked = [Looked(instance=ct_slice(number), number=number, of=3) for number in (1, 2, 3)]
    drafts = [chest.interpret(answer(CLEAR), one, namespace="n") for one in looked[:2]]
    draft = chest.combine(drafts, looked, namespace="n")
    assert draft.findings
    assert not any("normal" in line.lower() for line in lines(draft))
