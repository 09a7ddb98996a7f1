"""Log: what a workstation changed as a row of the edit log, and as words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from service.domain.algorithm import adapters_of
from service.domain.edit import Edit, History, Revision, text_digest
from service.domain.returned import Returned
from service.flow.match_returned import Match
from service.flow.review import draft_text
from service.ports.services import Services


def log_text(about: Returned, match: Match, text: str, changed: Sequence[Edit], services: Services) -> bool:
    """Whether it became the report's next revision: only where nobody here changed or closed the text meanwhile."""
    if _history(match, services).text != match.before:
        return False
    row = _revision(about, match, before=match.before, after=text, edits=tuple(changed))
    return services.edits.record(row, draft=draft_text(match.report)) is not None


def log_beside(about: Returned, match: Match, changed: Sequence[Edit], services: Services) -> bool:
    """Keep what changed beside the text; False where the report was signed meanwhile, so that its log is closed."""
    if not changed:
        return True
    text = _history(match, services).text
    row = _revision(about, match, before=text, after=text, beside=tuple(changed))
    return services.edits.record(row, draft=draft_text(match.report)) is not None


def counted(changed: Sequence[Edit]) -> str:
    """ "2 edits (laterality 1, reword 1)"."""
    if not changed:
        return "nothing changed"
    kinds = Counter(kind for edit in changed for kind in edit.classes)
    listed = ", ".join(f"{kind} {number}" for kind, number in sorted(kinds.items()))
    return f"{len(changed)} {'edit' if len(changed) == 1 else 'edits'} ({listed})"


def _history(match: Match, services: Services) -> History:
    return services.edits.history(match.record.reading) or History(draft=draft_text(match.report))


def _revision(
    about: Returned,
    match: Match,
    *,
    before: str,
    after: str,
    edits: tuple[Edit, ...] = (),
    beside: tuple[Edit, ...] = (),
) -> Revision:
    return Revision(
        study_instance_uid=str(match.record.job.study_instance_uid),
        job_id=match.record.reading,
        model="; ".join(f"{each.name} {each.version} {each.digest}" for each in match.report.algorithms),
        adapter=adapters_of(match.report.algorithms),
        reviewer=about.person or about.arrived.source,
        at=about.arrived.at,
        seconds=0.0,
        before_sha256=text_digest(before),
        after_sha256=text_digest(after),
        edits=edits,
        beside=beside,
    )
