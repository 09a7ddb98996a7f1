"""The sentences of a completed narrative, for service.domain.completion: which a person began, and what each states."""

from __future__ import annotations

import re
from collections.abc import Sequence

from service.domain.completion import Told
from workers.narrative.forms import SIDES, Form
from workers.narrative.sentences import NORMAL, Said, sentences, site, understand

_HEADING = re.compile(r"\s*(FINDINGS|IMPRESSION):")
_ITEM = re.compile(r"[^,\s][^,]*")


def told(prefix: str, continuation: str, forms: Sequence[Form]) -> tuple[Told, ...]:
    """Every sentence and every item of the impression in `prefix` and its `continuation`.

    "Normal study" counts as the absence of each of `forms`. Nothing is left out: words that are none of `forms` come
    without a concept.
    """
    text = prefix + continuation
    findings, _, impression = text.partition("IMPRESSION:")
    heading = _HEADING.match(findings)
    start = heading.end() if heading else 0
    said = [_sentence(each, len(prefix), forms) for each in sentences(findings[start:], start)]
    begin = len(findings) + len("IMPRESSION:")
    for item in _ITEM.finditer(impression):
        said += _item(item[0].rstrip(" .\n"), begin + item.start() < len(prefix), forms)
    return tuple(said)


def _sentence(sentence: tuple[str, int], prompted: int, forms: Sequence[Form]) -> Told:
    said = understand(sentence, forms)
    return _told(said.shown if said else sentence[0], sentence[1] < prompted, said)


def _item(text: str, prompted: bool, forms: Sequence[Form]) -> list[Told]:
    if text == NORMAL:
        return [Told(text=text, prompted=prompted, concept=each.concept, site=each.site) for each in forms]
    for form in forms:
        if (words := form.item_words(text)) is not None:
            return [_told(text, prompted, Said(form=form, present=True, words=words, text=text, start=0))]
    return [_told(text, prompted, None)] if text else []


def _told(text: str, prompted: bool, said: Said | None) -> Told:
    if said is None:
        return Told(text=text, prompted=prompted)
    return Told(
        text=text,
        prompted=prompted,
        concept=said.form.concept,
        present=said.present,
        site=site(said),
        laterality=SIDES.get(said.words.get("side", "")),
    )
