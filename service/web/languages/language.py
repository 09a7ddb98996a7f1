"""Language: which one a visitor reads, and how it is chosen."""

from __future__ import annotations

from enum import StrEnum

from fastapi import Request

from service.web.services import services_of

COOKIE = "preread_language"
YEAR_S = 365 * 86_400


class Language(StrEnum):
    """Languages of the pages, by their tag (RFC 5646); each names itself."""

    EN = "en"
    DE = "de"

    @property
    def own_name(self) -> str:
        return {"en": "English", "de": "Deutsch"}[self.value]


def language_of(request: Request) -> Language:
    """What the visitor chose on a page, else the best that the browser asks for, else the site's `web.language`."""
    chosen = known(request.cookies.get(COOKIE, ""))
    return (
        chosen
        or accepted(request.headers.get("accept-language", ""))
        or Language(services_of(request).settings.web.language)
    )


def known(text: str) -> Language | None:
    """The language of that tag; None for one that pages do not have."""
    return next((each for each in Language if each.value == text), None)


def accepted(header: str) -> Language | None:
    """The best of an Accept-Language (RFC 9110 12.5.4) that pages have; "de-CH" is taken for "de"."""
    best, weight = None, 0.0
    for part in header[:500].split(","):
        tag, _, quality = part.strip().partition(";")
        found = known(tag.strip().partition("-")[0].lower())
        mine = _weight(quality)
        if found and mine > weight:
            best, weight = found, mine
    return best


def _weight(text: str) -> float:
    name, _, value = text.replace(" ", "").partition("=")
    try:
        return min(float(value), 1.0) if name == "q" else 1.0
    except ValueError:
        return 0.0
