"""Take back: match what came in with a report of ours, compare, log it like an edit. The sweep does it.

Nothing here starts a reading or sends anything.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from service.domain.algorithm import adapters_of
from service.domain.edit import Edit, History, Revision, edits, text_digest
from service.domain.errors import Gone, Unreadable
from service.domain.report import Report
from service.domain.returned import Arrived, Document, MatchedBy, Returned
from service.domain.review import SIGNED_ROLE
from service.domain.sop import is_document
from service.flow.compare_returned import narrative, tracked_edits
from service.flow.record import read_report
from service.flow.review import draft_text
from service.ports.catalogue import JobRecord, ResultObject, StudyRecord
from service.ports.services import Services

BATCH = 20


class Match(NamedTuple):
    """A report of ours, and the text that the returned document follows."""

    record: JobRecord
    report: Report
    by: MatchedBy
    before: str
    ours: tuple[Document, ...]
    """Our documents of it, as others read them."""


def take_back(services: Services) -> int:
    """Settle what has arrived, oldest first; returns how many."""
    return sum(
        services.returning.settle(_compared(arrived, services), now=services.clock.now())
        for arrived in services.returning.arrived(limit=BATCH)
    )


def _compared(arrived: Arrived, services: Services) -> Returned:
    try:
        document = _read(arrived.location, services)
    except (Unreadable, Gone) as reason:
        return Returned(arrived=arrived, words=f"a structured report from {arrived.source} cannot be read: {reason}")
    about = Returned(arrived=arrived, words="", person=document.person, verified=document.verified)
    found = _match(arrived, document, services)
    if found is not None:
        return _told(about, document, found, services)
    return replace(about, words=_why_not(arrived, document))


def _read(location: str, services: Services) -> Document:
    with services.spool.open(location) as part10:
        return services.headers.document(part10)


# --- whose it is -----------------------------------------------------------------------------------------


def _match(arrived: Arrived, document: Document, services: Services) -> Match | None:
    """The report it is of; None for what follows nothing of ours, or has nothing to do with us."""
    studies = dict.fromkeys((arrived.study_instance_uid, *document.studies))
    for record in [record for uid in studies if (record := services.catalogue.record(uid))]:
        own = str(record.row.study_instance_uid) == str(arrived.study_instance_uid)
        # That it cites another study as evidence does not make it that study's report.
        for how in (_by_predecessor, _by_tracking, _by_study) if own else (_by_predecessor, _by_tracking):
            if found := how(record, document, services):
                return found
    return None


def _why_not(arrived: Arrived, document: Document) -> str:
    """What is said of a document without a match: nothing of one that follows no other."""
    if not document.predecessors:
        return ""
    unknown = ", ".join(document.predecessors[:3])
    return (
        f"a structured report from {arrived.source} follows {unknown}, which is unknown here: it is kept and compared "
        "with nothing"
    )


def _by_predecessor(record: StudyRecord, document: Document, services: Services) -> Match | None:
    made = next((one for one in record.objects if one.sop_instance_uid in document.predecessors), None)
    if made is not None:
        match = _matched(record, made.job_id, MatchedBy.PREDECESSOR, services)
        return _of_signed(match, made, services) if match and made.role == SIGNED_ROLE else match
    former = [
        one for one in services.returning.returned(str(record.row.study_instance_uid))
        if one.arrived.sop_instance_uid in document.predecessors and one.job_id
    ]  # fmt: skip
    if not former:
        return None
    match = _matched(record, former[-1].job_id, MatchedBy.PREDECESSOR, services)
    return match._replace(before=former[-1].text) if match and former[-1].text else match


def _of_signed(match: Match, made: ResultObject, services: Services) -> Match:
    """It follows the signed report, not the draft."""
    history = services.edits.history(match.record.reading)
    return match._replace(before=history.text if history else match.before, ours=tuple(_documents([made], services)))


def _by_tracking(record: StudyRecord, document: Document, services: Services) -> Match | None:
    uids = {uid for uid, _ in document.tracked if uid}
    for job in sorted(record.jobs, key=lambda one: one.generation, reverse=True):
        report = _report(job) if uids else None
        if report and uids & {str(finding.tracking_uid) for finding in report.findings}:
            return _matched(record, job.reading, MatchedBy.TRACKING, services)
    return None


def _by_study(record: StudyRecord, document: Document, services: Services) -> Match | None:
    """A person's report that names no predecessor, of a study with one reading: of which else could it be?"""
    readings = {job.reading for job in record.jobs if job.report}
    if document.predecessors or not document.by_person or not document.lines or len(readings) != 1:
        return None
    return _matched(record, readings.pop(), MatchedBy.STUDY, services)


