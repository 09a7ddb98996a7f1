"""The form by template in a real browser: filled by keyboard, marked until touched, used by everybody."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.adapters.templates.shelf import OURS, TemplateShelf, read_template
from service.domain.account import Role
from service.ports.templates import MemoryTemplates
from service.settings import Settings, Site
from tests.support.accessibility import faults
from tests.support.browser import Browser
from tests.support.fake_house import House
from tests.support.hostile import HOSTILE, PAYLOADS, unharmed
from tests.support.web_records import uid
from tests.support.web_scene import hospital

pytestmark = pytest.mark.pages

WROTE = "return document.querySelector('[data-name=effusion-left]').dataset.wrote"
FILL = """
for (const field of document.querySelectorAll('#form textarea, #form input[type=text]')) field.value += arguments[0];
"""
FOCUS = "document.querySelector(arguments[0]).focus()"


@pytest.fixture
def house() -> House:
    made = hospital()
    made.settings = Settings(site=Site(institution="Example Clinic"))
    phrases = TemplateShelf(OURS / "none").phrases("en")
    made.templates = MemoryTemplates(*(read_template(file) for file in OURS.glob("*.html")), phrases=phrases)
    return made


def test_a_form_is_filled_by_keys_previewed_and_put_into_the_report(
    page: Browser, site: str, house: House, shots: Path
) -> None:
    page.forget()
    page.sign_in(site, house.token(Role.RADIOLOGIST, name="dr.keller"))
    page.open(f"{site}/studies/{uid(2)}/template")
    assert faults(page) == []
    assert page.run(WROTE) == "AI"
    page.shoot(shots / "form.png")
    page.run(FOCUS, "[name=field-effusion-left]")
    page.press("ArrowDown")
    assert page.run(WROTE) == "edited"
    page.run(FOCUS, "[name=field-conclusion]")
    page.press(*"Effusion <b>.")
    page.run(FILL, HOSTILE)
    page.run("document.querySelector('button[value=preview]').click()")
    page.wait("return document.querySelector('.told') !== null")
    assert "Moderate left pleural effusion." in page.text(".preview")
    for payload in PAYLOADS:
        assert payload.strip("\u202e") in " ".join(page.text(".preview").split()), payload
    unharmed(page)
    assert page.run(WROTE) == "edited"
    assert faults(page) == []
    page.shoot(shots / "form_preview.png")
    page.run("document.querySelector('[name=checked]')?.click()")
    page.run("document.querySelector('button[value=put]').click()")
    page.wait("return location.pathname.endsWith('/review')")
    assert "Moderate left pleural effusion." in house.edits.kept["j-2"].text
    assert "Effusion <b>." in page.text(".report")
    unharmed(page)
    page.wait("return document.querySelector('#review')?.dataset.ready")
    assert "Leaves as coded answers with the signed report." in page.text(".kept-form")
    page.press("S")
    page.wait("return document.querySelector('#ask-signature').open")
    assert "With it leaves, as coded answers: Chest radiograph." in page.text("#ask-signature .with")
    page.run("document.querySelector('#ask-signature [value=\"\"]').click()")
    page.run("document.querySelector('.line .say').textContent = 'Large left pleural effusion.'")
    page.wait("return document.querySelector('[data-leaves]').hidden")
    assert "Does not leave: the report no longer says what it says." in page.text(".kept-form")
    page.press("S")
    assert "The form Chest radiograph does not leave" in page.text("#ask-signature .bad")
    assert page.text("#ask-signature .with") == ""
    assert faults(page) == []
    page.shoot(shots / "form_left_out.png")
