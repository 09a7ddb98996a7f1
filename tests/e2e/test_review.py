"""A draft that a real model made of a real study, reviewed in a real browser: right image, right box, kept edit."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from service.domain.account import Role
from service.flow.record import read_report
from service.flow.review import draft_text
from tests.support.browser import browser, missing
from tests.support.installation import Installation
from tests.support.phantoms import dcmsend, phantoms

pytestmark = [pytest.mark.e2e, pytest.mark.pages, pytest.mark.timeout(300)]

READY = "return document.querySelector('#review')?.dataset.ready && prereadViewer.picture !== undefined"
SHADES = """
const canvas = document.querySelector('canvas');
return new Set(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data).size;
"""
WROTE = "return [...document.querySelectorAll('.line')].map((line) => line.dataset.wrote)"


def test_a_study_is_sent_read_reviewed_and_its_edit_replays(installation: Installation, folder: Path) -> None:
    if why := missing():
        pytest.skip(why)
    (phantom,) = phantoms(folder / "phantoms", seed=303, count=1)
    dcmsend([phantom.file], installation)
    installation.settle([phantom.study])
    record = installation.record(phantom.study)
    assert record is not None
    (job,) = record.jobs
    report = read_report(job.report)
    assert report is not None
    services = installation.services
    until = services.clock.now() + timedelta(hours=1)
    token = services.accounts.issue("dr.keller", frozenset({Role.RADIOLOGIST}), expires_at=until)
    address = f"http://127.0.0.1:{installation.settings.web.port}"
    with browser() as window:
        window.open(f"{address}/sign-in?next=/studies/{phantom.study}/review")
        window.fill("input[name=token]", token)
        window.click("button.main")
        window.wait(READY, seconds=60)
        assert window.run(SHADES) > 20
        for sentence in window.run("return [...document.querySelectorAll('.say')].map((say) => say.textContent)"):
            assert sentence in {each.text for each in report.sentences}
        window.press("e")
        window.wait("return document.activeElement.tagName === 'TEXTAREA'")
        window.run("document.activeElement.value = document.activeElement.value.replace('.', ', seen today.')")
        window.press("Enter", "s")
        window.wait("return document.querySelector('.made').innerText.includes('Saved 1 time, last by dr.keller')")
        window.wait(READY, seconds=60)
        assert window.run(WROTE).count("edited") == 1
        window.shoot(folder / "review.png")
        complaints = [line for line in window.complaints() if not line.startswith(("DEBUG", "INFO"))]
    assert complaints == []
    history = services.edits.history(job.job.job_id)
    assert history is not None
    assert history.draft == draft_text(report)
    assert ", seen today.\n" in history.text
    assert history.revisions[0].model.startswith("chest_demo 1 ")
    assert services.edits.breaks() == ()
    print(f"review: {folder / 'review.png'}")
