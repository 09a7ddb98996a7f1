"""The templates and phrases that come with preread, and those of a site beside them."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom.sr._concepts_dict import concepts

from service.adapters.templates.phrasing import read_phrases
from service.adapters.templates.shelf import OURS, TemplateShelf, keep_template, read_template
from service.domain import code as ours
from service.domain.code import Code
from service.domain.errors import Misconfigured
from service.domain.filled import Filled
from service.domain.phrase import narrative
from service.domain.template import FieldKind, Template
from tests.support.forms import EVERY_KIND, markup, section

OWN = [read_template(file) for file in sorted(OURS.glob("*.html"))]
LANGUAGES = [file.name.split(".")[1] for file in sorted(OURS.glob("phrases.*.toml"))]
IN_USE = {(one.value, one.scheme) for one in vars(ours).values() if isinstance(one, Code) and "99" not in one.scheme}
STANDARD = IN_USE | {
    (value, scheme) for scheme, words in concepts.items() for codes in words.values() for value in codes
}


def codes_of(template: Template) -> set[Code]:
    asked = {code for one in (*template.sections, *template.fields) for code in one.codes}
    answered = {option.code for field in template.fields for option in field.options if option.code}
    return asked | answered | {field.unit for field in template.fields if field.unit}


def test_four_templates_come_with_preread_and_nothing_of_them_is_left_out() -> None:
    assert [template.name for template in OWN] == ["any", "chest-ct", "chest-radiograph", "head-ct"]
    assert [template.notes for template in OWN] == [()] * 4


@pytest.mark.parametrize("template", OWN, ids=lambda template: template.name)
def test_every_code_of_ours_is_one_of_the_standard_s(template: Template) -> None:
    assert [code for code in codes_of(template) if (code.value, code.scheme) not in STANDARD] == []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("template", OWN, ids=lambda template: template.name)
def test_every_choice_of_ours_is_said_in_house_style(template: Template, language: str, tmp_path: Path) -> None:
    """No option with a code, and no empty section that is normal, falls back to "Label: answer"."""
    phrases = TemplateShelf(tmp_path).phrases(language)
    assert phrases.language == language
    for one in template.fields:
        for option in one.options if one.kind is FieldKind.CHOICE else ():
            if option.code:
                said = narrative(Filled(template=template, values={one.name: (option.text,)}), phrases)
                assert said, (one.name, option.text)
                assert not said[0].text.startswith(f"{one.label}:"), said
    every = frozenset(one.name for one in template.sections)
    told = {
        name for one in narrative(Filled(template=template, values={}, normal=every), phrases) for name in one.fields
    }
    assert {one.name for one in template.fields if one.options and one.codes} <= told


def test_a_language_without_phrases_is_said_in_english(tmp_path: Path) -> None:
    assert TemplateShelf(tmp_path).phrases("fi").language == "en"


def test_a_site_s_phrases_come_before_ours(tmp_path: Path) -> None:
    (tmp_path / "phrases.en.toml").write_text('[[phrase]]\nname = "pleura"\nnormal = "Pleura fine."')
    shelf = TemplateShelf(tmp_path)
    template = shelf.template("chest-radiograph")
    assert template is not None
    filled = Filled(template=template, values={}, normal=frozenset({"pleura", "lungs"}))
    assert [one.text for one in narrative(filled, shelf.phrases("en"))] == ["The lungs are clear.", "Pleura fine."]


def test_a_site_s_template_is_kept_found_and_wins_over_ours_of_its_name(tmp_path: Path) -> None:
    given, folder = tmp_path / "any.html", tmp_path / "site"
    given.write_text(EVERY_KIND)
    keep_template(given, folder)
    shelf = TemplateShelf(folder)
    assert [one.name for one in shelf.all()] == ["any", "chest-ct", "chest-radiograph", "head-ct"]
    kept = shelf.template("any")
    assert kept is not None
    assert kept.title == "Test"
    given.write_text(markup(section('<input id="new">'), head="<title>Changed</title>"))
    keep_template(given, folder)
    assert next(one.title for one in shelf.all()) == "Changed"


def test_a_broken_file_hides_no_other_and_is_named(tmp_path: Path) -> None:
    (tmp_path / "wrong.html").write_text("<section>")
    (tmp_path / "bytes.html").write_bytes(b"\xff\xfe\x00")
    shelf = TemplateShelf(tmp_path)
    assert len(shelf.all()) == 4
    assert shelf.template("wrong") is None
    assert [said.split(":")[0] for said in shelf.broken()] == [
        "bytes.html is not text in UTF-8; save it as that", "wrong.html",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["x.exe", "a b.html", "..html", ".html", "ä.html"])
def test_a_file_that_is_called_oddly_is_not_taken(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(EVERY_KIND)
    with pytest.raises(Misconfigured, match=r"a template"):
        keep_template(tmp_path / name, tmp_path / "site")
    assert not (tmp_path / "site").exists()


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (
            "[[phrase]]\nname = 'a'\ntext = '{who}'",
            "p.toml:3: phrase.text: there is no slot {who}; known: {value}",
        ),
        ("[[phrase]]\nname = 'a'\ntext = '{value.__class__}'", "p.toml:3: phrase.text: there is no slot"),
        ("[[phrase]]\nname = 'a'\ntext = 'x {'", "a brace stands alone"),
        ("[[phrase]]\nnormal = 'a'", "p.toml:1: phrase: a phrase has either a name"),
        ("[[phrase]]\ncode = '60046008'", "a code is written like"),
        ("[[phrase]]\nname = 'a'\nsound = 'x'", "p.toml:3: phrase.sound:"),
        ("[[phrase]", "p.toml: not valid TOML"),
    ],
)
def test_a_mistake_in_a_phrase_file_is_named_with_its_line(text: str, wrong: str) -> None:
    with pytest.raises(Misconfigured) as told:
        read_phrases("p.toml", text)
    assert wrong in str(told.value)
