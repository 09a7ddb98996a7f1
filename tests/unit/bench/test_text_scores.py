"""The figures, against counts made by hand."""

from __future__ import annotations

import json

import pytest

from service.domain.errors import Refused
from service.ports.finish import Finish
from service.ports.models import Answer, Question, ScriptedModels
from tests.bench.text_tasks.__main__ import ask, ask_all, table
from tests.bench.text_tasks.figures import figures, groups, references
from tests.bench.text_tasks.forms import TASKS, read_json
from tests.bench.text_tasks.mentions import findings
from tests.bench.text_tasks.report_set import LABELS, NOT_MENTIONED, Fact, Report, parse
from tests.bench.text_tasks.scores import (
    Count,
    changes_right,
    count_labels,
    count_sets,
    facts_supported,
    facts_told,
    lines_right,
    macro_f1,
    micro_f1,
    named_devices,
    share,
)

TEXT = "CHEST\nHistory: cough\nFindings: Left effusion. ET tube.\nNo pneumothorax.\nImpression: Left effusion."
GOLD = {
    "present": ["Pleural Effusion", "Support Devices"],
    "absent": ["Pneumothorax"],
    "sections": {"indication": [2], "findings": [3, 4], "impression": [5]},
    "loose": [1],
    "devices": {"present": ["endotracheal tube"]},
    "facts": ["pleural effusion, left"],
    "change": {"pleural effusion": "worse"},
}


def report(**fields: object) -> Report:
    told = {
        "id": "one",
        "language": "en",
        "kind": "chest radiograph",
        "style": "standard",
        "text": TEXT,
        "prior": "Clear.",
    }
    return parse({**told, "gold": GOLD, **fields})


RIGHT = {
    "labels": json.dumps(dict(report().labels)),
    "sections": '{"indication":[2],"technique":[],"comparison":[],"findings":[3,4],"impression":[5]}',
    "devices": '{"devices":[{"device":"endotracheal tube","state":"present"}]}',
    "impression": "Left pleural effusion.",
    "change": '{"pleural effusion":"worse"}',
}


def labels(**stated: str) -> dict[str, str]:
    return {label: stated.get(label.replace(" ", "_"), NOT_MENTIONED) for label in LABELS}


def test_f1_is_two_hits_over_all_that_was_said_or_should_have_been() -> None:
    count = Count(hits=3, invented=1, missed=2)
    assert count.f1 == pytest.approx(6 / 9)
    assert count.precision == pytest.approx(3 / 4)
    assert count.recall == pytest.approx(3 / 5)
    assert Count().f1 is None


def test_sets_are_counted_by_what_they_share() -> None:
    assert count_sets(frozenset("abc"), frozenset("bcde")) == Count(hits=2, invented=2, missed=1)


def test_micro_f1_adds_decisions_up_and_macro_f1_is_the_mean_over_labels_that_occur() -> None:
    pairs = [
        (labels(Edema="present", Fracture="present"), labels(Edema="present")),
        (labels(Edema="present"), labels(Edema="present", Pneumonia="present")),
        (labels(Edema="absent"), labels(Edema="present")),
    ]
    counts = count_labels("present", pairs)
    assert counts["Edema"] == Count(hits=2, invented=1, missed=0)
    assert micro_f1(counts) == pytest.approx(4 / 7)  # 2 hits; Edema and Pneumonia invented; Fracture missed
    assert macro_f1(counts) == pytest.approx((4 / 5 + 0) / 2)  # Edema and Fracture occur
    assert micro_f1(count_labels("absent", pairs)) == 0


def test_an_answer_without_a_label_misses_it() -> None:
    assert count_labels("present", [(labels(Edema="present"), {})])["Edema"] == Count(missed=1)


@pytest.mark.parametrize(
    ("answered", "right"),
    [
        ({"indication": [2], "findings": [3, 4], "impression": [5]}, 4),
        ({"technique": [1], "indication": [2], "findings": [3, 4], "impression": [5]}, 4),  # line 1 is loose
        ({"indication": [2], "findings": [3, 4, 5], "impression": [5]}, 3),  # line 5 stands twice
        ({"indication": [2], "findings": [4], "impression": [3, 5, 9]}, 3),
        ({}, 0),
    ],
)
def test_a_line_is_right_in_its_one_section(answered: dict[str, list[int]], right: int) -> None:
    assert lines_right(report(), answered) == (right, 4)


def test_devices_are_compared_with_their_state() -> None:
    answered = {"devices": [{"device": "port", "state": "present"}, {"device": "port", "state": "present"}]}
    assert named_devices(answered) == {("port", "present")}
    assert named_devices({}) == frozenset()


def test_a_change_that_nobody_asked_for_is_a_mistake() -> None:
    right = {"edema": "new", "nodule": "stable"}
    assert changes_right(right, {"edema": "new", "fracture": "new"}) == (1, 3)
    assert changes_right(right, right) == (2, 2)


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("Left effusion.", 1),
        ("Left effusion, no pneumothorax.", 2),
        ("Right effusion. No pneumothorax.", 1),  # the wrong side
        ("Effusion. Pneumothorax.", 0),  # no side, and not denied
        ("Bilateral effusions.", 0),
    ],
)
def test_a_fact_is_told_with_its_side_or_its_denial(written: str, told: int) -> None:
    facts = (Fact(("pleural effusion",), "left"), Fact(("pneumothorax",), present=False))
    assert facts_told(facts, findings(written)) == (told, 2)


