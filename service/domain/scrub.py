"""Scrub: free text without what is known of a person, and without what looks like a name, number or date.

It is as good as that and no better: a name that stands in no header and behind no title stays where it is.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

_BETWEEN = r"[\s\-_.^,/=]*"
"""What may stand between the signs of a number, or between the parts of a name."""
_FOLDED: Mapping[str, str] = {
    "ä": "(?:ä|ae|a)", "ö": "(?:ö|oe|o)", "ü": "(?:ü|ue|u)", "ß": "(?:ß|ss|s)", "é": "[ée]", "è": "[èe]", "ê": "[êe]",
    "á": "[áa]", "à": "[àa]", "ó": "[óo]", "í": "[íi]", "ú": "[úu]", "ñ": "[ñn]", "ç": "[çc]", "ø": "(?:ø|oe|o)",
    "å": "(?:å|aa|a)", "š": "[šs]", "č": "[čc]", "ž": "[žz]", "ł": "[łl]",
}  # fmt: skip
"""How a letter may be written where it cannot be typed."""
_SHORTEST, _ALONE, _INSIDE = 2, 3, 5
"""Letters of a name from which on it is looked for beside others, by itself, and inside of longer words."""
_LONGEST = 20_000
"""Characters of one text that are looked through; what is longer is not given away."""

NAME, NUMBER, DATE, ADDRESS, AGE = "[name]", "[number]", "[date]", "[address]", "[age]"

_MONTH = (
    r"(?:jan(?:uary|uar)?|feb(?:ruary|ruar)?|mar(?:ch)?|märz?|apr(?:il)?|ma[yi]|june?|juni|july?|juli|aug(?:ust)?"
    r"|sept?(?:ember)?|o[ck]t(?:ober)?|nov(?:ember)?|de[cz](?:ember)?)\b\.?"
)
_PATTERNS = (
    (ADDRESS, r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+"),
    (ADDRESS, r"(?:https?://|ftp://|www\.)\S*[^\s.,;)]"),
    (NUMBER, r"(?<![\d.])[0-2](?:\.\d+){5,}"),  # a UID
    (DATE, r"(?<!\d)(?:19|20)\d\d[-/.](?:0?[1-9]|1[0-2])[-/.](?:0?[1-9]|[12]\d|3[01])(?!\d)"),
    (
        DATE,
        r"(?<![\d.])(?:0?[1-9]|[12]\d|3[01])[./-]\s?(?:0?[1-9]|[12]\d|3[01])[./-]\s?(?:(?:19|20)\d\d|\d\d)(?![\d.]*\d)",
    ),
    (DATE, rf"(?<!\d)(?:0?[1-9]|[12]\d|3[01])(?:st|nd|rd|th)?\.?\s*(?:of\s+)?{_MONTH},?(?:\s*(?:19|20)\d\d)?"),
    (DATE, rf"\b{_MONTH}\s+(?:0?[1-9]|[12]\d|3[01])(?:st|nd|rd|th)?\b(?:,?\s*(?:19|20)\d\d)?"),
    (DATE, r"(?<!\d)(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?!\d)"),
    (NUMBER, r"\d{41,}"),
    (NUMBER, r"(?<![\w.,])\+?\d(?:[\s/()-]{0,2}\d){6,40}(?![\d.,]*\d)"),  # a telephone, an order, a record
    (NUMBER, r"(?<!\w)(?=[A-Za-z-]{0,8}\d)[A-Za-z]{1,8}-?\d{5,}(?!\w)"),
    (AGE, r"(?<![\d.,])(?:9\d|1[0-2]\d)(?=[\s-]*(?:years?|yrs?\b|y/?o\b|jahre?|jährig|j\.))"),
)
_TITLE = re.compile(
    r"\b((?i:dr|prof|mr|mrs|ms|miss|herrn?|frau|schwester|dres)\.?(?:\s+(?i:med|dr|prof)\.?)*)"
    r"((?:\s+|\s*-\s*)(?:(?:von|van|de|zu)\s+)?[^\W\d_a-zß-ö][\w'’-]*){1,3}"
)
_PLAIN = tuple((mark, re.compile(pattern, re.IGNORECASE)) for mark, pattern in _PATTERNS)


@dataclass(frozen=True)
class Known:
    """What is known of the people of one study."""

    names: frozenset[str] = frozenset()
    """Person names as DICOM writes them (PS3.5 6.2.1)."""
    places: frozenset[str] = frozenset()
    """Institutions, departments, addresses: looked for as a whole, since their words are everybody's."""
    numbers: frozenset[str] = frozenset()
    """Identifiers, accession numbers, UIDs, telephone numbers."""
    dates: frozenset[str] = frozenset()
    """DICOM DA."""

    def __or__(self, other: Known) -> Known:
        return Known(
            self.names | other.names, self.places | other.places, self.numbers | other.numbers, self.dates | other.dates
        )  # fmt: skip

    @cached_property
    def patterns(self) -> tuple[tuple[str, re.Pattern[str]], ...]:
        """What to look for, the longest first."""
        numbers = {each.strip() for each in self.numbers if len(_bare(each)) >= _ALONE}
        return (
            *((NUMBER, _compiled(_number(each))) for each in sorted(numbers, key=len, reverse=True)),
            *((DATE, _compiled(each)) for date in sorted(self.dates) for each in _dates(date)),
            *((NAME, _compiled(_place(each))) for each in sorted(self.places) if len(_bare(each)) >= _ALONE),
            *((NAME, _compiled(each)) for name in sorted(self.names) for each in _whole_names(name)),
            *((NAME, _compiled(each)) for each in _parts(self.names)),
        )


