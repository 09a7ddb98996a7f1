"""Matching: what a search asks for, and whether an answer fits it (PS3.18 8.3.4, PS3.4 C.2.2.2)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from fastapi import HTTPException, Request
from pydicom.datadict import dictionary_VR, keyword_for_tag, tag_for_keyword

Value = str | int
Attributes = Mapping[str, Sequence[Value]]
"""Values by keyword; an empty list for what is not known."""

PAGE, LARGEST_PAGE = 100, 1000
_RESERVED = ("limit", "offset", "fuzzymatching", "includefield", "accept", "charset")
_HEX = re.compile(r"[0-9A-Fa-f]{8}")
_LIST = re.compile(r"[,\\]")


@dataclass(frozen=True, slots=True)
class Asked:
    """One search."""

    filters: Mapping[str, str]
    """Values by keyword; never empty ones, which match everything."""
    limit: int
    offset: int
    fuzzy: bool

    @classmethod
    def read(cls, request: Request, known: frozenset[str]) -> Asked:
        """Raises 400 for what cannot be read, and for an attribute that is not compared here: to leave it out of
        account would answer with studies that nobody asked for."""
        pairs = [(name, text) for name, text in request.query_params.multi_items() if name.lower() not in _RESERVED]
        filters = {_keyword(name): text.strip() for name, text in pairs if text.strip()}
        for name in filters:
            if name not in known:
                raise HTTPException(400, f"{name} is not compared in this search.")
        return cls(
            filters=filters,
            limit=min(_whole(request, "limit", PAGE), LARGEST_PAGE),
            offset=_whole(request, "offset", 0),
            fuzzy=request.query_params.get("fuzzymatching", "").lower() == "true",
        )

    @property
    def told(self) -> str:
        """For the audit record: which attributes were asked for, never their values."""
        return f"searched by {', '.join(sorted(self.filters))}" if self.filters else "newest"

    def prefix(self, keyword: str) -> str:
        """The beginning of a wanted value, up to its first wildcard."""
        return re.split(r"[*?]", self.filters.get(keyword, ""), maxsplit=1)[0]

    def fit(self, attributes: Attributes) -> bool:
        return all(matches(keyword, wanted, attributes.get(keyword, ())) for keyword, wanted in self.filters.items())


def matches(keyword: str, wanted: str, values: Sequence[Value]) -> bool:
    """Whether one of the values of an attribute is the wanted one, by its value representation."""
    compare = _COMPARED.get(dictionary_VR(keyword), _wildcard)
    return any(compare(wanted, str(value)) for value in values)


def _keyword(name: str) -> str:
    """An attribute as PS3.18 8.3.4.1 lets it be named: keyword or tag. Raises 400."""
    keyword = keyword_for_tag(int(name, 16)) if _HEX.fullmatch(name) else name
    if not keyword or tag_for_keyword(keyword) is None:
        raise HTTPException(400, "A search names an attribute that the standard does not know.")
    return keyword


def _whole(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name, "")
    if not text:
        return default
    if not text.isascii() or not text.isdecimal() or len(text) > 9:
        raise HTTPException(400, f"“{name}” is a whole number.")
    return int(text)


def _one_of(wanted: str, value: str) -> bool:
    return value in _LIST.split(wanted)


def _code(wanted: str, value: str) -> bool:
    return any(_wildcard(each, value) for each in _LIST.split(wanted))


def _wildcard(wanted: str, value: str) -> bool:
    pattern = "".join({"*": ".*", "?": "."}.get(sign, re.escape(sign)) for sign in wanted)
    return re.fullmatch(pattern, value, re.DOTALL) is not None


def _name(wanted: str, value: str) -> bool:
    """Any of the three ways in which a name is written, without regard to case (PS3.5 6.2.1)."""
    groups = [value, *value.split("=")]
    return any(_wildcard(wanted.rstrip("^=").casefold(), group.rstrip("^= ").casefold()) for group in groups)


def _range(wanted: str, value: str) -> bool:
    """A day or time, or all from the first to the last; as much of a time is compared as was asked for."""
    if "-" not in wanted:
        return value[: len(wanted)] == wanted
    first, _, last = wanted.partition("-")
    return bool(value) and value[: len(first)] >= first and (not last or value[: len(last)] <= last)


def _number(wanted: str, value: str) -> bool:
    try:
        return float(wanted) == float(value)
    except ValueError:
        return False


_COMPARED: Mapping[str, Callable[[str, str], bool]] = {
    "UI": _one_of, "CS": _code, "PN": _name, "DA": _range, "TM": _range, "DT": _range,
    "IS": _number, "US": _number, "DS": _number,
}  # fmt: skip
