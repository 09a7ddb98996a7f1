"""Replies: a model's short answer about one finding, as what it states, for the check against its own reading."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from service.domain.completion import Told
from service.domain.question.asked import Kind
from workers.narrative.forms import SIDES, Form

_NONE = re.compile(r"\s*(?:No\b|There is no\b)", re.IGNORECASE)
_YES = re.compile(r"\s*Yes,\s*", re.IGNORECASE)
_BOTH = re.compile(r"\bboth sides\b", re.IGNORECASE)
_PARTS = re.compile(r"\s+and\s+")
_SAID = {
    Kind.SIDE: re.compile(r"(?:the )?(?:right|left)", re.IGNORECASE),
    Kind.SIZE: re.compile(r"(?:[1-9][0-9]{0,2} mm|small|moderate|large|mild|severe)(?: on the (?:right|left))?", re.I),
    Kind.WHERE: re.compile(r"in the [a-z ]+|[1-9][0-9]{0,2} mm above the carina", re.IGNORECASE),
}


def stated(kind: Kind, form: Form, answer: str) -> tuple[Told, ...]:
    """What `answer` to a question of `kind` about `form` states; one without a concept for words that state nothing
    known."""
    text = answer.strip().rstrip(".")
    if not text:
        return ()
    if _NONE.match(text):
        return (Told(text=answer.strip(), prompted=False, concept=form.concept, site=form.site),)
    if kind is Kind.SIDE and _BOTH.search(text):
        return tuple(_told(form, answer, side) for side in SIDES)
    return tuple(_each(kind, form, _PARTS.split(_YES.sub("", text)), answer))


def _each(kind: Kind, form: Form, parts: Sequence[str], answer: str) -> Iterator[Told]:
    for part in parts:
        if _is_known(kind, form, part):
            yield _told(form, answer, next((side for side in SIDES if re.search(rf"\b{side}\b", part, re.I)), ""))
        else:
            yield Told(text=answer.strip(), prompted=False)


def _is_known(kind: Kind, form: Form, part: str) -> bool:
    if kind is Kind.IS:
        return form.item_words(part) is not None
    pattern = _SAID.get(kind)
    return bool(pattern and pattern.fullmatch(part))


def _told(form: Form, answer: str, side: str) -> Told:
    return Told(
        text=answer.strip(),
        prompted=False,
        concept=form.concept,
        present=True,
        site=form.site,
        laterality=SIDES.get(side),
    )
