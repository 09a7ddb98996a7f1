"""Encapsulated PDF: the page as a PDF reader finds it, read back by another library (pdfium)."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from importlib.resources import files
from io import BytesIO

import pypdfium2
import pytest
from pydicom import dcmread

from dicom_nodes.objects import encapsulated_pdf
from dicom_nodes.objects.context import EncodingContext
from service.domain import code
from service.domain.report import Report, first_line
from service.domain.study import Identity, Patient
from tests.support.reports import (
    A_PREDECESSOR,
    AN_IDENTITY,
    CHEST_MODEL,
    a_context,
    a_finding,
    a_normal_report,
    a_report,
    an_image,
    an_unread_report,
)


def pdf(report: Report, context: EncodingContext | None = None) -> pypdfium2.PdfDocument:
    dataset = dcmread(BytesIO(encapsulated_pdf.encode(report, context or a_context())))
    return pypdfium2.PdfDocument(dataset.EncapsulatedDocument[: dataset.EncapsulatedDocumentLength])


def words(report: Report, context: EncodingContext | None = None) -> str:
    """The text of every page, its line ends as blanks."""
    pages = [page.get_textpage().get_text_range() for page in pdf(report, context)]
    return re.sub(r"\s+", " ", " ".join(pages))


def test_the_notice_is_the_first_line_and_stands_on_every_page_again() -> None:
    many = tuple(a_finding(f"nodule-{n}", code.NODULE) for n in range(120))
    pages = [page.get_textpage().get_text_range() for page in pdf(a_report(findings=many, sentences=()))]
    assert len(pages) > 1
    assert pages[0].startswith(first_line(a_report()))
    assert all("not read by a radiologist" in page for page in pages)
    assert f"page {len(pages)} of {len(pages)}" in pages[-1]


def test_it_says_what_the_report_says() -> None:
    report, told = a_report(), words(a_report())
    for sentence in report.sentences:
        assert sentence.text in told
    assert "12.4 mm" in told
    assert "91.2 %" in told
    assert "Looked for and not found: Pneumothorax (pleura), Cardiomegaly (heart)." in told


def test_it_says_whose_it_is_and_which_model_made_it_to_the_last_digit() -> None:
    told = words(a_report(), a_context(predecessors=(A_PREDECESSOR,)))
    for wanted in ("Müller-Lüdenscheidt Jürgen", "P0001", "1950-01-02", "A123456", "Thorax p.a. und seitlich"):
        assert wanted in told
    for wanted in (CHEST_MODEL.digest, CHEST_MODEL.device_uid, "chest-demo 1.0", A_PREDECESSOR.sop_instance_uid):
        assert str(wanted) in told


def test_a_key_image_has_its_pixels_and_its_boxes() -> None:
    kinds = [thing.type for thing in pdf(a_report())[0].get_objects()]
    bare = [thing.type for thing in pdf(a_normal_report())[0].get_objects()]
    image, path = pypdfium2.raw.FPDF_PAGEOBJ_IMAGE, pypdfium2.raw.FPDF_PAGEOBJ_PATH
    assert kinds.count(image) == bare.count(image) == 1
    assert kinds.count(path) > bare.count(path)


def test_a_box_lies_where_the_region_is() -> None:
    page = pdf(a_report())[0]
    rendered = page.render(scale=2).to_pil().convert("RGB")
    (image,) = page.get_objects(filter=[pypdfium2.raw.FPDF_PAGEOBJ_IMAGE])
    left, bottom, right, top = image.get_bounds()
    region = a_report().findings[1].evidence[0].region
    assert region is not None
    across, down = (right - left) / 250, (top - bottom) / 300
    x = (left + region.left * across) * 2
    y = (page.get_height() - top + (region.top + region.bottom) / 2 * down) * 2
    near = [rendered.getpixel((round(x) + dx, round(y))) for dx in (-1, 0, 1)]
    assert any(red > 200 and blue < 120 for red, _, blue in near)  # the yellow line, smoothed by the renderer


def test_a_picture_that_cannot_be_decoded_is_named() -> None:
    assert "cannot be shown here" in words(a_report(), a_context(pictures={}))


def test_images_beyond_the_fourth_are_counted() -> None:
    found = tuple(a_finding(f"n{n}", code.NODULE, evidence=(an_image(n),)) for n in range(1, 8))
    assert "3 more images with findings are not shown" in words(a_report(findings=found, sentences=()))


def test_a_study_that_was_not_analysed_has_a_page_that_says_why_and_shows_no_image() -> None:
    told = words(an_unread_report())
    assert told.startswith("NOT ANALYSED BY AI: view position is LL; the model reads PA, AP.")
    assert encapsulated_pdf.shows(an_unread_report()) == ()


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Бунинк^Иван", "Бунинк Иван"),
        ("Διονυσιος", "Διονυσιος"),
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", "Yamada Tarou (山田 太郎, やまだ たろう)"),
        ("Wang^XiaoDong=王^小东", "Wang XiaoDong (王 小东)"),
        ("Hong^Gildong=洪^吉洞=홍^길동", "Hong Gildong (洪 吉洞, 홍 길동)"),
        ("Çelik^Şükrü", "Çelik Şükrü"),
    ],
)
def test_names_of_any_script_stand_on_the_page(name: str, shown: str) -> None:
    identity = replace(AN_IDENTITY, patient=Patient(patient_id="1", name=name))
    told = words(a_report(), a_context(identity=identity))
    assert shown.replace(" ", "") in told.replace(" ", "")
    assert "?" not in told


def test_a_character_that_no_typeface_has_stands_as_its_code_point() -> None:
    identity = Identity(patient=Patient(name="Rune ᚠ 𓀀"))
    assert "[U+13000]" in words(a_report(), a_context(identity=identity))


def test_markup_in_a_text_is_text() -> None:
    identity = replace(AN_IDENTITY, study_description="<b>AP & lat</b> <para>")
    assert "<b>AP & lat</b> <para>" in words(a_report(), a_context(identity=identity))


def test_five_thousand_findings_make_a_document_that_says_how_many_it_leaves_out() -> None:
    many = tuple(a_finding(f"nodule-{n}", code.NODULE) for n in range(5000))
    told = words(a_report(findings=many, sentences=()))
    assert "4800 more findings stand in the structured report" in told


def test_vendored_typefaces_are_those_that_the_list_names() -> None:
    folder = files("dicom_nodes.objects") / "fonts"
    listed = dict(re.findall(r"\| (\S+\.ttf) \|.*\| ([0-9a-f]{64}) \|", (folder / "README.md").read_text()))
    found = {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.iterdir() if ".ttf" in file.name
    }
    assert found == listed
