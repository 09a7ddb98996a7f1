"""Templates for tests: the smallest one that has every kind of field, markup around a body, and fills by the dozen."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, timedelta

from service.adapters.templates.mrrt import read_mrrt
from service.domain.code import ABSENT
from service.domain.filled import Filled
from service.domain.template import Field, FieldKind, Option, Template, Value

WORDS = ("effusion", "links", "größer", "≥ 5 mm", "<b>", "{value}", "a & b", "放射線", "12,5", "“so”", "back\\slash")


def markup(body: str, *, codes: str = "", head: str = "<title>Test</title>") -> str:
    """A template file: `head` on line 3, `body` from line 6 on."""
    xml = f"<template_attributes><coded_content>{codes}</coded_content></template_attributes>"
    script = f'<script type="text/xml">{xml}</script>'
    return f"<!DOCTYPE html>\n<html>\n<head>{head}{script}\n</head>\n<body>\n{body}</body></html>"


def section(body: str, *, name: str = "findings", label: str = "Findings") -> str:
    return f'<section id="{name}" data-section-name="{label}">\n{body}\n</section>\n'


EVERY_KIND = markup(
    section(
        '<label for="words">Words</label><textarea id="words"></textarea>\n'
        '<label for="size">Size</label><input id="size" type="number" min="0" max="500">\n'
        '<label for="one">One</label><select id="one" data-field-completion-action="PROHIBIT">'
        '<option id="one-0" value="No">No</option><option id="one-1" value="Yes">Yes</option></select>\n'
        '<label for="some">Some</label><span id="some" data-field-type="CHECKBOX" data-field-completion-action="ALERT">'
        '<input id="some-0" type="checkbox" value="First">First<input id="some-1" type="checkbox" value="Second">Second'
        "</span>\n"
        '<label for="day">Day</label><input id="day" type="date">'
    ),
    codes='<entry ORIGTXT="size"><term><code value="81827009" scheme="SNOMEDCT" meaning="Diameter"/></term><term>'
    '<code value="mm" scheme="UCUM" meaning="millimeter"/></term></entry>'
    '<entry ORIGTXT="one-0"><term><code value="2667000" scheme="SNOMEDCT" meaning="Absent"/></term></entry>',
)


def every_kind() -> Template:
    return read_mrrt("every-kind.html", EVERY_KIND)


def fills(template: Template, count: int, *, seed: int = 1) -> Iterator[Filled]:
    """Forms filled at random, the same for the same seed; the last has every field."""
    dice = random.Random(seed)
    for number in range(count):
        taken = [one for one in template.fields if number == count - 1 or dice.random() < 0.6]
        normal = frozenset(one.name for one in template.sections if dice.random() < 0.3)
        yield Filled(template=template, values={one.name: _value(one, dice) for one in taken}, normal=normal)


def _value(one: Field, dice: random.Random) -> Value:
    match one.kind:
        case FieldKind.NUMBER:
            low, high = one.low or 0.0, one.high or 100.0
            return float(f"{low + (high - low) * dice.random():.4g}")
        case FieldKind.DATE:
            return date(1900, 1, 1) + timedelta(days=dice.randrange(60_000))
        case FieldKind.CHOICE:
            return (dice.choice(one.options).text,)
        case FieldKind.CHOICES:
            return _several(one.options, dice)
    lines = [" ".join(dice.choices(WORDS, k=dice.randint(1, 12))) for _ in range(dice.randint(1, one.lines))]
    return "\n".join(lines)


def _several(options: tuple[Option, ...], dice: random.Random) -> Value:
    found = [option for option in options if dice.random() < 0.5] or [options[0]]
    alone = next((option for option in found if option.code == ABSENT), None)
    return (alone.text,) if alone else tuple(option.text for option in found)
