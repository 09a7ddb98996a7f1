"""Count: what people made of each model's drafts. Kept as it happens; counted again out of what is kept for good."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from service.domain.algorithm import Algorithm
from service.domain.edit import History
from service.domain.errors import Unreadable
from service.domain.report import Report
from service.domain.review import Review, Verdict
from service.domain.tally import Count, Numbers, closes, of_rejected, of_signed
from service.flow.record import read_report
from service.flow.review import HEADINGS, named, rests_on
from service.ports.catalogue import Catalogue
from service.ports.counts import Counts
from service.ports.edits import EditLog
from service.ports.signing import Signing

_AT_ONCE = 200
_HEADINGS = frozenset(HEADINGS)


def numbers_of(report: Report, history: History, verdict: Verdict) -> Numbers:
    """The numbers of one closed draft. Raises ValueError for a history of another draft."""
    models = [named(each) for each in report.algorithms]
    if verdict is Verdict.REJECTED:
        return of_rejected(models)
    made = {finding.tracking_id: _made_by(report, report.maker(finding)) for finding in report.findings}
    cited = rests_on(report, history.draft)
    makers = {
        number: tuple(dict.fromkeys(model for each in findings for model in made.get(each, ())))
        for number, findings in cited.items()
    }
    return of_signed(history, makers, models, cited=cited, headings=_HEADINGS)


def wrong_counts(counts: Counts, signing: Signing, catalogue: Catalogue, edits: EditLog) -> Iterator[str]:
    """In words, every number that is kept otherwise than edit log, reviews and jobs give it."""
    kept, again = _by_key(counts.counts()), _by_key(recount(counts, signing, catalogue, edits))
    for key in sorted(kept.keys() | again.keys()):
        if kept.get(key, 0) != again.get(key, 0):
            model, adapter, prompt, what = key
            of = " ".join(filter(None, (model, adapter, prompt)))
            yield f"{of}: {what} is kept as {kept.get(key, 0)} and counted as {again.get(key, 0)}"


def recount(counts: Counts, signing: Signing, catalogue: Catalogue, edits: EditLog) -> Sequence[Count]:
    """Every number anew, out of what is kept for good; reads all of it, in pieces."""
    found: dict[tuple[str, str, str, str], int] = {}
    for review in reviewed(signing):
        numbers = _of_review(review, catalogue, edits)
        for each in counts.placed(review.job_id, numbers):
            _add(found, each)
    for each in counts.other():
        _add(found, each)
    return [Count(model=m, adapter=a, prompt=p, what=w, number=n) for (m, a, p, w), n in found.items()]


def reviewed(signing: Signing, *, after: int = 0) -> Iterator[Review]:
    """Every review that closed a draft, in the order in which they were given."""
    while page := signing.page(after, limit=_AT_ONCE):
        after = page[-1][0]
        yield from (review for _, review in page if closes(review.verdict))


def _of_review(review: Review, catalogue: Catalogue, edits: EditLog) -> Numbers:
    record = catalogue.job(review.job_id)
    try:
        report = read_report(record.report) if record else None
        history = edits.history(review.job_id)
        if report is None or (history is None and review.verdict is Verdict.SIGNED):
            return Numbers()
        return numbers_of(report, history or History(draft=""), review.verdict)
    except (Unreadable, ValueError):
        return Numbers()


def _made_by(report: Report, maker: Algorithm | None) -> tuple[str, ...]:
    """Whoever made a finding; everybody where that cannot be said."""
    return (named(maker),) if maker else tuple(named(each) for each in report.algorithms)


def _add(found: dict[tuple[str, str, str, str], int], each: Count) -> None:
    key = (each.model, each.adapter, each.prompt, each.what)
    found[key] = found.get(key, 0) + each.number


def _by_key(counts: Sequence[Count]) -> Mapping[tuple[str, str, str, str], int]:
    found: dict[tuple[str, str, str, str], int] = {}
    for each in counts:
        _add(found, each)
    return found
