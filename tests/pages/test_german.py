"""The pages in German, in a real browser: one click changes the language, nothing overflows, axe is content."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pages.test_review import READY, STUDY, address, case, page  # noqa: F401  # the same case, opened in the same way
from tests.support.accessibility import FAULTS
from tests.support.browser import Browser

pytestmark = pytest.mark.pages

WIDER = "return document.documentElement.scrollWidth - innerWidth"
CHECKED = "return document.querySelector('#quality-said').textContent.includes('Nach Regeln, Version')"
PLACED = "return document.querySelector('#place').textContent.includes(' von ')"


def test_studies_and_review_are_german_after_one_click_and_fit(page: Browser, shots: Path) -> None:  # noqa: F811
    page.click(".languages button")
    page.wait(READY, seconds=40)
    page.wait(CHECKED)
    page.wait(PLACED)
    assert page.run("return document.documentElement.lang") == "de"
    assert "VORLÄUFIG" in page.text(".banner")
    for path in ("review", "studies", "operations", "study"):
        if path != "review":
            start = page.run("return location.origin")
            page.open(f"{start}/{path if path != 'study' else f'studies/{STUDY}'}")
        assert page.run(FAULTS) == [], path
        page.shoot(shots / f"german_{path}.png")
        assert page.run(WIDER) <= 0, path
        page.resize(1024, 900)
        assert page.run(WIDER) <= 0, path
        page.shoot(shots / f"german_{path}_1024.png")
        page.resize(1440, 900)
