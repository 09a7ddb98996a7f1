"""A form through the JSON of the edit log and back: equal, template and all."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from service.adapters.edit_rows import edit_of, edit_row
from service.adapters.form_rows import form_of, form_row
from service.adapters.templates.shelf import OURS, TemplateShelf, read_template
from service.domain.edit import Edit, EditClass, Provenance
from service.domain.phrase import narrative
from service.domain.submitted import Submitted
from service.domain.template import Template
from tests.support.forms import every_kind, fills

TEMPLATES = [every_kind(), *(read_template(file) for file in sorted(OURS.glob("*.html")))]
ENGLISH = TemplateShelf(OURS / "no site").phrases("en")


def bare(template: Template) -> Template:
    """Without what an answer does not need."""
    sections = tuple(
        replace(one, fields=tuple(replace(field, default=None) for field in one.fields)) for one in template.sections
    )
    return replace(template, sections=sections, notes=())


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.name)
def test_generated_fills_come_back_as_they_went(template: Template) -> None:
    for filled in fills(template, 12):
        form = Submitted(filled=filled, told=narrative(filled, ENGLISH), touched=frozenset({template.fields[0].name}))
        again = form_of(json.loads(json.dumps(form_row(form))))
        assert again == replace(form, filled=replace(filled, template=bare(template)))


def test_an_answer_that_the_template_cannot_have_is_no_row() -> None:
    *_, filled = fills(TEMPLATES[0], 2)
    row = form_row(Submitted(filled=filled, told=()))
    for answers in ({"nothing": ["x"]}, {"size": ["big"]}, {"size": []}):
        with pytest.raises(ValueError):  # noqa: PT011 - which of them is told by its own test
            form_of({**row, "answers": answers})


def test_an_edit_that_no_form_made_is_kept_as_it_always_was() -> None:
    plain = Edit(at=1, before="", after="A.", classes=(EditClass.INSERT,))
    assert set(edit_row(plain)) == {"at", "before", "after", "classes"}
    told = replace(plain, wrote=Provenance.AI, findings=("effusion",))
    for edit in (plain, told):
        assert edit_of(json.loads(json.dumps(edit_row(edit)))) == edit
