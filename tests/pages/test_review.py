"""Review in a real browser: real images, boxes and sentences linked, a report changed by keys alone."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.pixels.utils import pixel_array

from service.adapters.templates.shelf import OURS, read_template
from service.domain.account import Role
from service.domain.edit import EditClass, Provenance
from service.settings import Settings, Site
from service.web.app import create_app
from tests.support.accessibility import faults
from tests.support.browser import Browser
from tests.support.hostile import HOSTILE, PAYLOADS, unharmed
from tests.support.instances import uid
from tests.support.reviewable import SIZE, SLICES, STUDY, Review, named, pixels
from tests.support.serve import served
from tests.support.viewable import shelf

pytestmark = pytest.mark.pages

READY = "return document.querySelector('#review')?.dataset.ready && prereadViewer.picture !== undefined"
LOOKS = "[prereadViewer, prereadPrior].map((one) => JSON.stringify([one.window, one.zoom, one.inverted]))"
PRIOR_AT = "return prereadPrior.shown.instance"
AT = "return [prereadViewer.shown.instance, prereadViewer.shown.frame]"
STATS = """
const values = [...prereadViewer.picture.pixels];
return [Math.min(...values), Math.max(...values), values.reduce((sum, value) => sum + value, 0)];
"""
GREY = """
const canvas = document.querySelector('canvas');
const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
const grey = data.filter((_, n) => n % 4 == 0);
"""
SHADES = f"{GREY} return new Set(grey).size"
MEAN = f"{GREY} return grey.reduce((sum, value) => sum + value, 0) / grey.length"
BOX = """
const box = document.querySelector('rect.at'), image = document.querySelector('canvas');
if (!box) return null;
const frame = image.getBoundingClientRect(), seen = box.getBoundingClientRect();
const scale = Math.min(frame.width / image.width, frame.height / image.height);
const left = frame.left + (frame.width - image.width * scale) / 2;
const top = frame.top + (frame.height - image.height * scale) / 2;
return [seen.left - left, seen.top - top, seen.right - left, seen.bottom - top].map((at) => at / scale);
"""
"""The active box in pixels of the image, by where both stand in the window."""
INSIDE = """
const path = document.querySelector('path.inside'), { width, height } = document.querySelector('canvas');
return Array.from({ length: width * height }, (_, at) =>
  Number(path?.isPointInFill(new DOMPoint(at % width + 0.5, Math.floor(at / width) + 0.5)) ?? 0));
