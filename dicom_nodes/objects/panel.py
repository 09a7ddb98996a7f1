"""The page in pixels: notice, key images with boxes burned in, what is marked, conclusions and findings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageFont

from dicom_nodes.objects import wording
from dicom_nodes.objects.context import EncodingContext, picture_key
from dicom_nodes.objects.evidence import not_found
from dicom_nodes.objects.picture import (
    Mark,
    Shown,
    findings_on,
    images_with_findings,
    key_images,
    marks,
    present,
    show,
)
from dicom_nodes.objects.typeface import BOLD, FONTS, REGULAR, plain
from service.domain.report import Evidence, Report, Section, first_line

WIDTH = 1280
MARGIN = 24
LINES = 40
"""Lines of text below the pictures."""
_BLACK, _WHITE, _DIM, _BOX, _WARN = (0, 0, 0), (235, 235, 235), (160, 165, 170), (255, 212, 0), (138, 28, 28)
_BODY, _HEAD, _NUMBER = 24, 28, 20
_Colour = tuple[int, int, int]


class Line(NamedTuple):
    """One line of text that fits the width."""

    text: str
    size: int = _BODY
    bold: bool = False
    colour: _Colour = _WHITE


def panel(report: Report, context: EncodingContext) -> Image.Image:
    """RGB, WIDTH wide and as high as it takes; equal report and context, equal pixels."""
    head = list(_wrapped(Line(first_line(report), _HEAD, bold=True)))
    images = [_picture(report, image, context) for image in key_images(report)]
    text = _text(report, context)
    rows = [images[at : at + 2] for at in range(0, len(images), 2)]
    band = _height(head) + MARGIN
    height = band + sum(_tallest(row) + MARGIN for row in rows) + _height(text) + 2 * MARGIN
    canvas = Image.new("RGB", (WIDTH, height), _BLACK)
    draw = ImageDraw.Draw(canvas)
    draw.rectangle((0, 0, WIDTH, band), fill=_WARN)
    _write(draw, head, MARGIN // 2)
    y = band + MARGIN
    for row in rows:
        for place, image in enumerate(row):
            canvas.paste(image, (MARGIN + place * (_room(2) + MARGIN), y))
        y += _tallest(row) + MARGIN
    _write(draw, text, y)
    return canvas


def _room(columns: int) -> int:
    return (WIDTH - (columns + 1) * MARGIN) // columns


def _tallest(row: Sequence[Image.Image]) -> int:
    return max(image.height for image in row)


def _picture(report: Report, image: Evidence, context: EncodingContext) -> Image.Image:
    """A key image with its boxes; a frame of words for one that cannot be decoded."""
    frame = context.pictures.get(picture_key(image))
    room = _room(1 if len(key_images(report)) == 1 else 2)
    if frame is None:
        empty = Image.new("RGB", (room, 120), _BLACK)
        words = f"The picture …{image.sop_instance_uid[-12:]} cannot be shown here."
        ImageDraw.Draw(empty).text((0, 40), words, font=_font(REGULAR, _NUMBER), fill=_DIM)
        return empty
    shown = show(frame, longest=room)
    drawn = shown.image.convert("RGB")
    draw = ImageDraw.Draw(drawn)
    for mark in marks(report, image):
        _mark(draw, shown, mark)
    return drawn


def _mark(draw: ImageDraw.ImageDraw, shown: Shown, mark: Mark) -> None:
    """A box two pixels wide and its number on a dark tab above it."""
    left, top, right, bottom = shown.box(mark.region)
    draw.rectangle((left, top, max(right, left), max(bottom, top)), outline=_BOX, width=2)
    font, number = _font(BOLD, _NUMBER), str(mark.number)
    wide = int(font.getlength(number)) + 8
    y = max(0.0, top - _NUMBER - 6)
    draw.rectangle((left, y, left + wide, y + _NUMBER + 6), fill=_BLACK)
    draw.text((left + 4, y), number, font=font, fill=_BOX)


def _text(report: Report, context: EncodingContext) -> list[Line]:
    """What stands below the pictures, at most LINES of it; the last says so where more was to be said."""
    lines = [line for told in _told(report, context) for line in _wrapped(told)]
    if len(lines) <= LINES:
        return lines
    return [*lines[: LINES - 1], Line("More stands in the structured report.", colour=_DIM)]


def _told(report: Report, context: EncodingContext) -> Iterator[Line]:
    left = len(images_with_findings(report)) - len(key_images(report))
    if left > 0:
        yield Line(f"{left} more images with findings are not shown.", colour=_DIM)
    on_images = {number for image in key_images(report) for number, _ in findings_on(report, image)}
    for number, finding in enumerate(present(report), 1):
        if number in on_images:
            yield Line(f"{number}  {wording.unsaid(finding)}", colour=_BOX)
    for section in (Section.CONCLUSIONS, Section.FINDINGS):
        for sentence in report.sentences:
            if sentence.section is section:
                yield Line(sentence.text, bold=section is Section.CONCLUSIONS)
    if absent := not_found(report):
        yield Line(wording.looked_for(absent))
    for note in report.notes:
        yield Line(wording.note(note))
    yield Line(wording.read_by(report.algorithms, context), _NUMBER, colour=_DIM)


def _wrapped(line: Line) -> Iterator[Line]:
    """`line` broken between words where it is too wide."""
    font = _font(BOLD if line.bold else REGULAR, line.size)
    current = ""
    for word in plain(line.text).split():
        longer = f"{current} {word}".lstrip()
        if current and font.getlength(longer) > WIDTH - 2 * MARGIN:
            yield line._replace(text=current)
            longer = word
        current = longer
    yield line._replace(text=current)


def _height(lines: Sequence[Line]) -> int:
    return sum(_leading(line) for line in lines)


def _leading(line: Line) -> int:
    return line.size * 3 // 2


def _write(draw: ImageDraw.ImageDraw, lines: Sequence[Line], y: int) -> None:
    for line in lines:
        draw.text((MARGIN, y), line.text, font=_font(BOLD if line.bold else REGULAR, line.size), fill=line.colour)
        y += _leading(line)


@cache
def _font(name: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(FONTS / f"{name}.ttf"), size, layout_engine=ImageFont.Layout.BASIC)
