"""A draft that a real model made of a real study, reviewed and signed in a real browser, and back from the archive."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from pydicom import Dataset
from pydicom.uid import generate_uid

from dicom_nodes.objects.evidence import hierarchy
from service.domain.account import Role
from service.flow.record import read_report
from service.flow.review import draft_text
from tests.support import validators
from tests.support.browser import browser, missing
from tests.support.installation import Installation, wait_for
from tests.support.phantoms import dcmsend, phantoms
from tests.support.returns import items

pytestmark = [pytest.mark.e2e, pytest.mark.pages, pytest.mark.timeout(300)]

READY = "return document.querySelector('#review')?.dataset.ready && prereadViewer.picture !== undefined"
SHADES = """
const canvas = document.querySelector('canvas');
return new Set(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data).size;
"""
WROTE = "return [...document.querySelectorAll('.line')].map((line) => line.dataset.wrote)"


def test_a_study_is_sent_read_reviewed_signed_and_comes_back_edited(installation: Installation, folder: Path) -> None:
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
        window.press("S")
        window.wait("return document.querySelector('#ask-signature').open")
        window.press("Enter")
        window.wait("return document.querySelector('.tag')?.textContent === 'FINAL'", seconds=60)
        window.wait(READY, seconds=60)
        window.shoot(folder / "signed.png")
        complaints = [line for line in window.complaints() if not line.startswith(("DEBUG", "INFO"))]
    assert complaints == []
    history = services.edits.history(job.job.job_id)
    assert history is not None
    assert history.draft == draft_text(report)
    assert ", seen today.\n" in history.text
    assert history.revisions[0].model.startswith("chest_demo 2 ")
    assert services.edits.breaks() == ()
    assert services.ledger.reviews(phantom.study)[0].text == history.text
    signed = signed_in_the_archive(installation, phantom.study, folder)
    came_back(installation, phantom.study, signed, folder)
    print(f"review: {folder / 'review.png'}")


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
    wait_for(lambda: installation.services.ledger.returned(study), 60, "the edited report was not compared")
    (returned,) = installation.services.ledger.returned(study)
    assert returned.matched_by == "predecessor"
    assert [edit.after.strip()[-15:] for edit in returned.edits] == ["seen yesterday."]
    assert len(installation.services.ledger.jobs()) == jobs
