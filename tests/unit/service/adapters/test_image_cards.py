"""Cards of models that read images: what their classes mean, and which word of them is wrong."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from service.adapters.cards import find_card, read_card
from service.cli.budget import over_budget
from service.cli.fleet import model_names
from service.domain import code
from service.domain.errors import Misconfigured
from service.domain.image_model import Task, Values
from tests.support.installation import REPOSITORY
from tests.support.scripted_image_model import NODULE, Script, constant, pointwise, write, write_card
from tests.unit.triton_models.by_path import engine

SCRIPT = Script(
    task="segmentation",
    graph=pointwise(3, gain=1, offset=0),
    input={"dimensions": "3d", "size": [4, 8, 8], "values": "modality"},
    output={"activation": "sigmoid"},
    card="temperature = 1.5",
    tables={"nodule": f"{NODULE}\nthreshold = 0.25\nstates_absence = true\nplatt = [1.0, -0.5]"},
)


def test_a_card_says_what_is_asked_and_what_the_classes_mean(tmp_path: Path) -> None:
    model = write(tmp_path, "lungs", SCRIPT)
    image = read_card(model).image
    assert image is not None
    assert (image.task, image.values, image.volume) == (Task.SEGMENTATION, Values.MODALITY, True)
    (nodule,) = image.classes
    assert (nodule.concept, nodule.site, nodule.laterality) == (code.NODULE, code.LUNG, None)
    assert nodule.concept.meaning == "Nodule"
    assert (nodule.threshold, nodule.states_absence) == (0.25, True)


def test_service_and_engine_name_the_same_classes_by_the_same_digest(tmp_path: Path) -> None:
    model = write(tmp_path, "lungs", SCRIPT)
    image = read_card(model).image
    assert image is not None
    assert engine("image_form").read_image_model(model).classes_digest == image.classes_digest
    card = (model / "card.toml").read_text()
    (model / "card.toml").write_text(card.replace("threshold = 0.25", "threshold = 0.3"))
    changed = read_card(model).image
    assert changed is not None
    assert changed.classes_digest != image.classes_digest


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("threshold = 0.25", "threshold = 25", "class.0.threshold"),
        ("threshold = 0.25", "treshold = 0.25", "class.0.treshold"),
        ('["27925004", "SCT", "Nodule"]', '["27925004", "SCT"]', "class.0.code"),
        ('["27925004", "SCT", "Nodule"]', '["27925004", "SCT", ""]', "a code is written"),
        ('task = "segmentation"', 'task = "detection"', "the card says task detection, preread.json segmentation"),
        ('task = "segmentation"', 'task = "divination"', "task"),
    ],
)
def test_a_wrong_card_is_told_by_model_and_field(before: str, after: str, said: str, tmp_path: Path) -> None:
    model = write(tmp_path, "lungs", SCRIPT)
    card = (model / "card.toml").read_text()
    assert before in card
    (model / "card.toml").write_text(card.replace(before, after))
    with pytest.raises(Misconfigured, match=rf"(?s)lungs: .*{said}"):
        read_card(model)


def test_a_card_without_its_form_is_told_so(tmp_path: Path) -> None:
    model = write(tmp_path, "lungs", SCRIPT)
    (model / "1" / "preread.json").unlink()
    with pytest.raises(Misconfigured, match=r"lungs: .*preread.json"):
        read_card(model)


def test_two_models_beyond_the_memory_of_the_machine_are_not_started(tmp_path: Path) -> None:
    for name, size in (("lungs", 3000), ("liver", 2000)):
        script = Script(task="classification", graph=constant(score=[[0.5]]), input={}, memory_mb=size)
        write(tmp_path, name, script)
    cards = [find_card(name, (tmp_path,)) for name in model_names((tmp_path,))]
    said = over_budget(cards, given_mb=4096, machine_mb=65536)
    assert said is not None
    assert "lungs" in said
    assert "liver" in said


def test_the_folder_that_the_document_shows_is_one(tmp_path: Path) -> None:
    told = (REPOSITORY / "deploy" / "docs" / "model-contract.md").read_text(encoding="utf-8")
    told = told[told.index("### Folder of a model that reads images") :]
    card, form = (re.search(rf"```{kind}\n(.*?)```", told, re.DOTALL) for kind in ("toml", "json"))
    assert card is not None
    assert form is not None
    model = write(tmp_path, "lungs", SCRIPT)
    (model / "1" / "preread.json").write_text(form[1])
    write_card(model, SCRIPT)
    head = (model / "card.toml").read_text().split("task =")[0]
    (model / "card.toml").write_text(head + card[1])
    read = engine("image_form").read_image_model(model)
    assert (read.input.spacing_mm, read.sliding_window.overlap) == ((1.5, 1.5, 1.5), 0.5)
    image = read_card(model).image
    assert image is not None
    assert image.classes[0].laterality == code.LEFT
