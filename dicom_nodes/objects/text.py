"""Text as DICOM takes it: without control characters, within the length and repertoire of its VR (PS3.5 6.2).

Values come from models and from other people's headers, so nothing here raises: what cannot be written is
left out, and the rest is written.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime, timedelta

_LINE_ENDS = re.compile("\r\n|[\r\n\v\f\x85\u2028\u2029]")
_DIRECTION = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
"""Bidirectional overrides show text in another order than it is stored; a report must not."""
_TIME = re.compile(r"([01]\d|2[0-3])([0-5]\d([0-5]\d(\.\d{1,6})?)?)?")
_CODE_STRING = re.compile(r"[A-Z0-9 _]{1,16}")
_SEXES = ("M", "F", "O")


def paragraph(text: str) -> str:
    """UT: every line kept, ended as DICOM ends lines (CR LF)."""
    return "\r\n".join(_printable(line).rstrip() for line in _LINE_ENDS.split(text)).strip()


def short_text(text: str) -> str:
    """ST: at most 1024 characters; here on one line."""
    return _one_value(text, 1024)


def long_string(text: str) -> str:
    """LO: one line, at most 64 characters."""
    return _one_value(text, 64)


def short_string(text: str) -> str:
    """SH: one line, at most 16 characters."""
    return _one_value(text, 16)


def code_string(text: str) -> str:
    """CS: capital letters, digits, blank and underscore, at most 16; '' for anything else."""
    word = text.strip().upper()
    return word if _CODE_STRING.fullmatch(word) else ""


def person_name(text: str) -> str:
    """PN: at most three groups of at most five components and 64 characters each (PS3.5 6.2.1)."""
    groups = [
        "^".join(part.strip() for part in group.split("^")[:5])[:64].rstrip("^ ")
        for group in _one_value(text, 1000).split("=")[:3]
    ]
    return "=".join(groups).rstrip("=")


def date(text: str) -> str:
    """DA, or '' for what is no date; YYYY.MM.DD of old senders is read, too."""
    digits = text.strip().replace(".", "")
    try:
        datetime.strptime(digits, "%Y%m%d")
    except ValueError:
        return ""
    return digits if len(digits) == 8 and digits.isascii() else ""


def time(text: str) -> str:
    """TM, or '' for what is no time; HH:MM:SS of old senders is read, too."""
    digits = text.strip().replace(":", "")
    return digits if digits.isascii() and _TIME.fullmatch(digits) else ""


def sex(text: str) -> str:
    """Patient's Sex as PS3.3 C.7.1.1 enumerates it, or ''."""
    letter = text.strip().upper()
    return letter if letter in _SEXES else ""


def zone_offset(moment: datetime) -> str:
    """Timezone Offset From UTC (0008,0201) of an aware `moment`: +HHMM or -HHMM, whole minutes."""
    minutes = round((moment.utcoffset() or timedelta()).total_seconds() / 60)
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}{abs(minutes) % 60:02d}"


def _one_value(text: str, limit: int) -> str:
    """A backslash separates values (PS3.5 6.1.2.3), so it cannot stand in one."""
    flat = _printable(_LINE_ENDS.sub(" ", text)).replace("\\", "/")
    return flat.strip()[:limit].strip()


def _printable(text: str) -> str:
    """Without control characters, lone surrogates and bidirectional overrides; in NFC."""
    flat = unicodedata.normalize("NFC", text.replace("\t", " "))
    return "".join(c for c in flat if unicodedata.category(c) not in ("Cc", "Cs") and c not in _DIRECTION)
