"""A filled template through real SR bytes and back: equal, with every code, behind the notice of every object."""

from __future__ import annotations

from io import BytesIO

import pytest
from pydicom import dcmread

from dicom_nodes.objects import encoders
from dicom_nodes.objects.filled_form import decode, encode
from dicom_nodes.objects.structure import complaints
from dicom_nodes.objects.tree import tree
from service.adapters.templates.shelf import OURS, TemplateShelf, read_template
from service.domain.errors import Unreadable
from service.domain.filled import Filled
from service.domain.phrase import Phrases
from service.domain.report import first_line
from service.domain.template import Template
from tests.support.forms import every_kind, fills
from tests.support.reports import a_context, a_report

TEMPLATES = [every_kind(), *(read_template(file) for file in sorted(OURS.glob("*.html")))]
ENGLISH = TemplateShelf(OURS / "no site").phrases("en")


def through_bytes(filled: Filled, phrases: Phrases = ENGLISH) -> bytes:
    return encode(filled, a_report(), a_context(), phrases)


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.name)
def test_generated_fills_come_back_as_they_went(template: Template) -> None:
    for filled in fills(template, 50 if template.name == "every-kind" else 12):
        assert decode(through_bytes(filled), template) == filled


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.name)
def test_a_form_is_a_document_that_may_leave(template: Template) -> None:
    *_, full = fills(template, 3)
    part10 = through_bytes(full)
    assert complaints(part10) == ()
    assert part10 == through_bytes(full)
    flags = dcmread(BytesIO(part10))
    assert (flags.VerificationFlag, flags.PreliminaryFlag) == ("UNVERIFIED", "PRELIMINARY")


def test_a_person_reads_the_notice_then_the_sentences_then_the_answers() -> None:
    chest = next(template for template in TEMPLATES if template.name == "chest-radiograph")
    filled = Filled(
        template=chest,
        values={"effusion-left": ("Small",), "nodule-size": 12.5, "conclusion": "Effusion."},
        normal=frozenset({"heart"}),
    )
    lines = [line.strip() for line in tree(through_bytes(filled))]
    assert lines.index(f"Summary: {first_line(a_report())}") < lines.index("Finding: Small left pleural effusion.")
    start = lines.index("Pleural effusion: Mild")
    assert lines[start : start + 3] == [
        "Pleural effusion: Mild", "Tracking Identifier: effusion-left", "Laterality: Left",
    ]  # fmt: skip
    assert "Diameter: 12.5 mm" in lines
    assert "Heart and mediastinum: Normal" in lines
    assert lines.index("Impressions") < lines.index("Conclusion: Effusion.")


def test_what_is_no_form_of_this_template_is_said() -> None:
    one, other = TEMPLATES[:2]
    *_, filled = fills(one, 2)
    for part10, template in ((through_bytes(filled), other), (b"DICM", one), (b"\0" * 128 + b"DICM", one)):
        with pytest.raises(Unreadable):
            decode(part10, template)


def test_a_form_is_not_an_output_that_a_rule_can_name() -> None:
    assert not {role for role in encoders() if "form" in role}
