"""Kept: sentences that the ledger keeps in English, told in the visitor's language where their form is known."""

from __future__ import annotations

import re
from functools import cache

from service.domain.said import Said, say

_FORMS = (say("images are arriving"),)


def kept(text: str) -> str:
    """The sentence as a Said, if one of the forms fits it whole; else its text as it is."""
    for pattern, form in _patterns():
        found = pattern.fullmatch(text)
        if found:
            return Said(form.message, values={name: kept(part) for name, part in found.groupdict().items()})
    return text


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], Said], ...]:
    return tuple((_pattern(form.message), form) for form in _FORMS)


def _pattern(message: str) -> re.Pattern[str]:
    """`{name}` stands for any text; the rest is literal."""
    parts = re.split(r"\{(\w+)\}", message)
    literal = [re.escape(part) if number % 2 == 0 else f"(?P<{part}>.+?)" for number, part in enumerate(parts)]
    return re.compile("".join(literal), re.DOTALL)
