"""A draft that a real model made of a real study, reviewed and signed in a real browser, and back from the archive."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from pydicom import Dataset
from pydicom.uid import generate_uid

from dicom_nodes.objects.evidence import hierarchy
from service.domain.account import Role
from service.domain.edit import EditClass
from service.domain.report import Report, Section, Sentence
from service.flow.record import read_report
from service.flow.review import draft_text
from tests.support import validators
from tests.support.browser import Browser, browser, missing
from tests.support.installation import Installation
from tests.support.phantoms import Phantom, dcmsend, phantoms
from tests.support.returns import items
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.pages, pytest.mark.timeout(600)]

READY = "return document.querySelector('#review')?.dataset.ready && prereadViewer.picture !== undefined"
SHADES = """
const canvas = document.querySelector('canvas');
return new Set(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data).size;
"""
BOX = """
const box = document.querySelector('rect.at'), image = document.querySelector('canvas');
const frame = image.getBoundingClientRect(), seen = box.getBoundingClientRect();
const scale = Math.min(frame.width / image.width, frame.height / image.height);
const left = frame.left + (frame.width - image.width * scale) / 2;
const top = frame.top + (frame.height - image.height * scale) / 2;
return [seen.left - left, seen.top - top, seen.right - left, seen.bottom - top].map((at) => at / scale);
"""
"""The active box in pixels of the image, by where both stand in the window."""
AT = "return [prereadViewer.shown.instance, prereadViewer.shown.frame]"
SAID = "return [...document.querySelectorAll('.say')].map((say) => say.textContent)"
EDITING = "return document.activeElement.tagName === 'TEXTAREA'"
ISSUES = "return [...document.querySelectorAll('#quality-issues li')].map((each) => each.dataset.kind)"
OTHER = {"left": "right", "right": "left"}
WROTE = "return [...document.querySelectorAll('.line')].map((line) => line.dataset.wrote)"


def test_a_study_is_sent_read_reviewed_signed_and_comes_back_edited(installation: Installation, folder: Path) -> None:
    """After signing in, nothing but keys: choose a sentence, edit its side, answer an issue, complete, save, sign."""
    if why := missing():
        pytest.skip(why)
    phantom = sided(folder)
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
        window.wait(READY)
        assert window.run(SHADES) > 20
        for sentence in window.run(SAID):
            assert sentence in {each.text for each in report.sentences}
        window.shoot(folder / "1-open.png")
        of, side = chosen(window, report)
        window.shoot(folder / "2-chosen.png")
        edited = of.text.replace(side, OTHER[side]).removesuffix(".") + ", seen today."
        window.press("e")
        window.wait(EDITING)
        window.hold("Control", "a")
        window.press(*edited, "Enter")
        window.wait("return document.querySelector('.line.at')?.dataset.wrote === 'edited'")
        answered_issue(window, folder)
        ghost = completed(window, report.sentences[0].text, folder)
        window.press("s")
        window.wait("return document.querySelector('.made').innerText.includes('Saved 1 time, last by dr.keller')")
        window.wait(READY)
        assert window.run(WROTE).count("edited") == 1
        window.shoot(folder / "5-saved.png")
        window.press("S")
        window.wait("return document.querySelector('#ask-signature').open")
        assert edited in window.text("#ask-signature pre")
        window.shoot(folder / "6-sign.png")
        window.press("Tab", "Enter")
        window.wait("return document.querySelector('.tag')?.textContent === 'FINAL'")
        window.wait(READY)
        window.shoot(folder / "7-signed.png")
        complaints = [line for line in window.complaints() if not line.startswith(("DEBUG", "INFO"))]
    assert complaints == []
    history = services.edits.history(job.job.job_id)
    assert history is not None
    assert history.draft == draft_text(report)
    assert f"{edited}\n" in history.text
    saved = history.saves[0]
    assert saved.model.startswith("chest_demo 2 ")
    assert EditClass.LATERALITY in {each for edit in saved.edits for each in edit.classes}
    assert [each.suggestion.taken for each in history.revisions if each.suggestion] == [len(ghost)]
    assert services.edits.breaks() == ()
    assert services.ledger.reviews(phantom.study)[0].text == history.text
    signed = signed_in_the_archive(installation, phantom.study, folder)
    came_back(installation, phantom.study, signed, folder)
    print(f"review: {folder}")


def sided(folder: Path) -> Phantom:
    """A phantom with a finding that has a side."""
    made = phantoms(folder / "phantoms", seed=303, count=8)
    return next(each for each in made if any(side for _, side in each.findings))


def chosen(window: Browser, report: Report) -> tuple[Sentence, str]:
    """Go down to the first finding with a side; its image and its box are shown, to the pixel."""
    known = {finding.tracking_id: finding for finding in report.findings}
    said = window.run(SAID)
    found = [
        (sentence, side, known[sentence.findings[0]].evidence[0])
        for sentence in report.sentences
        for side in OTHER
        if f" {side} " in sentence.text and sentence.section is Section.FINDINGS
    ]
    sentence, side, where = found[0]
    assert where.region is not None
    window.press(*["ArrowUp"] * len(said), *["ArrowDown"] * said.index(sentence.text))
    window.wait("return document.activeElement.querySelector?.('.say')?.textContent === arguments[0]", sentence.text)
    window.wait("return document.querySelector('rect.at') !== null")
    assert window.run(AT) == [where.sop_instance_uid, where.frame or 1]
    region = where.region
    assert window.run(BOX) == pytest.approx([region.left, region.top, region.right, region.bottom], abs=1)
    return sentence, side


def answered_issue(window: Browser, folder: Path) -> None:
    """The second opinion asks about the side that is not the AI's; the radiologist means it, and dismisses it."""
    window.press("q")
    window.wait(f"{ISSUES}.includes('laterality')", seconds=30)
    window.shoot(folder / "3-issue.png")
    for _ in range(6):
        kind = window.run("return document.querySelector('#quality-issues .at')?.dataset.kind ?? ''")
        if not kind:
            break
        before = len(window.run(ISSUES))
        window.press("d")
        window.wait(f"{ISSUES}.length < arguments[0]", before)
    assert window.run(ISSUES) == []


