"""The pages in German, in a real browser: one click changes the language, nothing overflows, axe is content."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.domain.edit import Edit, EditClass
from service.domain.returned import Arrived, Returned
from tests.pages.test_review import READY, STUDY, address, case, page  # noqa: F401  # the same case, opened in the same way
from tests.support.accessibility import faults
from tests.support.browser import Browser
from tests.support.fake_house import NOW
from tests.support.instances import uid
from tests.support.reviewable import Review

pytestmark = pytest.mark.pages

WIDER = "return document.documentElement.scrollWidth - innerWidth"
CHECKED = "return document.querySelector('#quality-said').textContent.includes('Nach Regeln, Version')"
PLACED = "return document.querySelector('#place').textContent.includes(' von ')"


def returned() -> Returned:
    """What a workstation made of the draft; it stands on Review and Study."""
    arrived = Arrived(sop_instance_uid=uid("back"), study_instance_uid=STUDY, location="x", source="viewer", at=NOW)
    edit = Edit(at=0, before="Small left effusion.", after="Small right effusion.", classes=(EditClass.LATERALITY,))
    return Returned(
        arrived=arrived, words="compared with the draft", job_id="j-2", person="Weiß^Anna", verified=True, edits=(edit,)
    )  # fmt: skip


def test_pages_are_german_after_one_click_and_fit(page: Browser, case: Review, shots: Path) -> None:  # noqa: F811
    case.house.returning.kept = [returned()]
    page.click(".languages button")
    page.wait(READY)
    page.wait(CHECKED)
    page.wait(PLACED)
    assert page.run("return document.documentElement.lang") == "de"
    assert "VORLÄUFIG" in page.text(".banner")
    page.press("?")
    page.wait("return document.querySelector('#keys').open")
    assert "den Entwurf verwerfen; vorher wird gefragt" in page.text("#keys")
    assert faults(page) == []
    page.shoot(shots / "german_keys.png")
    page.press("?")
    start = page.run("return location.origin")
    for path in ("review", "worklist", "studies", "operations", "study"):
        if path != "review":
            page.open(f"{start}/{path if path != 'study' else f'studies/{STUDY}'}")
        assert faults(page) == [], path
        for width in (1440, 1024, 400):
            page.resize(width, 900)
            assert page.run(WIDER) <= 0, (path, width)
        page.shoot(shots / f"german_{path}_400.png")
        page.resize(1440, 900)
