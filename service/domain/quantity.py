"""Quantity: a number with a unit in a sentence; which of them no measurement carries (C04)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from service.domain.report import Measurement

_FACTORS = {
    "mm": ("mm", 1.0), "cm": ("mm", 10.0), "millimeters": ("mm", 1.0), "millimetres": ("mm", 1.0),
    "ml": ("ml", 1.0), "cc": ("ml", 1.0), "l": ("ml", 1000.0), "cm3": ("ml", 1.0), "cm\u00b3": ("ml", 1.0),
    "mm2": ("mm2", 1.0), "mm\u00b2": ("mm2", 1.0), "cm2": ("mm2", 100.0), "cm\u00b2": ("mm2", 100.0),
    "hu": ("[hnsf'u]", 1.0), "[hnsf'u]": ("[hnsf'u]", 1.0), "%": ("%", 1.0), "percent": ("%", 1.0),
    "deg": ("deg", 1.0), "\u00b0": ("deg", 1.0), "{ratio}": ("1", 1.0),
}  # fmt: skip
"""Units as they are written or as UCUM has them, in one unit of each kind."""
_UNITS = "|".join(sorted((re.escape(unit) for unit in _FACTORS), key=len, reverse=True))
_NUMBER = r"[-\u2212+]?\d+(?:[.,]\d+)?"
_QUANTITY = re.compile(
    rf"(?<![\w.])({_NUMBER}(?:\s*(?:x|\u00d7|by|to|-|\u2013)\s*{_NUMBER}){{0,9}})\s*({_UNITS})(?!\w)", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Quantity:
    """One number as it stands in a text, in the unit of its kind."""

    text: str
    value: float
    unit: str
    rounding: float
    """By how much a value may differ that was rounded to it."""


def quantities(text: str) -> tuple[Quantity, ...]:
    """Every number with a unit; of "3 x 4 cm" both."""
    return tuple(
        _quantity(number, unit) for numbers, unit in _QUANTITY.findall(text) for number in re.findall(_NUMBER, numbers)
    )


def uncarried(text: str, measurements: Iterable[Measurement]) -> str:
    """The first quantity of `text` that none of `measurements` is, to the digits it is written with; empty for none."""
    known = [_quantity(f"{one.value:g}", one.unit.value) for one in measurements if one.unit.value.lower() in _FACTORS]
    for said in quantities(text):
        carried = any(one.unit == said.unit and abs(abs(one.value) - abs(said.value)) <= said.rounding for one in known)
        if not carried:
            return said.text
    return ""


_FOLDED = {0x131: "i", 0x17F: "s", 0x307: None}
"""Letters that a pattern without case takes for others."""


def _quantity(number: str, unit: str) -> Quantity:
    kind, factor = _FACTORS[unit.lower().translate(_FOLDED)]
    plain = number.replace(",", ".").replace("\u2212", "-")
    decimals = len(plain.partition(".")[2])
    return Quantity(f"{number} {unit}", float(plain) * factor, kind, 0.5 * factor * 10.0 ** -min(decimals, 300) + 1e-9)
