"""Asking on the review page, in a real browser: an answer with its source, a sentence marked, a line taken."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from service.domain.prose import VERSION
from tests.pages.test_review import address, page  # noqa: F401  # opened in the same way
from tests.support.accessibility import FAULTS
from tests.support.browser import Browser
from tests.support.completing import says
from tests.support.payloads import PAYLOADS
from tests.support.reviewable import Review
from tests.support.viewable import shelf

pytestmark = pytest.mark.pages

SAID = "return document.querySelector('#ask-said').textContent"
HAS = f"{SAID}.includes(arguments[0])"
ANSWERS = "return [...document.querySelectorAll('#ask-answers li')].map((each) => each.innerText)"
FIELD = "return document.activeElement.id"
CITED = "return document.querySelector('.line.cited.at .say')?.textContent"
CITE = "document.querySelector('#ask-answers .cite').click()"
TASK = "document.querySelector(`[data-task=${arguments[0]}]`).click()"
TAKE = (
    "[...document.querySelectorAll('#ask-answers button')].find((each) => each.textContent.startsWith('Take')).click()"
)
EDITED = "return document.activeElement.closest('.line') && document.activeElement.value"
LAST = """
const line = document.querySelector('.lines[data-section=conclusions] .line:last-child');
return [line.querySelector('.say').textContent, line.dataset.wrote];
"""
POISON = """
const said = document.querySelector('.line .say');
said.dataset.was ??= said.textContent;
said.textContent = `${arguments[0]} ${said.dataset.was}`;
const field = document.querySelector('#ask-question'), status = document.querySelector('#ask-said');
status.textContent = '';
field.value = arguments[0];
document.querySelector('#ask-form').requestSubmit();
"""
CALM = """
const status = document.querySelector('#ask-said').textContent;
return status !== '' && !status.startsWith('Reading') && !status.endsWith('…');
"""
UNTOUCHED = """
const made = document.querySelectorAll('#ask img, #ask svg, #ask iframe, .say *, base');
return [document.title === 'owned', ...[...made].map((each) => each.outerHTML.slice(0, 200))];
"""
OFFERED = "return document.querySelector('#ask-answers').innerText.includes('Take into the report')"


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Review]:
    with shelf(tmp_path) as made:
        review = Review(made)
        review.models = says({"": "Yes, small right pleural effusion."})
        yield review


def test_a_question_is_asked_answered_and_cited_by_keys_and_a_line_is_taken(
    page: Browser,  # noqa: F811
    case: Review,
    shots: Path,
) -> None:
    page.press("w")
    assert page.run(FIELD) == "ask-question"
    page.press(*"Is there an effusion?", "\ue007")
    page.wait(HAS, "answers:")
    report, reading, model = page.run(ANSWERS)
    assert report.startswith("pleural effusion yes")
    assert "Small left pleural effusion." in report
    assert reading.startswith("AI reading")
    assert model.startswith("PRELIMINARY")
    assert "chest_demo 1" in model
    assert "the image alone shows it on the other side" in model
    page.run(CITE)
    assert page.run(CITED) == "Small left pleural effusion."
    assert page.run(FAULTS) == []
    page.shoot(shots / "asking.png")
    for task in ("impression", "sections", "labels", "devices", "differential"):
        page.run(TASK, task)
        page.wait(HAS, "By rules, version")
    page.run(TASK, "impression")
    page.wait(OFFERED)
    page.run(TAKE)
    page.wait(EDITED)
    page.press("\ue007")
    assert page.run(LAST)[1] == "human"
    history = case.edits.history("j-2")
    assert history is not None
    assert [(each.model, each.reviewer) for each in history.revisions] == [(f"rules impression {VERSION}", "dr.keller")]
    page.complaints()
    for payload in PAYLOADS[:-1]:
        page.run(POISON, payload)
        page.wait(CALM)
        assert page.run(UNTOUCHED) == [False], payload
    page.leave()
