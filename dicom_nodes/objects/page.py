"""The page that a radiologist reads: notice, patient, key images with boxes, conclusions, findings, provenance.

Laid out by reportlab. Equal report and context, equal bytes: no clock, no random file identifier.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from io import BytesIO
from typing import Any

from reportlab.lib.colors import HexColor, white
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, KeepTogether, LongTable, Paragraph, SimpleDocTemplate, Spacer, Table

from dicom_nodes.objects import wording
from dicom_nodes.objects.context import EncodingContext, picture_key
from dicom_nodes.objects.evidence import known_instances, not_found
from dicom_nodes.objects.figure import Figure
from dicom_nodes.objects.picture import findings_on, images_with_findings, key_images, marks, present, show
from dicom_nodes.objects.typeface import BOLD, REGULAR, markup
from service.domain.report import Evidence, Finding, Report, Section, first_line

MARGIN = 16 * mm
WIDTH = A4[0] - 2 * MARGIN
_FRAME = 6
"""What reportlab's page template keeps free around its frame, in points."""
MAX_ROWS = 200
"""Findings that the table lists; the structured report has every one."""
LEGEND = 10
"""Findings that are named beside an image."""
PIXELS = 1400
"""Longer side of an embedded key image."""
INK, DIM, LINE, WARN = HexColor(0x1B1F24), HexColor(0x5B6570), HexColor(0xC9D0D6), HexColor(0x8A1C1C)

_TEXT = ParagraphStyle("text", fontName=REGULAR, fontSize=9.5, leading=13.5, textColor=INK)
_SMALL = ParagraphStyle("small", _TEXT, fontSize=7.5, leading=10.5, textColor=DIM)
_CELL = ParagraphStyle("cell", _TEXT, fontSize=8.5, leading=11.5)
_CELL_HEAD = ParagraphStyle("cell head", _CELL, fontName=BOLD, textColor=DIM)
_RIGHT = ParagraphStyle("right", _SMALL, alignment=TA_RIGHT)
_TITLE = ParagraphStyle("title", _TEXT, fontName=BOLD, fontSize=15, leading=19)
_HEADING = ParagraphStyle("heading", _TEXT, fontName=BOLD, fontSize=11, leading=15, spaceBefore=9, spaceAfter=3)
_CONCLUSION = ParagraphStyle("conclusion", _TEXT, fontName=BOLD, fontSize=10.5, leading=14.5)
_NOTICE = ParagraphStyle("notice", _TEXT, fontName=BOLD, textColor=white)


def page(report: Report, context: EncodingContext) -> bytes:
    """A PDF of one page, or of several where there is much to say; A4, letters embedded (see `typeface`)."""
    content: list[Flowable] = [
        _notice(report),
        Spacer(0, 4 * mm),
        _title(report, context),
        _patient(context),
        *_figures(report, context),
        *_sentences(report, Section.CONCLUSIONS, "Conclusions", _CONCLUSION),
        *_sentences(report, Section.FINDINGS, "Findings", _TEXT),
        *_table(report),
        *_looked_for(report),
        *_provenance(report, context),
    ]
    buffer = BytesIO()
    document = SimpleDocTemplate(
        buffer,
        pagesize=A4,
        leftMargin=MARGIN - _FRAME,
        rightMargin=MARGIN - _FRAME,
        topMargin=14 * mm,
        bottomMargin=16 * mm,
        title=f"AI pre-read: {report.procedure.meaning}",
        author="preread",
        lang=report.language,
        invariant=1,
    )
    foot = f"{first_line(report)}  |  {_who(context)}"
    document.build(content, canvasmaker=partial(_Numbered, foot=foot))
    return buffer.getvalue()