def test_both_sides_are_told_by_both_by_each_or_by_a_plural() -> None:
    fact = (Fact(("pleural effusion",), "both"),)
    for written in ("Bilateral effusions.", "Left effusion. Right effusion.", "Small effusions."):
        assert facts_told(fact, findings(written)) == (1, 1), written
    assert facts_told(fact, findings("Left effusion.")) == (0, 1)


def test_what_is_written_needs_a_fact_or_the_findings_behind_it() -> None:
    facts, source = (Fact(("pleural effusion",), "left"),), findings("Left effusion. Right nodule. No fracture.")
    written = findings("Left effusion. Left nodule. Right nodule. No edema. Rib fracture. No effusion on the left.")
    # Borne out: the effusion and the right nodule. Not: the left nodule, the fracture, the denied effusion.
    assert facts_supported(facts, written, source) == (2, 5)


def test_an_answer_that_only_denies_is_not_precise() -> None:
    assert facts_supported((), findings("No edema."), findings("Clear.")) == (0, 0)


def test_no_share_of_nothing() -> None:
    assert share([]) is None
    assert share([(1, 2), (2, 2)]) == pytest.approx(3 / 4)


def test_a_cut_off_answer_is_none() -> None:
    assert read_json('{"a":1}') == {"a": 1}
    assert read_json('{"a":') is None
    assert read_json("[1]") is None


def test_right_answers_make_full_figures() -> None:
    made = figures([report()], {task: {"one": answer} for task, answer in RIGHT.items()})
    full = {name: value for name, value in made.items() if value == 1 and name != "reports"}
    assert set(made) - set(full) == {
        "reports",
        "prompts",
        "prompts too long",
        "answers unreadable",
        "labels uncertain micro F1",  # none is uncertain
        "labels uncertain macro F1",
    }
    assert (made["prompts"], made["prompts too long"], made["answers unreadable"]) == (5, 0, 0)


def test_an_answer_that_never_came_counts_as_empty() -> None:
    made = figures([report()], {"sections": {"one": None}, "devices": {"one": '{"dev'}})
    assert (made["prompts"], made["prompts too long"], made["answers unreadable"]) == (2, 1, 1)
    assert (made["sections lines"], made["devices F1"]) == (0, 0)
    assert "change accuracy" not in made


def test_references_are_scored_like_a_model() -> None:
    made = references([report()])
    assert made["labels: nothing mentioned"]["labels present micro F1"] == 0
    assert made["labels: keywords"]["labels present micro F1"] == 1
    assert made["change: always stable"]["change accuracy"] == 0
    assert made["impression: the report's own"]["impression recall"] == 1


def test_reports_are_grouped_by_language_kind_and_style() -> None:
    other = report(id="two", language="de", style="hedged")
    assert {name: len(members) for name, members in groups([report(), other]).items()} == {
        "all": 2,
        "language de": 1,
        "language en": 1,
        "kind chest radiograph": 2,
        "style hedged": 1,
        "style standard": 1,
    }


def scripted(question: Question) -> Answer:
    """Answers everything right, by the instruction."""
    instruction = str(question.parts[0]).split("\n")[0]
    task = next(task for task in TASKS if task.instruction == instruction)
    return Answer(text=RIGHT[task.name], finish=Finish.STOP, model="m", version="1", digest="sha256:0")


def test_every_task_is_asked_in_the_words_the_model_knows() -> None:
    models = ScriptedModels({}, scripted)
    answers = ask_all(models, "m", TASKS, [report()])
    assert answers == {task: {"one": answer} for task, answer in RIGHT.items()}
    prompts = {str(asked.parts[0]) for asked in models.asked}
    assert f"Label the report as JSON.\nReport: {TEXT}" in prompts
    assert f"Compare with the prior as JSON.\nReport: {TEXT}\nPrior: Clear." in prompts
    assert "Write the impression.\nReport: " + TEXT.rsplit("\n", 1)[0] in prompts
    assert any(
        prompt.startswith("Split the report as JSON.\nReport: 1 CHEST\n2 History: cough\n") for prompt in prompts
    )
    assert sum(asked.guidance is None for asked in models.asked) == 1


def test_a_prompt_too_long_has_no_answer_and_another_refusal_ends_the_run() -> None:
    def too_long(question: Question) -> Answer:
        raise Refused("m refused the question: the prompt has 900 tokens, the model takes 512")

    def confused(question: Question) -> Answer:
        raise Refused("m refused the question: guidance refused")

    assert ask(ScriptedModels({}, too_long), "m", TASKS[0], report()) is None
    with pytest.raises(Refused, match="guidance"):
        ask(ScriptedModels({}, confused), "m", TASKS[0], report())


def test_the_table_has_a_line_for_each_group_and_a_dash_for_what_was_not_asked() -> None:
    lines = table({"all": {"reports": 2, "devices F1": 0.5, "sections exact": None}}).split("\n")
    assert len(lines) == 2
    assert lines[1].split()[:2] == ["all", "2"]
    assert "50.0" in lines[1].split()
    assert "-" in lines[1].split()
