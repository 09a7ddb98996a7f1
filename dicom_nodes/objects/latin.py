"""Text in Latin-1, for peers that read no UTF-8: what it lacks is written with what it has, never as "?"."""

from __future__ import annotations

import unicodedata

from pydicom.dataset import Dataset

_TEXT = frozenset({"SH", "LO", "ST", "LT", "UC", "UT", "PN"})
_SIGNS = {
    "–": "-", "—": "-", "‐": "-", "‑": "-", "−": "-", "…": "...", "‘": "'", "’": "'", "“": '"', "”": '"', "„": '"',
    "•": "-", "€": "EUR", "≥": ">=", "≤": "<=", "≈": "~", "→": "->", "μ": "µ", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D",
    "ı": "i", "ħ": "h", "œ": "oe", "Œ": "OE", "™": "TM",
}  # fmt: skip
_CYRILLIC = "абвгдеёжзийклмнопрстуфхцчшщъыьэюяіїєґўјљњћџђ"
_OF_CYRILLIC = "a b v g d e e zh z i j k l m n o p r s t u f kh c ch sh shch ' y ' e ju ja i i e g u j lj nj c dz d"
"""Close to ISO 9 without marks: read by people, not turned back."""
_GREEK = "αβγδεζηθικλμνξοπρσςτυφχψω"
_OF_GREEK = "a v g d e z i th i k l m n x o p r s s t y f ch ps o"
_SPELT = {
    **dict(zip(_CYRILLIC, _OF_CYRILLIC.split(), strict=True)),
    **dict(zip(_GREEK, _OF_GREEK.split(), strict=True)),
}


class NotLatin(ValueError):
    """A character that nothing in Latin-1 stands for."""


def in_latin(text: str) -> str:
    """`text` with characters of ISO 8859-1 alone. Raises NotLatin."""
    return "".join(map(_letter, unicodedata.normalize("NFC", text)))


def write_latin(dataset: Dataset) -> None:
    """Make every text of `dataset` one of ISO_IR 100; a name in several scripts keeps those groups that it can.

    Raises NotLatin, and leaves the dataset as it was.
    """
    changed = [
        (element, _value(element.VR, element.value))
        for element in dataset.iterall()
        if element.VR in _TEXT and element.value
    ]
    for element, value in changed:
        element.value = value
    dataset.SpecificCharacterSet = "ISO_IR 100"


def _value(vr: str, value: object) -> object:
    if isinstance(value, str) or vr == "PN":
        return _name(str(value)) if vr == "PN" else in_latin(str(value))
    return [_value(vr, one) for one in value] if isinstance(value, list) else in_latin(str(value))


def _name(name: str) -> str:
    """The alphabetic group; the others only where Latin-1 can hold them (PS3.5 6.2.1.1)."""
    alphabetic, *others = name.split("=")
    if not alphabetic and others:
        raise NotLatin("the name has no alphabetic group")
    kept = [group if group.isascii() else "" for group in others]
    return "=".join([in_latin(alphabetic), *kept]).rstrip("=")


def _letter(letter: str) -> str:
    if ord(letter) < 256:
        return letter
    if letter in _SIGNS:
        return _SIGNS[letter]
    if spelt := _SPELT.get(letter.lower()):
        return spelt.capitalize() if letter.isupper() else spelt
    parts = unicodedata.normalize("NFKD", letter)
    plain = "".join(part for part in parts if not unicodedata.combining(part))
    if plain == letter or not plain:
        raise NotLatin(f"nothing in Latin-1 stands for {letter!r} (U+{ord(letter):04X})")
    return in_latin(plain)