class _Numbered(Canvas):  # type: ignore[misc]
    """A canvas that writes "page 2 of 3" once it knows how many there are, and on each page whose it is."""

    def __init__(self, *arguments: Any, foot: str, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._foot = foot
        self._pages: list[dict[str, Any]] = []

    def showPage(self) -> None:
        self._pages.append(dict(self.__dict__))
        self._startPage()

    def save(self) -> None:
        for number, state in enumerate(self._pages, 1):
            self.__dict__.update(state)
            self._draw_foot(f"page {number} of {len(self._pages)}")
            super().showPage()
        super().save()

    def _draw_foot(self, pages: str) -> None:
        self.setStrokeColor(LINE)
        self.line(MARGIN, 13 * mm, A4[0] - MARGIN, 13 * mm)
        foot = Table([[_p(self._foot, _SMALL), _p(pages, _RIGHT)]], colWidths=[WIDTH - 24 * mm, 24 * mm])
        foot.setStyle([*_PLAIN, ("RIGHTPADDING", (0, 0), (-1, -1), 0)])
        foot.wrapOn(self, WIDTH, 10 * mm)
        foot.drawOn(self, MARGIN, 12 * mm - foot._height)


def _p(text: str, style: ParagraphStyle = _TEXT) -> Paragraph:
    return Paragraph(markup(text, bold=style.fontName == BOLD), style)


def _notice(report: Report) -> Flowable:
    """The first visible line (invariant 8), where nobody overlooks it."""
    banner = Table([[_p(first_line(report), _NOTICE)]], colWidths=[WIDTH])
    banner.setStyle([("BACKGROUND", (0, 0), (-1, -1), WARN), ("BOTTOMPADDING", (0, 0), (-1, -1), 5)])
    return banner


def _title(report: Report, context: EncodingContext) -> Flowable:
    made = [context.institution, f"written {context.created_at:%Y-%m-%d %H:%M %Z}".rstrip()]
    return _bare(
        [[_p(report.procedure.meaning, _TITLE), [_p(line, _RIGHT) for line in made if line]]],
        [WIDTH - 62 * mm, 62 * mm],
    )


def _patient(context: EncodingContext) -> Flowable:
    identity, patient = context.identity, context.identity.patient
    told = (
        ("Patient", name_as_read(patient.name)),
        ("Patient ID", " ".join(word for word in (patient.patient_id, _in_brackets(patient.issuer)) if word)),
        ("Born", date_as_read(patient.birth_date)),
        ("Sex", patient.sex),
        ("Accession", identity.accession_number),
        ("Study", " ".join(word for word in (date_as_read(identity.study_date), identity.study_description) if word)),
        ("Referred by", name_as_read(identity.referring_physician)),
        ("Study ID", identity.study_id),
    )
    cells = [[_p(label, _SMALL), _p(value or "–", _CELL)] for label, value in told]
    rows = [[*cells[at], *cells[at + 1]] for at in range(0, len(cells), 2)]
    table = _bare(rows, [20 * mm, WIDTH / 2 - 20 * mm] * 2)
    table.setStyle([("LINEABOVE", (0, 0), (-1, 0), 0.5, LINE), ("LINEBELOW", (0, -1), (-1, -1), 0.5, LINE)])
    return table


def _figures(report: Report, context: EncodingContext) -> list[Flowable]:
    """Each key image beside what is marked on it."""
    content: list[Flowable] = [Spacer(0, 3 * mm)]
    images = key_images(report)
    for image in images:
        content.append(_figure(report, image, context))
    left = len(images_with_findings(report)) - len(images)
    if left > 0:
        content.append(_p(f"{left} more images with findings are not shown; the structured report names them.", _SMALL))
    return content


def _figure(report: Report, image: Evidence, context: EncodingContext) -> Flowable:
    frame = context.pictures.get(picture_key(image))
    found = findings_on(report, image)
    legend: list[Flowable] = [_p(_called(image, context), _SMALL), Spacer(0, 1.5 * mm)]
    if frame is None:
        legend.append(_p("The picture cannot be shown here; the image in the archive is meant.", _CELL))
    legend += [_p(f"{number}  {wording.unsaid(finding)}", _CELL) for number, finding in found[:LEGEND]]
    if len(found) > LEGEND:
        legend.append(_p(f"and {len(found) - LEGEND} more, see the table", _SMALL))
    wide = 92 * mm
    boxes = marks(report, image)
    drawn = Figure(show(frame, longest=PIXELS), boxes, width=wide - 4 * mm, height=88 * mm) if frame else ""
    return _bare([[drawn, legend]], [wide, WIDTH - wide])


def _called(image: Evidence, context: EncodingContext) -> str:
    """What an image is called beside it: modality, body part, view, frame, last digits of its UID."""
    instance = known_instances(context).get(image.sop_instance_uid)
    words = [instance.modality, instance.body_part, instance.view] if instance else []
    frame = [f"frame {image.frame}"] if image.frame else []
    return " ".join([*filter(None, words), *frame, f"…{image.sop_instance_uid[-12:]}"])


def _sentences(report: Report, section: Section, heading: str, style: ParagraphStyle) -> list[Flowable]:
    told = [_p(sentence.text, style) for sentence in report.sentences if sentence.section is section]
    if not told:
        return []
    return [KeepTogether([_p(heading, _HEADING), told[0]]), *told[1:]]


def _table(report: Report) -> list[Flowable]:
    """Every present finding with its numbers, under its number on the images; then what else was measured."""
    found = [(str(number), each) for number, each in enumerate(present(report), 1)]
    found += [("", each) for each in report.findings if each.measurements and not each.present]
    if not found:
        return []
    head = [_p(name, _CELL_HEAD) for name in ("", "Finding", "Severity", "Measured", "Certainty")]
    rows = [[_p(cell, _CELL) for cell in _row(number, each)] for number, each in found[:MAX_ROWS]]
    widths = [9 * mm, 72 * mm, 24 * mm, WIDTH - 129 * mm, 24 * mm]
    table = LongTable([head, *rows], colWidths=widths, repeatRows=1)
    table.setStyle([*_PLAIN, ("LINEBELOW", (0, 0), (-1, -1), 0.4, LINE)])
    left = len(found) - MAX_ROWS
    more = [_p(f"{left} more findings stand in the structured report.", _SMALL)] if left > 0 else []
    return [_p("Measurements", _HEADING), table, *more]


def _row(number: str, finding: Finding) -> tuple[str, ...]:
    measured = "; ".join(f"{one.name} {one.text}" for one in finding.measurements)
    sure = "" if finding.probability is None else f"{wording.certainty(finding.probability, finding.present):g} %"
    named = wording.named(finding) if finding.present else f"{wording.named(finding)}: absent"
    severity = finding.severity.meaning.lower() if finding.severity else ""
    return number, named, severity, measured, sure


def _looked_for(report: Report) -> list[Flowable]:
    absent = not_found(report)
    return [Spacer(0, 2 * mm), _p(wording.looked_for(absent))] if absent else []


def _provenance(report: Report, context: EncodingContext) -> list[Flowable]:
    """What was looked at, by which models to the digit, and which study and document this is."""
    lines = [
        wording.images_read(report, context),
        *(wording.note(each) for each in report.notes),
        *(
            f"Read by {by.name} {by.version} of {by.manufacturer}, sha256 {by.digest}, device {by.device_uid}."
            for by in report.algorithms
        ),
        f"Written by preread {context.software_version}".rstrip() + ".",
        f"Study {context.study_instance_uid}. Document {context.sop_instance_uid}.",
        wording.replaced(context),
    ]
    return [KeepTogether([_p("Provenance", _HEADING), *(_p(line, _SMALL) for line in lines if line)])]


_PLAIN = [
    ("VALIGN", (0, 0), (-1, -1), "TOP"),
    ("LEFTPADDING", (0, 0), (-1, -1), 0),
    ("RIGHTPADDING", (0, 0), (-1, -1), 3),
    ("TOPPADDING", (0, 0), (-1, -1), 2),
    ("BOTTOMPADDING", (0, 0), (-1, -1), 2),
]


def _bare(rows: Sequence[Sequence[object]], widths: Iterable[float]) -> Table:
    table = Table(rows, colWidths=list(widths))
    table.setStyle(_PLAIN)
    return table


def _who(context: EncodingContext) -> str:
    patient = context.identity.patient
    return " ".join(word for word in (name_as_read(patient.name), patient.patient_id) if word) or "No name"


def _in_brackets(text: str) -> str:
    return f"({text})" if text else ""


def name_as_read(name: str) -> str:
    """A PN as people write it: family name first, other scripts in brackets (PS3.5 6.2.1.1)."""
    groups = [" ".join(part for part in group.split("^") if part) for group in name.split("=")]
    first, *others = [group for group in groups if group] or [""]
    return f"{first} ({', '.join(others)})" if others else first


def date_as_read(date: str) -> str:
    """A DA with hyphens; anything else as it is."""
    return f"{date[:4]}-{date[4:6]}-{date[6:]}" if len(date) == 8 and date.isdigit() else date