def completed(window: Browser, text: str, folder: Path) -> str:
    """The first sentence is rejected and begun anew; Tab takes what the model would write, what was typed stays."""
    begun = " ".join(text.split()[:2])
    window.press(*["ArrowUp"] * len(window.run(SAID)), "x", "o")
    window.wait(EDITING)
    window.press(*begun)
    ghost = str(window.wait("return document.querySelector('.ghost:not(.writing)')?.textContent"))
    window.shoot(folder / "4-completion.png")
    window.press("Tab")
    assert window.run("return document.activeElement.value") == begun + ghost
    window.press("Enter")
    window.wait("return document.querySelector('.line.at')?.dataset.wrote === 'human'")
    return ghost


def signed_in_the_archive(installation: Installation, study: str, folder: Path) -> Dataset:
    """The one VERIFIED report, as the archive has it: without an error, in the place of the drafts."""

    def verified() -> list[Dataset]:
        return [one for one in installation.orthanc.reports(study) if one.VerificationFlag == "VERIFIED"]

    wait_for(verified, 60, "no signed report in the archive")
    (signed,) = verified()
    drafts = [one for one in installation.orthanc.reports(study) if one.VerificationFlag == "UNVERIFIED"]
    path = folder / "signed.dcm"
    signed.save_as(path)
    assert validators.dciodvfy_errors(path) == []
    assert "seen today." in validators.dsrdump(path)
    (observer,) = signed.VerifyingObserverSequence
    assert (str(observer.VerifyingObserverName), observer.VerifyingOrganization) == ("dr.keller", "Test Clinic")
    (of,) = signed.PredecessorDocumentsSequence
    former = {
        one.ReferencedSOPInstanceUID for each in of.ReferencedSeriesSequence for one in each.ReferencedSOPSequence
    }
    assert former == {one.SOPInstanceUID for one in drafts}
    return signed


def came_back(installation: Installation, study: str, signed: Dataset, folder: Path) -> None:
    """A workstation adds a sentence and stores a new document, which is sent here over DICOM."""
    jobs = len(installation.services.ledger.jobs())
    former = [(signed.SOPClassUID, signed.SOPInstanceUID, signed.SeriesInstanceUID, study)]
    signed.PredecessorDocumentsSequence = hierarchy(former)
    signed.SOPInstanceUID = signed.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    for _, item in items(signed):
        if "seen today." in item.get("TextValue", ""):
            item.TextValue = item.TextValue.replace("seen today.", "seen yesterday.")
    path = folder / "edited.dcm"
    signed.save_as(path)
    dcmsend([path], installation)
    wait_for(lambda: installation.services.ledger.returned(study), 120, "the edited report was not compared")
    (returned,) = installation.services.ledger.returned(study)
    assert returned.matched_by == "predecessor"
    assert [edit.after.strip()[-15:] for edit in returned.edits] == ["seen yesterday."]
    assert len(installation.services.ledger.jobs()) == jobs
