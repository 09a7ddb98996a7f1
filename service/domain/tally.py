"""Tally: what people made of one model's drafts, as numbers. They follow from the edit log and what was signed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from service.domain.became import Became, became
from service.domain.edit import EditClass, History, Provenance, Suggestion
from service.domain.review import Verdict
from service.domain.wording import sentences

DRAFTS, SIGNED, REJECTED = "drafts", "signed", "rejected drafts"
UNCHANGED, EDITED, REMOVED, ADDED = "unchanged", "edited", "removed", "added"
"""What became of the sentences of a signed report: those of the draft that stand as they were, that stand otherwise,
that do not stand any more; and those that only a person wrote."""
OFFERED, TAKEN, FLAGGED, FLAGGED_TAKEN = (
    "suggestions answered", "suggestions taken", "suggestions flagged", "flagged suggestions taken"
)  # fmt: skip
"""Suggestions that were answered by a key, taken whole or in part; and those marked as not carried by the reading."""
DISMISSED = "dismissed "
"""Before the kind of an issue."""

Numbers = Counter[tuple[str, str]]
"""(model, what) -> how many. A model is named as in the edit log: name, version and digest."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Count:
    """One number of one model under one prompt."""

    model: str
    adapter: str = ""
    prompt: str = ""
    """Digest of the prompt; empty where it is not known."""
    what: str
    number: int


def of_signed(
    history: History,
    makers: Mapping[int, Sequence[str]],
    models: Sequence[str],
    *,
    cited: Mapping[int, Sequence[str]],
    headings: frozenset[str],
) -> Numbers:
    """The numbers of one signed report.

    `makers` names the models that each sentence of the draft rests on, by its number, `cited` the findings; `models`
    are all that took part: what a person added counts for each. `headings` are the lines that are no sentences.
    """
    drafted, found = sentences(history.draft), Numbers({(model, SIGNED): 1 for model in models})
    for span in history.spans:
        if span.provenance is Provenance.HUMAN and span.text.strip() and span.text.strip() not in headings:
            found.update((model, what) for model in models for what in (ADDED, EditClass.INSERT.value))
    left = became(drafted, history.spans, cited, headings)
    for number, before in enumerate(drafted):
        if before.strip() in headings or not before.strip():
            continue
        for model in makers.get(number, ()):
            found.update((model, what) for what in _became(before, left.get(number)))
    return found


def of_rejected(models: Sequence[str]) -> Numbers:
    """The numbers of one rejected draft: its sentences were not judged one by one."""
    return Numbers({(model, REJECTED): 1 for model in models})


def of_draft(models: Sequence[str]) -> Numbers:
    return Numbers({(model, DRAFTS): 1 for model in models})


def of_suggestion(model: str, suggestion: Suggestion) -> Numbers:
    """The numbers of one answer to a suggestion."""
    said = {OFFERED: True, TAKEN: bool(suggestion.taken), FLAGGED: bool(suggestion.unsupported)}
    said[FLAGGED_TAKEN] = said[TAKEN] and said[FLAGGED]
    return Numbers({(model, what): 1 for what, so in said.items() if so})


def of_dismissal(models: Sequence[str], kind: str, *, number: int = 1) -> Numbers:
    """The numbers of dismissed issues of one kind; -1 for one that was brought back."""
    return Numbers({(model, f"{DISMISSED}{kind}"): number for model in models})


def closes(verdict: Verdict) -> bool:
    """Whether a review ends the work on a draft."""
    return verdict in {Verdict.SIGNED, Verdict.REJECTED}


def _became(before: str, after: Became | None) -> Sequence[str]:
    if after is None:
        return (REMOVED, EditClass.DELETE.value)
    kinds = after.changed(before)
    return (EDITED, *(each.value for each in kinds)) if kinds else (UNCHANGED,)