def scrub(text: str, known: Known) -> str:
    """`text` with marks such as [name] in place of what is known or looks like it. Raises ValueError for one that is
    too long to be looked through."""
    if len(text) > _LONGEST:
        raise ValueError("a text is too long to be scrubbed")
    plain = readable(text)
    for mark, pattern in known.patterns:
        plain = pattern.sub(mark, plain)
    plain = _TITLE.sub(rf"\1 {NAME}", plain)
    for mark, pattern in _PLAIN:
        plain = pattern.sub(mark, plain)
    return plain


def leaks(text: str, known: Known) -> bool:
    """Whether anything that is known still stands in `text`."""
    return any(pattern.search(readable(text)) for _, pattern in known.patterns)


def readable(text: str) -> str:
    """In NFC, without signs that nobody sees: a name stays a name with a soft hyphen in it."""
    return "".join(sign for sign in unicodedata.normalize("NFC", text) if unicodedata.category(sign) != "Cf")


def _number(value: str) -> str:
    bare = _bare(value)
    signs = re.escape(value) if value.count(".") > 3 else _BETWEEN.join(map(re.escape, bare))
    if len(bare) < _INSIDE:
        return rf"(?<![^\W_]){signs}(?![^\W_])"
    before, after = (r"(?<!\d)" if bare[0].isdigit() else ""), (r"(?!\d)" if bare[-1].isdigit() else "")
    return f"{before}{signs}{after}"


def _place(value: str) -> str:
    words = [_letters(word) for word in re.split(r"[\s\-,.^/]+", readable(value)) if word]
    return rf"(?<![^\W_]){_BETWEEN.join(words)}(?![^\W_])"


def _bare(value: str) -> str:
    return re.sub(r"[\W_]", "", readable(value))


def _dates(date: str) -> Iterator[str]:
    """The ways to write one date that the patterns for any date do not know: with a part missing or in words."""
    if len(date) != 8 or not date.isdecimal():
        return
    year, month, day = date[:4], date[4:6], date[6:]
    between = r"[\s./-]*"
    short = f"(?:{year[:2]})?{year[2:]}"
    number, name = f"0?{int(month)}", f"0?{int(day)}"
    for parts in ((year, month, day), (name, number, short), (number, name, short)):
        yield rf"(?<!\d){between.join(parts)}(?!\d)"


def _whole_names(name: str) -> Iterator[str]:
    """Each group of a name with its parts in a row, in the order in which they stand, and turned round."""
    for group in readable(name).split("="):
        parts = [part for part in re.split(r"[\^\s,]+", group) if part]
        if len(parts) > 1 and len("".join(parts)) >= _ALONE:
            first = [_letters(part) for part in parts[:2]]
            for order in (first, first[::-1]):
                yield rf"(?<![^\W_]){_BETWEEN.join(order)}(?![^\W_])"


def _parts(names: Iterable[str]) -> Iterator[str]:
    found = {part for name in names for part in re.split(r"[\^\s,=.\-]+", readable(name)) if _counts(part)}
    for part in sorted(found, key=len, reverse=True):
        letters = _letters(part)
        inside = len(part) >= _INSIDE or not part.isascii()
        yield letters if inside else rf"(?<![^\W_]){letters}(?:s|'s|’s)?(?![^\W_])"


def _counts(part: str) -> bool:
    """Whether a part of a name is looked for by itself: three letters, or two of a script that has no case."""
    least = _ALONE if part[:1].lower() != part[:1].upper() else _SHORTEST
    return len(part) >= least


def _letters(part: str) -> str:
    return "".join(_FOLDED.get(sign, re.escape(sign)) for sign in part.lower())


def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)
