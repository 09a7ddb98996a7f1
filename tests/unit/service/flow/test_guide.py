"""A model's guided answer: the schema that it must have, and the form that it fills."""

from __future__ import annotations

import json
from typing import Any

import pytest
from llguidance import LLMatcher

from service.adapters.templates.shelf import OURS, read_template
from service.domain.errors import Unclear
from service.domain.template import Template
from service.flow.guide import read_answer, schema, written
from tests.support.forms import every_kind, fills

TEMPLATES = [every_kind(), *(read_template(file) for file in sorted(OURS.glob("*.html")))]


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.name)
def test_the_schema_is_one_that_the_engines_guide_by(template: Template) -> None:
    grammar = LLMatcher.grammar_from_json_schema(json.dumps(schema(template)))
    assert LLMatcher.validate_grammar(grammar) == ""


def test_the_schema_asks_for_every_field_and_lets_none_be_made_up() -> None:
    found = schema(every_kind())
    assert found["required"] == ["words", "size", "one", "some", "day"]
    assert found["additionalProperties"] is False
    null: dict[str, Any] = {"type": "null"}
    assert found["properties"]["size"] == {"anyOf": [{"type": "number", "minimum": 0, "maximum": 500}, null]}
    assert found["properties"]["one"] == {"anyOf": [{"type": "string", "enum": ["No", "Yes"]}, null]}


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.name)
def test_an_answer_is_read_as_the_form_that_it_was_made_of(template: Template) -> None:
    for filled in fills(template, 50):
        assert read_answer(template, written(filled)).values == filled.values


def test_what_the_images_do_not_say_is_left_empty() -> None:
    assert read_answer(every_kind(), '{"words": null, "size": 3, "some": ["Second"]}').values == {
        "size": 3.0, "some": ("Second",),
    }  # fmt: skip


@pytest.mark.parametrize(
    "answer",
    [
        "", "[]", "null", '{"size": "3"}', '{"size": true}', '{"size": 501}', '{"size": 1e999}', '{"one": "Perhaps"}',
        '{"some": []}', '{"some": "First"}', '{"some": ["x"]}', '{"day": "yesterday"}', '{"day": 3}', '{"other": 1}',
        '{"words": 3}', "[" * 100_000, f'{{"size": {"9" * 400}}}',
    ],
)  # fmt: skip
def test_an_answer_of_another_form_is_not_taken(answer: str) -> None:
    with pytest.raises(Unclear, match="is no form of every-kind"):
        read_answer(every_kind(), answer)
