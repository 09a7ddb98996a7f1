"""What the demo model's recipe teaches: a report begun by another hand goes on of one mind."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

from tests.unit.triton_models.by_path import load

load("chest_demo/recipe/phantom.py")  # puts the recipe on the path
corpus: Any = load("chest_demo/recipe/corpus.py")
read: Any = sys.modules.get("read") or load("chest_demo/recipe/read.py")
phantom_model: Any = sys.modules["phantom_model"]


def shown(rng: np.random.Generator, view: str) -> tuple[str, tuple[Any, ...]]:
    lesions = phantom_model.sample_lesions(rng, view)
    return view, tuple(lesion.finding for lesion in lesions)


@pytest.mark.parametrize("view", ["frontal", "lateral", "ct"])
def test_an_impression_never_names_a_true_finding_otherwise_than_the_sentence_before_it(view: str) -> None:
    rng = np.random.default_rng(4)
    nudged = 0
    for _ in range(120):
        picture, other = shown(rng, view), shown(rng, view)
        given, answer, _ = corpus.continued(rng, picture, other)
        if "IMPRESSION" in given:
            continue
        told = read.found(given + answer)
        items = answer.split("IMPRESSION: ")[1].removesuffix(".").split(", ")
        stated = {corpus.tasks.item(each, view) for each in told}
        true = {corpus.tasks.item(each, view) for each in picture[1]}
        places = {each.place for each in told}
        for item in items:
            assert item in stated or item == "normal study" or item in true
            nudged += item in stated and item not in true
        for each in picture[1]:
            if each.place in places and sum(one.place == each.place for one in told) == 1:
                (sentence,) = (one for one in told if one.place == each.place)
                assert corpus.tasks.item(sentence, view) in items
    assert nudged > 10


def test_an_impression_leaves_out_what_the_picture_does_not_show() -> None:
    rng = np.random.default_rng(5)
    false = 0
    for _ in range(80):
        picture, other = shown(rng, "frontal"), shown(rng, "frontal")
        given, answer, _ = corpus.continued(rng, picture, other)
        if "IMPRESSION" in given:
            continue
        own = {each.place for each in picture[1]}
        invented = [each for each in read.found(given) if each.place not in own]
        items = answer.split("IMPRESSION: ")[1].removesuffix(".").split(", ")
        assert not {corpus.tasks.item(each, "frontal") for each in invented} & set(items)
        false += len(invented)
    assert false > 20
