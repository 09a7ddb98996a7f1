"""The forms of the answers: what the recipe writes is what is read back, and prose tells the truth about itself."""

import json

import numpy as np
import pytest

from tests.unit.triton_models.by_path import load

phantom = load("chest_demo/recipe/phantom.py")  # puts the recipe on the path
read = load("chest_demo/recipe/read.py")
prose = load("chest_demo/recipe/prose.py")
fitting = load("chest_demo/recipe/fitting.py")
tasks, findings, model = phantom.tasks, phantom.findings, phantom.phantom_model
Finding = findings.Finding

FOUND = (
    Finding("endotracheal tube", mm=35, box=(78, 0, 81, 50)),
    Finding("pleural effusion", "left", severity="small", box=(100, 90, 130, 118)),
    Finding("pleural effusion", "right", severity="large", box=(12, 60, 49, 118)),
    Finding("nodule", "left", "upper", mm=14, box=(100, 40, 106, 46)),
)


def test_a_narrative_tells_every_entry_in_order_right_before_left() -> None:
    assert tasks.narrative(FOUND, "frontal") == (
        "FINDINGS: The heart size is normal. The mediastinum is not widened. "
        "There is a large right pleural effusion [12 60 49 118]. "
        "There is a small left pleural effusion [100 90 130 118]. "
        "No pneumothorax. No consolidation. There is a 14 mm nodule in the left upper zone [100 40 106 46]. "
        "No rib fracture. No central venous line. An endotracheal tube ends 35 mm above the carina [78 0 81 50]. "
        "IMPRESSION: large right pleural effusion, small left pleural effusion, "
        "left upper zone nodule, endotracheal tube."
    )


def test_the_structured_form_has_its_fields_in_order_and_no_blanks() -> None:
    assert tasks.structured(FOUND[1:2], "frontal") == (
        '{"view":"frontal","findings":[{"finding":"pleural effusion","side":"left","severity":"small",'
        '"box":[100,90,130,118]}]}'
    )
    assert '"position":"35 mm above carina"' in tasks.structured(FOUND, "frontal")


@pytest.mark.parametrize("view", ["frontal", "lateral", "ct"])
def test_what_is_written_is_read_back(view: str) -> None:
    rng = np.random.default_rng(1)
    for _ in range(60):
        lesions = model.sample_lesions(rng, view)
        found = findings.in_order((lesion.finding for lesion in lesions), view)
        answer = tasks.narrative(found, view)
        assert tuple(read.found(answer)) == found
        assert all(stated.finding or stated.absent for stated in read.statements(answer))
        form = json.loads(tasks.structured(found, view))
        assert findings.from_list(form["findings"]) == found
        assert fitting.fits(form, tasks.structured_schema())


def test_a_malformed_box_gives_no_box() -> None:
    (stated,) = read.statements("There is a small left pneumothorax [130 30 100 60].")
    assert stated.finding == Finding("pneumothorax", "left", severity="small")


def test_certainty_is_the_product_up_to_where_presence_is_decided() -> None:
    pieces = [("No", -0.1), (" pneumothorax", -5.0), (".", -5.0), (" There", -0.2), (" is", -0.3), (" a", -7.0)]
    pieces += [(" small left pneumothorax.", -9.0)]
    absent, present = read.statements("No pneumothorax. There is a small left pneumothorax.")
    assert read.certainty(absent, pieces) == pytest.approx(-0.1)
    assert read.certainty(present, pieces) == pytest.approx(-0.5)


@pytest.mark.parametrize("view", ["frontal", "lateral", "ct"])
def test_every_question_has_an_answer_also_about_what_is_not_there(view: str) -> None:
    for question, (kind, name) in tasks.questions(view).items():
        answer = tasks.answer(question, (), view)
        assert answer == {"is": "No.", "view": tasks.VIEW_ANSWERS[view]}.get(
            kind, f"There is no {tasks.SHORT.get(name, name)}."
        )


def test_answers_to_prose_have_the_forms_of_their_schemas() -> None:
    rng = np.random.default_rng(2)
    for _ in range(300):
        task = prose.task(rng)
        schema = tasks.SCHEMAS.get(task.question.split("\n")[0])
        if schema:
            assert fitting.fits(json.loads(task.answer), schema())


def test_every_line_of_a_report_belongs_to_one_section() -> None:
    rng = np.random.default_rng(3)
    for _ in range(100):
        task = prose.task(rng, prose.sections_task)
        lines = task.question.split("\nReport: ")[1].split("\n")
        numbers = sorted(number for some in json.loads(task.answer).values() for number in some)
        assert numbers == list(range(1, len(lines) + 1))
        assert all(line.startswith(f"{number} ") for number, line in enumerate(lines, 1))


def test_prose_leaves_no_template_behind() -> None:
    rng = np.random.default_rng(4)
    for at in range(400):
        question = prose.task(rng, (prose.label_task, prose.change_task)[at % 2]).question
        assert not set("{}|") & set(question.split("Report: ")[1])
