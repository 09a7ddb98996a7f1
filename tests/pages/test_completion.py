"""Ghost text in a real browser: shown after a pause, taken by key, marked where nothing carries it, taken back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from service.domain.account import Role
from service.ports.halt import Halt
from service.ports.models import Answer, Question, ScriptedModels
from service.web.app import create_app
from tests.pages.test_review import open_review, sign_in
from tests.support.accessibility import faults
from tests.support.browser import Browser
from tests.support.completing import Endless, says
from tests.support.reviewable import Review
from tests.support.serve import served
from tests.support.viewable import shelf
from tests.support.waiting import wait_for

pytestmark = pytest.mark.pages

MARKUP = "<img src=x onerror=\"document.title='owned'\"> is seen."
SAID = {
    "There is a small": " left pleural effusion [10 20 30 40].",
    "There is a": " left rib fracture [10 20 30 40].",
    "Markup": f" {MARKUP}",
}
VALUE = "return document.activeElement.value"
CHECKED = "return document.querySelector('.ghost:not(.writing)')?.textContent === arguments[0]"
WRITING = "return document.querySelector('.ghost.writing') !== null"
GONE = "return document.querySelector('.shade') === null"
STATUS = "return document.querySelector('#ghost-said').textContent"
MARKED = """
const ghost = document.querySelector('.ghost');
return [ghost.classList.contains('unsupported'), document.activeElement.title];
"""
ANEW = "document.activeElement.select()"
HIDDEN = """
return [...document.querySelectorAll(".line textarea, #ghost-said, #said, .made button")].filter((each) => {
  const { left, top, right, bottom, height } = each.getBoundingClientRect();
  const seen = (x, y) => each.contains(document.elementFromPoint(x, y));
  return height && !(seen((left + right) / 2, top + 2) && seen((left + right) / 2, bottom - 2));
}).map((each) => each.id || each.textContent);
"""
"""What of the editor, of the reason beside a suggestion, and of what can be pressed is out of sight."""


class Model(ScriptedModels):
    """Knows three beginnings, and does not come to an end on a fourth."""

    def __init__(self) -> None:
        known = says(SAID)
        super().__init__(known.cards, known.answer)
        self.endless = Endless(lambda: None)
        self.running = 0

    def ask(
        self, question: Question, *, on_text: Callable[[str], None] | None = None, halt: Halt | None = None
    ) -> Answer:
        if not question.prefix.endswith("without end"):
            return super().ask(question, on_text=on_text, halt=halt)
        self.running += 1
        try:
            return self.endless.ask(question, on_text=on_text, halt=halt)
        finally:
            self.running -= 1


@pytest.fixture
def model() -> Model:
    return Model()


@pytest.fixture
def case(tmp_path: Path, model: Model) -> Iterator[Review]:
    with shelf(tmp_path) as made:
        review = Review(made)
        review.models = model
        yield review


@pytest.fixture
def page(window: Browser, case: Review) -> Iterator[Browser]:
    with served(create_app(case.services(), watch_nodes=False)) as address:
        sign_in(window, address, case, Role.RADIOLOGIST)
        open_review(window, address)
        window.complaints()
        yield window
        complaints = [line for line in window.complaints() if not line.startswith(("DEBUG", "INFO"))]
        window.run("onbeforeunload = null; document.querySelector('#review')?.remove()")
        window.open("about:blank")
        assert complaints == []


def test_a_sentence_is_completed_by_keys_alone_and_what_nothing_carries_is_marked(
    page: Browser, case: Review, model: Model, shots: Path
) -> None:
    page.press("o")
    page.wait("return document.activeElement.tagName === 'TEXTAREA'")
    page.press(*"There is a")
    page.wait(CHECKED, " left rib fracture.")
    reason = "“There is a left rib fracture.”: the image alone does not show it"
    assert page.run(MARKED) == [True, f"Not supported: {reason}"]
    assert page.run(STATUS) == f"Not supported: {reason}. Suggested: left rib fracture."
    assert page.run(VALUE) == "There is a"
    assert page.run(HIDDEN) == []
    assert faults(page) == []
    page.shoot(shots / "completion_unsupported.png")
    page.press("Escape")
    page.wait(GONE)
    assert page.run(VALUE) == "There is a"

    page.press(*" small")
    page.wait(CHECKED, " left pleural effusion.")
    assert page.run(MARKED) == [False, ""]
    page.shoot(shots / "completion.png")
    page.hold("Control", "ArrowRight")
    assert page.run(VALUE) == "There is a small left"
    page.wait(CHECKED, " pleural effusion.")
    page.press("Tab")
    assert page.run(VALUE) == "There is a small left pleural effusion."
    assert page.run(GONE)

    page.run(ANEW)
    page.press(*"Markup")
    page.wait(CHECKED, f" {MARKUP}")
    assert page.run("return document.querySelectorAll('.report img').length") == 0
    assert "owned" not in page.title

    page.run(ANEW)
    page.press(*"without end")
    page.wait(WRITING)
    page.press("Tab")
    page.wait(f"{STATUS} === 'This is still being checked.'")
    assert page.run(VALUE) == "without end"
    page.press("!")
    wait_for(lambda: model.running == 0, what="the model does not stop")
    page.run(ANEW)
    page.press(*"Done.", "Enter")

    history = case.edits.history("j-2")
    assert history is not None
    answered = [(each.suggestion.text, each.suggestion.taken) for each in history.revisions if each.suggestion]
    assert answered == [(" left rib fracture.", 0), (" left pleural effusion.", 23)]
    assert case.edits.breaks() == ()
