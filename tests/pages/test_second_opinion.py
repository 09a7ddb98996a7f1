"""The second opinion beside the draft, in a real browser: an issue appears, leads to its sentence, goes by one key."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pages.test_review import address, case, page  # noqa: F401  # the same case, opened in the same way
from tests.support.accessibility import faults
from tests.support.browser import Browser
from tests.support.reviewable import Review

pytestmark = pytest.mark.pages

CHECKED = "return document.querySelector('#quality-said').textContent.includes('By rules, version')"
ISSUES = "return [...document.querySelectorAll('#quality-issues li')].map((each) => each.dataset.rule)"
MISSPELL = """
const said = [...document.querySelectorAll('.line .say')].at(-1);
said.textContent += ' Large plerual <b>effusion</b>.';
document.querySelector('#quality-said').textContent = '';
"""
CHOOSE = "document.querySelector('[data-rule=\"typo.spelling\"]').click()"
CHOSEN = "return document.querySelector('.line.at .say').textContent.includes('plerual')"
BACK = "return document.querySelector('#quality-said').textContent.startsWith('Brought back')"
GONE = "return document.querySelector('#quality-said').textContent.startsWith('Dismissed')"


def test_an_issue_leads_to_its_sentence_and_one_key_dismisses_it(page: Browser, case: Review, shots: Path) -> None:  # noqa: F811
    page.wait(CHECKED)
    page.run(MISSPELL)
    page.press("q")
    page.wait(CHECKED)
    assert "typo.spelling" in page.run(ISSUES)
    page.run(CHOOSE)
    assert page.run(CHOSEN)
    assert faults(page) == []
    page.shoot(shots / "second-opinion.png")
    page.press("d")
    page.wait(GONE)
    assert "typo.spelling" not in page.run(ISSUES)
    assert dict(case.house.dismissals.counts()) == {"typo": 1}
    page.press("u")
    page.wait(BACK)
    assert "typo.spelling" in page.run(ISSUES)
    assert dict(case.house.dismissals.counts()) == {}
    assert page.run("return document.querySelector('#quality-undo').hidden")
    page.press("d")
    page.wait(GONE)
    page.press("q")
    page.wait(CHECKED)
    assert "typo.spelling" not in page.run(ISSUES)
