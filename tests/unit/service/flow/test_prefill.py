"""What an AI draft answers of a template, and what it does not."""

from __future__ import annotations

from dataclasses import replace

from service.adapters.templates.shelf import OURS, read_template
from service.domain import code
from service.domain.report import Finding, Measurement
from service.flow.prefill import left_over, prefill
from tests.support.reports import (
    CONSOLIDATION,
    EFFUSION,
    LINE,
    NO_PNEUMOTHORAX,
    NODULE,
    TUBE,
    WIDE,
    a_finding,
    a_report,
)

CHEST = read_template(OURS / "chest-radiograph.html")


def filled_from(*findings: Finding) -> dict[str, object]:
    report = a_report(findings=findings, sentences=())
    return {name: answer.value for name, answer in prefill(CHEST, report).items()}


def test_findings_answer_by_concept_side_degree_and_measurement() -> None:
    assert filled_from(EFFUSION, NODULE, NO_PNEUMOTHORAX, WIDE) == {
        "effusion-left": ("Small",), "nodule": ("Present",), "nodule-size": 12.4, "mediastinum": ("Present",),
        "pneumothorax-right": ("Absent",), "pneumothorax-left": ("Absent",),
    }  # fmt: skip


def test_an_answer_names_the_findings_that_it_rests_on() -> None:
    answers = prefill(CHEST, a_report())
    assert answers["effusion-left"].findings == ("pleural-effusion-left",)
    assert answers["nodule-size"].findings == ("nodule-1",)


def test_what_is_absent_on_one_side_says_nothing_of_the_other() -> None:
    absent = a_finding("e", code.PLEURAL_EFFUSION, present=False, laterality=code.RIGHT)
    assert filled_from(absent) == {"effusion-right": ("Absent",)}


def test_what_is_present_without_a_side_answers_no_side() -> None:
    present = a_finding("e", code.PLEURAL_EFFUSION, severity=code.MILD)
    report = a_report(findings=(present,), sentences=())
    answers = prefill(CHEST, report)
    assert answers == {}
    assert left_over(report, answers) == (present,)


def test_what_is_stated_both_ways_is_left_to_the_person() -> None:
    both = (EFFUSION, replace(EFFUSION, tracking_id="other", present=False))
    assert "effusion-left" not in filled_from(*both)


def test_of_several_the_worst_and_the_largest_are_said() -> None:
    worse = replace(EFFUSION, tracking_id="worse", severity=code.SEVERE)
    larger = replace(
        NODULE, tracking_id="n2", measurements=(Measurement(concept=code.DIAMETER, value=20.0, unit=code.MILLIMETER),)
    )
    assert filled_from(EFFUSION, worse, NODULE, larger) == {
        "effusion-left": ("Large",), "nodule": ("Present",), "nodule-size": 20.0,
    }  # fmt: skip


def test_devices_are_ticked_and_a_number_out_of_range_is_not_taken() -> None:
    huge = replace(NODULE, measurements=(Measurement(concept=code.DIAMETER, value=900.0, unit=code.MILLIMETER),))
    assert filled_from(LINE, TUBE, huge) == {
        "devices": ("Central venous catheter", "Endotracheal tube"), "nodule": ("Present",),
    }  # fmt: skip


def test_a_finding_that_no_field_takes_is_left_over() -> None:
    fracture = a_finding("f", code.EMPHYSEMA)
    report = a_report(findings=(CONSOLIDATION, fracture), sentences=())
    assert left_over(report, prefill(CHEST, report)) == (fracture,)
