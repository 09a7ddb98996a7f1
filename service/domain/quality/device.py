"""Device: one named in the impression alone, one that is there and gone, one misplaced and called well placed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from service.domain.prose.devices import Device, State, devices
from service.domain.prose.sections import Part
from service.domain.prose.side import sides
from service.domain.quality.case import Case
from service.domain.quality.issue import Issue, Kind, Severity, at

_WELL = re.compile(
    r"\b(?:satisfactory|appropriate|standard|good|adequate|correct|proper|expected|unremarkable|regelrecht\w*"
    r"|korrekt\w*) ?"
    r"(?:position\w*|placement|place|lage|location)?\b|\bwell[- ]positioned|in position\b",
    re.IGNORECASE,
)
_NEW = re.compile(
    r"\b(?:placed|inserted|exchanged|replaced|new|now|second|other|remain\w*|one of|another|both|re-?intubat\w*"
    r"|neu\w*|weitere\w*|verblieben\w*|übrig\w*)\b",
    re.IGNORECASE,
)
_DISTANCE = re.compile(
    r"(\d+(?:[.,]\d+)?)\s*(mm|cm)\s+(above|below|proximal|distal|oberhalb|unterhalb|über"
    r"|unter)\b",
    re.IGNORECASE,
)
_KIN = (
    frozenset(("central venous line", "port", "other device")),
    frozenset(("chest tube", "drain", "other device")),
    frozenset(("endotracheal tube", "tracheostomy")),
    frozenset(("valve", "sternal wires")),
    frozenset(("stent", "drain", "other device")),
)
"""Devices that are taken for each other in words."""
_EVENT = re.compile(
    r"\b(?:after|following|post|status|s/p|placement|removal|insertion|implantation|intubation|nach|zustand|anlage|entfernung"
    r"|exchange|wechsel)\b",
    re.IGNORECASE,
)
"""What was done, and is not described."""
_FAR_MM = 75.0
"""Above the carina; farther away a tube is about to slip out (Goodman et al. 1976: 5 cm, 2 cm more for a bent neck)."""
_MM = {"mm": 1.0, "cm": 10.0}
_NO_PLACE = {
    "endotracheal tube": re.compile(
        r"stomach|gastr|diaphragm|svc|vena cava|atrium|o?esophag|magen|zwerchfell"
        r"|ventric",
        re.IGNORECASE,
    ),
    "nasogastric tube": re.compile(r"carina|bronch|svc|vena cava|atri|trachea|lung|pleura", re.IGNORECASE),
    "central venous line": re.compile(
        r"stomach|carina\b(?! level)|bronch|trachea|duoden|magen"
        r"|pleural space",
        re.IGNORECASE,
    ),
    "chest tube": re.compile(r"stomach|svc|vena cava|carina|trachea|atri(?:um|al)", re.IGNORECASE),
}
"""Where the tip of such a device has no business."""


def issues(case: Case) -> Iterator[Issue]:
    """By what the text says of each device."""
    found = devices(case.reading)
    findings = [each for each in found if case.reading.part(each.span.start) is Part.FINDINGS]
    impression = [each for each in found if case.reading.part(each.span.start) is Part.IMPRESSION]
    yield from _unknown(case, impression, findings)
    yield from _gone_and_there(findings, impression)
    yield from _called_well(impression, findings)
    for each in found:
        yield from _misplaced(each)


def _unknown(case: Case, impression: Sequence[Device], findings: Sequence[Device]) -> Iterator[Issue]:
    names = {each.name for each in findings}
    if not case.reading.has(Part.FINDINGS):
        return
    for each in impression:
        if each.name not in names and each.name != "other device" and each.state is not State.ABSENT:
            message = f"The impression names {each.span.text}, the findings do not: describe it, or leave it out."
            related = any(each.name in group and names & group for group in _KIN)
            likely = not related and each.state is State.PRESENT and not _EVENT.search(each.sentence.text)
            yield at(each.span, Kind.DEVICE, Severity.MAJOR, "device.added", message, likely=likely)


def _gone_and_there(findings: Sequence[Device], impression: Sequence[Device]) -> Iterator[Issue]:
    for each in (*findings, *impression):
        others = [
            one
            for one in (*findings, *impression)
            if one.name == each.name and one.sentence != each.sentence and _one_side(one, each)
        ]
        there = any(one.state in {State.PRESENT, State.MALPOSITIONED} for one in others)
        if (
            each.state in {State.REMOVED, State.ABSENT}
            and there
            and not any(_NEW.search(one.sentence.text) for one in (each, *others))
        ):
            message = (
                f"{each.span.text}: removed or absent here, in place elsewhere in the report. Correct one of them."
            )
            yield at(each.span, Kind.DEVICE, Severity.MAJOR, "device.removed", message)


def _one_side(one: Device, other: Device) -> bool:
    """Whether two statements may be about one device: no side is said, or the same."""
    here, there = ({side for side, _ in sides(each.sentence.text)} for each in (one, other))
    return not here or not there or bool(here & there)


def _called_well(impression: Sequence[Device], findings: Sequence[Device]) -> Iterator[Issue]:
    misplaced = {each.name for each in findings if each.state is State.MALPOSITIONED}
    for each in impression:
        if each.name in misplaced and each.state is State.PRESENT and _WELL.search(each.sentence.text):
            message = f"The findings have {each.span.text} misplaced, the impression calls it well placed: correct one."
            yield at(each.span, Kind.DEVICE, Severity.CRITICAL, "device.position", message)


def _misplaced(device: Device) -> Iterator[Issue]:
    """A place that cannot be, or one that is wrong and is not said to be."""
    nowhere = _NO_PLACE.get(device.name)
    tip = re.search(
        r"\b(?:tip|ends?|terminat\w+|projects?|endet"
        r"|spitze)\b(.*)",
        device.sentence.text,
        re.IGNORECASE | re.DOTALL,
    )
    others = (
        len(
            re.findall(
                r"\b(?:tube|line|catheter|sonde|zvk|cvc|picc|ett"
                r"|ng)\b",
                device.sentence.text,
                re.IGNORECASE,
            )
        )
        > 1
    )
    if nowhere and tip and not others and nowhere.search(tip[1]) and device.state is State.PRESENT:
        message = (
            f"{device.span.text}: its tip is described where such a device does not belong. Check device and place."
        )
        yield at(device.span, Kind.DEVICE, Severity.MAJOR, "device.place", message)
    if device.name == "endotracheal tube" and device.state is State.PRESENT and _far(device):
        message = f"{device.span.text}: not well placed at that distance. Check the number, or say what to do."
        yield at(device.span, Kind.DEVICE, Severity.CRITICAL, "device.carina", message)


def _far(device: Device) -> bool:
    for number, unit, way in _DISTANCE.findall(device.sentence.text):
        mm = float(number.replace(",", ".")) * _MM[unit.lower()]
        below = way.lower() in {"below", "distal", "unterhalb", "unter"}
        if "carina" in device.sentence.text.casefold() and (below or mm < 10 or mm > _FAR_MM):
            return True
    return False
