"""The set of reports keeps its own rules, and a report that breaks them is refused by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.bench.text_tasks.report_set import CHANGES, LABELS, BadReport, Fact, Report, parse, read_set


@pytest.fixture(scope="module")
def reports() -> tuple[Report, ...]:
    return read_set()


def entry(**gold: Any) -> dict[str, Any]:
    """One report of three lines, with the gold fields a test is about."""
    answers = {"sections": {"indication": [1], "findings": [2], "impression": [3]}, **gold}
    text = "\nHistory: cough\nClear lungs.\nImpression: normal.\n"
    return {
        "id": "one",
        "language": "en",
        "kind": "chest radiograph",
        "style": "standard",
        "text": text,
        "gold": answers,
    }


def test_the_set_is_as_large_as_its_readme_says(reports: tuple[Report, ...]) -> None:
    readme = (Path(__file__).parents[2] / "bench" / "reports" / "README.md").read_text(encoding="utf-8")
    german = sum(report.language == "de" for report in reports)
    assert f"{len(reports)} radiology reports" in readme
    assert f"{len(reports) - german} English, {german} German" in readme
    assert f"| with a prior report | {sum(bool(report.prior) for report in reports)} |" in readme


def test_the_set_is_large_and_varied_enough_to_measure_with(reports: tuple[Report, ...]) -> None:
    assert len(reports) >= 110
    assert sum(report.language == "de" for report in reports) >= 12
    assert sum(report.kind == "chest radiograph" for report in reports) >= 80
    assert sum(report.kind == "chest CT" for report in reports) >= 20
    assert sum(bool(report.change) for report in reports) >= 30
    assert {value for report in reports for value in report.change.values()} == set(CHANGES)


def test_no_two_reports_have_the_same_text(reports: tuple[Report, ...]) -> None:
    assert len({report.text for report in reports}) == len(reports)


def test_no_two_findings_sections_share_a_sentence_of_some_length(reports: tuple[Report, ...]) -> None:
    sentences = [one for report in reports for one in {*report.text.replace("\n", ". ").split(". ")} if len(one) > 60]
    assert len(sentences) == len(set(sentences))


def test_every_label_is_stated_somewhere(reports: tuple[Report, ...]) -> None:
    assert {label for report in reports for label in LABELS if report.labels[label] == "present"} == set(LABELS)


def test_no_finding_stands_beside_no_finding(reports: tuple[Report, ...]) -> None:
    for report in reports:
        others = {report.labels[label] for label in LABELS if label not in ("No Finding", "Support Devices")}
        assert report.labels["No Finding"] in ("present", "not mentioned"), report.id
        assert report.labels["No Finding"] != "present" or not others & {"present", "uncertain"}, report.id


def test_the_label_of_devices_agrees_with_the_list_of_devices(reports: tuple[Report, ...]) -> None:
    for report in reports:
        states = {state for _, state in report.devices}
        expected = "present" if states & {"present", "malpositioned"} else "absent" if states else None
        assert expected in (None, report.labels["Support Devices"]), report.id
        assert states or report.labels["Support Devices"] != "present", report.id


def test_an_impression_is_asked_from_what_stood_before_it() -> None:
    told = parse({**entry(), "text": "History: cough\nClear lungs.\nImpression: normal."})
    assert told.without_impression == "History: cough\nClear lungs."


def test_an_addendum_is_not_shown_to_who_writes_the_impression() -> None:
    gold = {"sections": {"findings": [2], "impression": [3]}, "loose": [1, 4]}
    told = parse({**entry(), "text": "CHEST\nClear.\nNormal.\nADDENDUM: a nodule.", "gold": gold})
    assert told.without_impression == "CHEST\nClear."


def test_labels_that_no_list_names_are_not_mentioned() -> None:
    labels = parse(entry(absent=["Edema"])).labels
    assert labels["Edema"] == "absent"
    assert labels["Fracture"] == "not mentioned"
    assert tuple(labels) == LABELS


def test_a_fact_has_alternatives_a_side_and_a_denial() -> None:
    facts = parse(entry(facts=["consolidation/pneumonia, right", "no pneumothorax"])).facts
    assert facts == (Fact(("consolidation", "pneumonia"), "right"), Fact(("pneumothorax",), present=False))


@pytest.mark.parametrize(
    ("gold", "told"),
    [
        ({"present": ["Oedema"]}, "unknown labels: Oedema"),
        ({"present": ["Edema"], "absent": ["Edema"]}, "a label stands twice"),
        ({"sections": {"findings": [2, 3]}}, r"places the lines \[2, 3\], and has 3"),
        ({"sections": {"findings": [1, 2, 3, 4]}}, "each must be placed once"),
        ({"sections": {"findings": [1, 2], "impression": [2, 3]}}, "each must be placed once"),
        ({"sections": {"body": [1, 2, 3]}}, "unknown sections: body"),
        ({"devices": {"present": ["tube"]}}, "unknown devices: tube"),
        ({"devices": {"lost": ["port"]}}, "unknown states of devices: lost"),
        ({"facts": ["gout, left"]}, "unknown findings: gout"),
        ({"facts": ["nodule, upper"]}, "unknown sides: upper"),
        ({"change": {"nodule": "new"}}, "`prior` and `change` come together"),
        ({"sections": {"impression": [1, 2, 3]}, "facts": ["nodule"]}, "no findings to conclude from"),
        ({"present_labels": []}, "unknown gold fields: present_labels"),
    ],
)
def test_a_report_that_breaks_a_rule_is_refused(gold: dict[str, Any], told: str) -> None:
    with pytest.raises(BadReport, match=told):
        parse(entry(**gold))


def test_a_blank_line_would_shift_the_numbers_and_is_refused() -> None:
    with pytest.raises(BadReport, match="blank line"):
        parse({**entry(), "text": "History: cough\n\nClear lungs."})


def test_a_file_with_a_bad_report_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text('[[report]]\nid = "x-1"\n', encoding="utf-8")
    with pytest.raises(BadReport, match=r"bad\.toml, x-1"):
        read_set(tmp_path)
