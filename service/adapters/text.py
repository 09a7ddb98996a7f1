"""Text out of bytes by Specific Character Set (PS3.5 6.1.2), without exceptions, warnings or control characters.

pydicom's own `decode_bytes` warns where bytes do not fit, and warnings are a global of the process; a receiver
has many threads. The tables are pydicom's.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

from pydicom.charset import CODES_TO_ENCODINGS, STAND_ALONE_ENCODINGS, python_encoding

_ESC = b"\x1b"
_FRAGMENT = re.compile(rb"^[^\x1b]+|\x1b[^\x1b]*")
_REPERTOIRE_RESET = re.compile(rb"[\\^=\t\n\f\r]")
"""Delimiters after which the first repertoire holds again (PS3.5 6.1.2.5.3)."""
_READ_ESCAPES = frozenset(("iso2022_jp", "iso2022_jp_2"))
"""Codecs that read the escape sequence themselves. (pydicom counts iso_ir_58 in and leaves "$)A" in names.)"""
_WITHOUT_ESCAPES = frozenset(python_encoding[term] for term in STAND_ALONE_ENCODINGS)
_LENIENT = re.compile(r"^ISO[^_]IR")
_DEFAULT = "iso8859"
_SHORT, _KEPT = 64, 2048
"""Values of so many bytes are decoded once and kept, so many of them: the images of a series say mostly the same."""
MAX_CHARACTERS = 1024
"""Longest text of one attribute that is kept; the longest VR indexed here (LO, 64 characters) may repeat."""


def encodings_of(specific_character_set: bytes) -> tuple[str, ...]:
    """Python's names for the terms of (0008,0005); unknown terms fall back to the default repertoire."""
    terms = [term.strip().decode("ascii", "replace") for term in specific_character_set.strip(b"\0 ").split(b"\\")]
    if terms[0] in STAND_ALONE_ENCODINGS:
        return (_encoding(terms[0]),)  # without code extensions (PS3.3 C.12.1.1.2)
    return tuple(_encoding(term) for term in terms if term not in STAND_ALONE_ENCODINGS)


def _encoding(term: str) -> str:
    if term in python_encoding:
        return python_encoding[term]
    # "ISO-IR 100" and "ISO IR 100" are common misspellings of "ISO_IR 100".
    return python_encoding.get(_LENIENT.sub("ISO_IR", term), _DEFAULT)


def decode(value: bytes, encodings: Sequence[str]) -> str:
    """Decode `value`; what does not fit becomes U+FFFD."""
    if _ESC not in value or encodings[0] in _WITHOUT_ESCAPES:
        return value.decode(encodings[0], "replace")
    return "".join(_fragment(part, encodings) for part in _FRAGMENT.findall(value))


def _fragment(part: bytes, encodings: Sequence[str]) -> str:
    if not part.startswith(_ESC):
        return part.decode(encodings[0], "replace")
    length = 4 if part.startswith((b"\x1b$(", b"\x1b$)")) else 3
    encoding = CODES_TO_ENCODINGS.get(part[:length], "")
    if encoding not in encodings and encoding != _DEFAULT:
        return part.decode(encodings[0], "replace")
    if encoding in _READ_ESCAPES:
        return part.decode(encoding, "replace")
    part = part[length:]
    reset = _REPERTOIRE_RESET.search(part)
    end = reset.start() if reset else len(part)
    return part[:end].decode(encoding, "replace") + part[end:].decode(encodings[0], "replace")


def clean(text: str) -> str:
    """NFC, without control characters, surrounding spaces and excess length."""
    if text.isascii() and text.isprintable():  # nearly every value: nothing to compose, nothing to leave out
        return text[:MAX_CHARACTERS].strip(" ")
    normal = unicodedata.normalize("NFC", text[:MAX_CHARACTERS])
    return "".join(c for c in normal if unicodedata.category(c) not in {"Cc", "Cs"}).strip(" ")[:MAX_CHARACTERS]


def values(value: bytes, encodings: Sequence[str]) -> list[str]:
    """The values of a text element, decoded before they are split: a backslash may be half a character."""
    return [clean(part) for part in decode(value, encodings).split("\\")]


def whole(value: bytes, encodings: tuple[str, ...]) -> str:
    """The whole value as one text."""
    return _short_text(value, encodings) if len(value) <= _SHORT else clean(decode(value, encodings))


def joined(value: bytes, encodings: tuple[str, ...]) -> str:
    """Every value, joined by a backslash."""
    return _short_joined(value, encodings) if len(value) <= _SHORT else "\\".join(values(value, encodings))


@lru_cache(_KEPT)
def _short_text(value: bytes, encodings: tuple[str, ...]) -> str:
    return clean(decode(value, encodings))


@lru_cache(_KEPT)
def _short_joined(value: bytes, encodings: tuple[str, ...]) -> str:
    return "\\".join(values(value, encodings))