def _matched(record: StudyRecord, job_id: str, by: MatchedBy, services: Services) -> Match | None:
    named = next((job for job in record.jobs if job_id in {job.job.job_id, job.reading}), None)
    report = _report(named) if named else None
    if named is None or report is None:
        return None
    jobs = {job.job.job_id for job in record.jobs if job.reading == named.reading}
    drafts = [one for one in record.objects if one.job_id in jobs and one.role != SIGNED_ROLE]
    ours = tuple(_documents(drafts, services))
    return Match(named, report, by, draft_text(report), ours)


def _documents(objects: Iterable[ResultObject], services: Services) -> Iterable[Document]:
    for made in objects:
        if is_document(made.sop_class_uid):
            try:
                yield _read(made.location, services)
            except (Unreadable, Gone):
                continue


def _report(job: JobRecord) -> Report | None:
    try:
        return read_report(job.report)
    except Unreadable:
        return None


# --- what it changed -------------------------------------------------------------------------------------


def _told(about: Returned, document: Document, match: Match, services: Services) -> Returned:
    drafted = {line.strip() for line in match.before.splitlines()}
    aside = {line for ours in match.ours for _, line in ours.lines} - drafted
    text = narrative(document, match.before, aside=aside)
    changed = edits(match.before, text) if text else ()
    groups = next((ours for ours in match.ours if ours.tracked), None)
    coded = tracked_edits(groups, document) if groups else ()
    logged = _log(about, match, text, changed, services) if text else False
    words = (
        f"a report from {about.arrived.source} was matched by its {match.by} to job {match.record.reading}: "
        f"{_verdict(about)}, {_counted((*changed, *coded))}{_kept(logged, text)}"
    )
    return replace(
        about, words=words, job_id=match.record.reading, matched_by=match.by, text=text, edits=(*changed, *coded)
    )


def _log(about: Returned, match: Match, text: str, changed: Sequence[Edit], services: Services) -> bool:
    """Whether it became the report's next revision: only where nobody here changed or closed the text meanwhile."""
    history = services.edits.history(match.record.reading) or History(draft=draft_text(match.report))
    if history.text != match.before:
        return False
    revision = Revision(
        study_instance_uid=str(match.record.job.study_instance_uid),
        job_id=match.record.reading,
        model="; ".join(f"{each.name} {each.version} {each.digest}" for each in match.report.algorithms),
        adapter=adapters_of(match.report.algorithms),
        reviewer=about.person or about.arrived.source,
        at=about.arrived.at,
        seconds=0.0,
        before_sha256=text_digest(match.before),
        after_sha256=text_digest(text),
        edits=tuple(changed),
    )
    return services.edits.record(revision, draft=draft_text(match.report)) is not None


def _verdict(about: Returned) -> str:
    if about.verified:
        return "verified there"
    return "edited by a person" if about.person else "edited"


def _counted(changed: Sequence[Edit]) -> str:
    """ "2 edits (laterality 1, reword 1)"."""
    if not changed:
        return "nothing changed"
    kinds = Counter(kind for edit in changed for kind in edit.classes)
    listed = ", ".join(f"{kind} {number}" for kind, number in sorted(kinds.items()))
    return f"{len(changed)} {'edit' if len(changed) == 1 else 'edits'} ({listed})"


def _kept(logged: bool, text: str) -> str:
    if not text:
        return ""
    return "" if logged else "; kept beside the text, which was changed or signed here meanwhile"