"""
"""Which pixels of the image lie inside of the mask that is drawn."""
LINES = (
    "return [...document.querySelectorAll('.line')].map((l) => [l.querySelector('.say').textContent, l.dataset.wrote])"
)
PICTURE = """
const [shown, more] = document.querySelectorAll('.pictures figure:not([hidden])'), image = shown.querySelector('img');
const box = [...['x', 'y', 'width', 'height'].map((name) => Number(shown.querySelector('rect').getAttribute(name)))];
return more ? null : [image.naturalWidth, image.naturalHeight, ...box];
"""
"""The size of the only image that is shown beside a form, and its box."""
FOCUSED = "return document.activeElement.querySelector?.('.say')?.textContent"
SAVED = "return document.querySelector('.made').innerText.includes('Saved 1 time')"
DRAG = """
const stage = document.querySelector('#stage'), box = document.querySelector('svg').getScreenCTM();
const at = (x, y) => ({ clientX: x * box.a + box.e, clientY: y * box.d + box.f, bubbles: true, pointerId: 1 });
stage.dispatchEvent(new PointerEvent('pointerdown', at(...arguments[0])));
stage.dispatchEvent(new PointerEvent('pointermove', at(...arguments[1])));
window.dispatchEvent(new PointerEvent('pointerup', at(...arguments[1])));
"""


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Review]:
    with shelf(tmp_path) as made:
        made.house.settings = Settings(site=Site(institution="Example Clinic"))
        yield Review(made)


@pytest.fixture
def address(case: Review) -> Iterator[str]:
    with served(create_app(case.services(), watch_nodes=False)) as where:
        yield where


@pytest.fixture
def page(window: Browser, case: Review, address: str) -> Iterator[Browser]:
    """The review page, opened by a radiologist; what the console says of errors fails the test."""
    sign_in(window, address, case, Role.RADIOLOGIST)
    window.complaints()
    open_review(window, address)
    yield window
    complaints = [line for line in window.complaints() if not line.startswith(("DEBUG", "INFO"))]
    window.run("onbeforeunload = null; document.querySelector('#review')?.remove()")
    window.open("about:blank")
    assert complaints == []


def sign_in(window: Browser, address: str, case: Review, *roles: Role) -> None:
    window.forget()
    window.resize(1440, 900)
    window.sign_in(address, case.house.token(*roles, name="dr.keller"))


def open_review(window: Browser, address: str) -> None:
    window.open(f"{address}/studies/{STUDY}/review")
    window.wait(READY)


def test_the_page_is_dark_complete_and_can_be_used_by_everybody(page: Browser, shots: Path) -> None:
    assert faults(page) == []
    assert "PRELIMINARY" in page.text(".banner")
    assert page.shoot(shots / "review.png").stat().st_size > 20_000
    assert page.run(SHADES) > 20
    assert page.run("return document.documentElement.scrollWidth - innerWidth") <= 0
    assert (
        page.run("return performance.getEntriesByType('resource').filter(r => !r.name.startsWith(origin)).length") == 0
    )


def test_every_frame_has_the_pixels_that_were_stored(page: Browser) -> None:
    for at in range(SLICES + 1):
        page.run("return prereadViewer.show(arguments[0])", at)
        last = at == SLICES
        wanted = pixels(SLICES - 1 + 40) if last else pixels(at)
        assert page.run(AT) == [named(SLICES - 1 if last else at), 2 if last else 1]
        assert page.run(STATS) == [int(wanted.min()), int(wanted.max()), int(wanted.sum(dtype=int))]


def test_a_sentence_shows_its_image_and_its_box(page: Browser) -> None:
    assert page.run(AT) == [named(1), 1]
    assert page.run(BOX) == pytest.approx([10, 20, 30, 50], abs=1)
    assert page.run("return document.querySelectorAll('rect').length") == 1  # two sentences rest on this one place
    page.press("ArrowDown")
    page.wait("return prereadViewer.shown.frame === 2 && document.querySelector('rect.at') !== null")
    assert page.run(AT) == [named(SLICES - 1), 2]
    assert page.run(BOX) == pytest.approx([4, 6, 44, 26], abs=1)
    assert page.run(FOCUSED) == "Enlarged heart, 162 mm across."


def test_beside_a_form_stands_the_image_of_the_answer_at_hand_with_its_box(
    page: Browser, case: Review, address: str, shots: Path
) -> None:
    case.house.templates.kept["chest-radiograph"] = read_template(OURS / "chest-radiograph.html")
    page.open(f"{address}/studies/{STUDY}/template?name=chest-radiograph")
    page.wait("return document.querySelectorAll('.pictures figure:not([hidden]) rect').length === 1")
    assert page.run(PICTURE) == [SIZE, SIZE, 10, 20, 20, 30]
    page.run("document.querySelector('[name=field-cardiomegaly]').focus()")
    page.wait(
        "return document.querySelector('.pictures figure:not([hidden])[data-fields*=cardiomegaly] rect') !== null"
    )
    assert page.run(PICTURE) == [SIZE, SIZE, 4, 6, 40, 20]
    page.shoot(shots / "form_image.png")


def test_a_box_focuses_its_sentence(page: Browser) -> None:
    page.press("ArrowDown", "ArrowDown")
    page.wait("return document.querySelector('.line.at .say').textContent === 'No pneumothorax.'")
    page.wait("return document.querySelector('rect') !== null && prereadViewer.shown.frame === 1")
    page.run("document.querySelector('rect').dispatchEvent(new PointerEvent('pointerdown', {bubbles: true}))")
    page.wait("return document.activeElement.innerText.includes('left pleural effusion')")


def test_a_mask_is_drawn_to_the_pixel_and_linked_with_its_sentence(page: Browser, case: Review, shots: Path) -> None:
    labels = case.add_mask()
    open_review(page, page.url.split("/studies")[0])
    page.wait("return document.querySelectorAll('path.edge').length === 1 && !document.querySelector('path.at')")
    page.press("ArrowUp", "ArrowDown", "ArrowDown", "ArrowDown")
    page.wait("return document.querySelector('path.edge.at') !== null")
    assert page.run(FOCUSED) == "Lungs: volume 12 mL."
    widest = int((labels == 1).sum(axis=(1, 2)).argmax())
    assert page.run(AT) == [named(widest), 1]
    for at in range(SLICES - 1):
        page.run("return prereadViewer.show(arguments[0])", at)
        assert page.run(INSIDE) == (labels[at] == 1).astype(int).ravel().tolist()
    page.run("return prereadViewer.show(arguments[0])", widest)
    rows, columns = np.nonzero(labels[widest] == 1)
    edges = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    assert page.run(BOX.replace("rect.at", "path.edge.at")) == pytest.approx([int(each) for each in edges], abs=1)
    assert faults(page) == []
    page.shoot(shots / "review_mask.png")
    page.press("ArrowUp")
    page.wait("return document.querySelector('path.at') === null && prereadViewer.shown.frame === 1")
    page.run("return prereadViewer.show(arguments[0])", widest)
    page.run("document.querySelector('path.inside').dispatchEvent(new PointerEvent('pointerdown', {bubbles: true}))")
    page.wait("return document.activeElement.innerText.includes('Lungs: volume')")
    page.press("m")
    assert page.run("return document.querySelectorAll('path').length") == 0
    assert page.run("return document.querySelector('[data-act=masks]').getAttribute('aria-pressed')") == "false"
    assert page.run("return document.querySelectorAll('rect').length") == 1 - int(widest != 1)


def test_the_earlier_study_stands_beside_and_follows_image_and_window(page: Browser, case: Review, shots: Path) -> None:
    images = case.add_prior()
    address = page.url.split("/studies")[0]
    open_review(page, address)
    page.wait("return globalThis.prereadPrior?.picture !== undefined")
    assert page.text("#prior figcaption").split("\n")[0] == "PRIOR 2025-01-02"
    page.wait("return document.querySelector('#prior').innerText.includes('1 of its images can no longer be shown')")
    for current, earlier in ((0, 0), (3, 1)):
        page.run("return prereadViewer.show(arguments[0])", current)
        page.wait(f"{PRIOR_AT} === arguments[0]", images[earlier].instance.sop_instance_uid)
        wanted = pixels(earlier)
        page.wait(f"return prereadPrior.picture?.pixels[1] === {int(wanted[0, 1])}")
        stats = STATS.replace("prereadViewer", "prereadPrior")
        assert page.run(stats) == [int(wanted.min()), int(wanted.max()), int(wanted.sum(dtype=int))]
    page.press("4", "+", "i")
    page.wait(f"return {LOOKS}[0] === {LOOKS}[1]")
    assert page.run(f"return {LOOKS}[1]") == "[[-600,1500],1.25,true]"
    page.press("r")
    assert faults(page) == []
    page.shoot(shots / "review_prior.png")
    page.press("p")
    page.wait("return document.querySelector('#prior').hidden")
    page.press("p")
    page.wait("return !document.querySelector('#prior').hidden")
    for stored in images:
        case.shelf.spool.remove(stored.location)
    open_review(page, address)
    page.wait("return document.querySelector('#prior .stage-note').textContent.includes('2025-01-02 cannot be shown')")
    page.shoot(shots / "review_prior_gone.png")
    page.leave()  # the refusal is what we wanted


def test_before_the_first_read_nothing_of_the_ai_is_shown(page: Browser, case: Review, shots: Path) -> None:
    case.house.settings = Settings(site=Site(institution="Example Clinic", ai_after_first_read=True))
    with served(create_app(case.services(), watch_nodes=False)) as address:
        sign_in(page, address, case, Role.RADIOLOGIST)
        open_review(page, address)
        assert faults(page) == []
        assert page.run("return document.querySelectorAll('rect, .line').length") == 0
        assert "effusion" not in page.text("main")
        page.shoot(shots / "review_first_read.png")
        page.press("o", *"Effusion")
        page.run("document.querySelector('#impression').value += arguments[0]", HOSTILE)
        page.hold("Control", "Enter")
        page.wait("return document.querySelector('.first-impression') !== null")
        page.wait(READY)
        assert page.run("return document.querySelectorAll('.line').length") == 4
        assert faults(page) == []
        unharmed(page)
        page.shoot(shots / "review_after_first_read.png")
        page.open("about:blank")


def test_the_picture_is_windowed_inverted_measured_and_scrolled_by_key(page: Browser) -> None:
    own = page.run(MEAN)
    page.press("4")
    lung = page.run(MEAN)
    assert page.run("return document.querySelector('#window').selectedOptions[0].text") == "Lung -600/1500"
    assert lung != own
    page.press("i")
    assert page.run(MEAN) == pytest.approx(255 - lung, abs=1)
    assert page.run("return document.querySelector('[data-act=invert]').getAttribute('aria-pressed')") == "true"
    page.press("r")
    assert page.run(MEAN) == pytest.approx(own, abs=0.5)
    page.press("l")
    page.run(DRAG, [10, 10], [40, 50])
    assert page.text("svg text") == "" or page.run("return document.querySelector('svg text').textContent") == "25.0 mm"
    assert page.run("return document.querySelector('svg text').textContent") == "25.0 mm"
    page.press(".")
    page.wait("return prereadViewer.at === 2")
    page.press(",")
    page.wait("return prereadViewer.at === 1")
    assert page.run("return document.querySelector('svg text').textContent") == "25.0 mm"


def test_a_report_is_accepted_edited_rejected_and_added_to_by_keys_alone(page: Browser, case: Review) -> None:
    page.press("ArrowUp", "e")
    page.wait("return document.activeElement.tagName === 'TEXTAREA'")
    page.run("document.activeElement.select()")
    page.press(*"Small right effusion.", "Enter")
    page.wait("return document.activeElement.classList.contains('line')")
    page.press("ArrowDown", "a", "x", "o")
    page.wait("return document.activeElement.tagName === 'TEXTAREA'")
    page.press(*"Old rib fracture.", "Enter")
    page.wait("return document.activeElement.classList.contains('line')")
    page.press("s")
    page.wait(SAVED)
    assert page.run(LINES) == [
        ["Small right effusion.", "edited"],
        ["Enlarged heart, 162 mm across.", "AI"],
        ["Old rib fracture.", "human"],
        ["Small left effusion with cardiomegaly.", "AI"],
    ]
    history = case.edits.history("j-2")
    assert history is not None
    assert case.edits.breaks() == ()
    (revision,) = history.revisions
    assert [edit.classes for edit in revision.edits] == [
        (EditClass.LATERALITY, EditClass.REWORD), (EditClass.DELETE,), (EditClass.INSERT,)
    ]  # fmt: skip
    assert (revision.reviewer, revision.accepted) == ("dr.keller", 1)
    assert history.text == "Findings:\n" + "".join(
        f"{line}\n"
        for line in (
            "Small right effusion.", "Enlarged heart, 162 mm across.", "Old rib fracture.", "Conclusions:",
            "Small left effusion with cardiomegaly.",
        )
    )  # fmt: skip
    assert Provenance.HUMAN in {span.provenance for span in history.spans}
    assert [event.detail for event in case.house.audit.events if "edit log web#1=" in event.detail]


def test_of_two_at_one_report_the_second_is_told_and_keeps_the_text(page: Browser, case: Review) -> None:
    page.press("x")
    page.run("document.querySelector('#review').dataset.base = 'what it was before'")
    page.press("s")
    page.wait("return document.querySelector('#said').textContent.includes('Somebody else has saved')")
    assert page.run("return document.querySelectorAll('[data-verdict=rejected]').length") == 1
    assert case.edits.history("j-2") is None
    page.leave()  # the refusal is what we wanted


def test_a_report_is_signed_and_added_to_by_keys_and_a_colleague_sees_both_versions(
    page: Browser, case: Review, shots: Path
) -> None:
    page.press("e")
    page.wait("return document.activeElement.tagName === 'TEXTAREA'")
    page.run("document.activeElement.select()")
    page.press(*"Small right effusion.", "Enter")
    page.wait("return document.activeElement.classList.contains('line')")
    page.press("S")
    page.wait("return document.querySelector('#ask-signature').open")
    assert "dr.keller, Example Clinic" in page.text("#ask-signature")
    assert "Small right effusion." in page.text("#ask-signature pre")
    assert "3 sentences of the AI were neither accepted nor changed." in page.text("#ask-signature .bad")
    assert faults(page) == []
    page.press("Enter")  # on the text that is signed: nothing is signed by two keys that follow one another
    assert page.run("return document.querySelector('#ask-signature').open")
    page.press("Tab", "Enter")
    page.wait("return document.querySelector('.tag')?.textContent === 'FINAL'")
    page.wait(READY)
    assert "Report signed by dr.keller, Example Clinic" in page.text(".banner")
    assert page.run("return document.querySelectorAll('[data-act=save], [data-act=edit]').length") == 0
    (signature,) = case.house.signing.kept
    history = case.edits.history("j-2")
    assert history is not None
    assert history.text == signature.text == "\n".join(
        ("Findings:", "Small right effusion.", "Enlarged heart, 162 mm across.", "No pneumothorax.", "Conclusions:",
         "Small left effusion with cardiomegaly.", "")
    )  # fmt: skip
    page.press("A")
    page.wait("return document.activeElement.name === 'text'")
    page.press(*"Called the ward.")
    page.run("document.activeElement.value += arguments[0]", HOSTILE)
    page.run("document.querySelector('#ask-addendum').dataset.seen = '0'")  # as if a colleague had been faster
    page.run("document.querySelector('#ask-addendum [value=yes]').click()")
    page.wait("return !document.querySelector('#conflict').hidden")
    assert page.text("[data-version=yours]").startswith("Called the ward.<")
    assert "Small right effusion." in page.text("[data-version=theirs]")
    assert faults(page) == []
    page.shoot(shots / "review_conflict.png")
    page.complaints()  # the refusal is what we wanted
    page.run("document.querySelector('#ask-addendum').dataset.seen = '1'")
    page.press("A")
    page.run("document.querySelector('#ask-addendum [value=yes]').click()")
    page.wait("return document.querySelector('.made').innerText.includes('Addendum by dr.keller')")
    page.wait(READY)
    (added,) = case.house.signing.kept[1:]
    assert added.text.startswith("Called the ward.<")
    unharmed(page)
    assert faults(page) == []
    page.shoot(shots / "review_signed.png")


def test_markup_in_a_text_field_stays_text(page: Browser, case: Review) -> None:
    page.press("o")
    page.wait("return document.activeElement.tagName === 'TEXTAREA'")
    page.run("document.activeElement.value = arguments[0]", HOSTILE)
    page.press("Enter", "q")
    page.wait("return document.querySelector('#quality-said').textContent.includes('By rules, version')")
    page.press("s")
    page.wait(SAVED)
    page.wait(READY)
    for payload in PAYLOADS:
        assert payload.strip("\u202e") in page.text(".report"), payload
    unharmed(page)
    page.press("X")
    page.wait("return document.querySelector('#ask-rejection').open")
    page.run("document.querySelector('#ask-rejection [name=reason]').value = arguments[0]", HOSTILE)
    assert faults(page) == []
    page.run("document.querySelector('#ask-rejection [value=yes]').click()")
    page.wait("return document.querySelector('.tag')?.textContent === 'REJECTED'")
    assert PAYLOADS[0] in page.text(".made")
    unharmed(page)


def test_who_only_views_changes_nothing(window: Browser, case: Review, address: str) -> None:
    sign_in(window, address, case, Role.VIEWER)
    open_review(window, address)
    window.press("x", "e", "o", "s")
    assert [wrote for _, wrote in window.run(LINES)] == ["AI"] * 4
    assert "sign in with the role radiologist" in window.text(".made")
    assert window.run(f"return document.querySelector('canvas').width === {SIZE}")
    window.open("about:blank")


class TestRealFiles:
    """What the browser shows of real files, in twelve transfer syntaxes, is what pydicom reads."""

    NOT_SHOWN = ("NM1_JPLY.dcm", "CTImage.dcm_JPEGProcess2_4TransferSyntax_1.2.840.10008.1.2.4.51.dcm")
    """12 bits in a process that nothing here decodes: the page says so."""

    def test_every_picture_has_its_pixels_in_the_browser(
        self, window: Browser, tmp_path: Path, test_data: Path, shots: Path
    ) -> None:
        paths = sorted((test_data / "ts").iterdir())
        with shelf(tmp_path) as made:
            case = Review(made)
            made.keep(*(alone(path) for path in paths))
            with served(create_app(case.services(), watch_nodes=False)) as address:
                sign_in(window, address, case, Role.RADIOLOGIST)
                open_review(window, address)
                shown = {path.name: shown_in(window, path) for path in paths}
                window.complaints()  # the two refusals are what we wanted
                window.shoot(shots / "review_real.png")
                window.open("about:blank")
        for path in paths:
            if path.name in self.NOT_SHOWN:
                assert "Nothing here decodes" in str(shown[path.name])
                continue
            wanted = pixel_array(path if "Deflated" not in path.name else dcmread(path), index=0)
            channels = np.moveaxis(wanted, -1, 0) if wanted.ndim == 3 else [wanted]  # of colours RGB
            assert shown[path.name] == [
                [int(each.min()), int(each.max()), int(each.sum(dtype=np.int64))] for each in channels
            ]
        assert len(paths) == 14


OPEN = """
const [study, series, instance] = arguments;
prereadViewer.study = `/dicom-web/studies/${study}`;
return prereadViewer.open(series, instance).then(() => {
  const { picture, note } = prereadViewer;
  if (!picture) return note.textContent;
  const summed = (pixels) => {
    let [low, high, sum] = [Infinity, -Infinity, 0];
    for (const value of pixels) { low = Math.min(low, value); high = Math.max(high, value); sum += value; }
    return [low, high, sum];
  };
  if (!picture.drawn) return [summed(picture.pixels)];
  const canvas = document.querySelector('canvas');
  const shown = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  return [0, 1, 2].map((channel) => summed(shown.filter((_, at) => at % 4 === channel)));
});
"""


def alone(path: Path) -> bytes:
    """A real file under UIDs of its own: several of them are one picture in several syntaxes. Its pixels stay."""
    dataset = dcmread(path)
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = uid("study of", path.name), uid("series of", path.name)
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = uid("instance of", path.name)
    written = BytesIO()
    dataset.save_as(written, enforce_file_format=True)
    return written.getvalue()


def shown_in(window: Browser, path: Path) -> Any:
    return window.run(OPEN, *(uid(f"{level} of", path.name) for level in ("study", "series", "instance")))
