"""Match: the reading that something which came in is of."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import NamedTuple

from pydicom.uid import UID

from service.domain.errors import Gone, Unreadable
from service.domain.report import Report
from service.domain.returned import Arrived, Document, MatchedBy
from service.domain.review import SIGNED_ROLE, is_signed_role
from service.domain.segmented import Segmentation
from service.domain.sop import is_document
from service.flow.compare_boxes import our_boxes, overlaps
from service.flow.compare_returned import narrative
from service.flow.record import read_report
from service.flow.review import draft_text
from service.ports.catalogue import JobRecord, ResultObject, StudyRecord
from service.ports.services import Services


class Match(NamedTuple):
    """A report of ours, and the text that the returned document follows."""

    record: JobRecord
    report: Report
    by: MatchedBy
    before: str
    ours: tuple[Document, ...]
    """Our documents of it, as others read them."""
    study: StudyRecord


Way = Callable[[StudyRecord, Document, Services], Match | None]


def match_document(arrived: Arrived, document: Document, services: Services) -> Match | None:
    """The report it is of; None for what follows nothing of ours, or has nothing to do with us."""
    for record in _studies((arrived.study_instance_uid, *document.studies), services):
        # That it cites another study as evidence does not make it that study's report.
        own = str(record.row.study_instance_uid) == str(arrived.study_instance_uid)
        ways: tuple[Way, ...] = (_by_predecessor, _by_tracking, *((_by_place, _by_study) if own else ()))
        for how in ways:
            if found := how(record, document, services):
                return found
    return None


def match_segmentation(arrived: Arrived, drawn: Segmentation, services: Services) -> Match | None:
    """The reading whose result it was made of, whose findings it tracks, or whose images a person drew in."""
    tracked = {segment.tracking_uid for segment in drawn.segments if segment.tracking_uid}
    for record in _studies((arrived.study_instance_uid, *drawn.studies), services):
        if found := match_objects(record, drawn.references, services):
            return found
        if found := _tracking(record, tracked, services):
            return found
        own = str(record.row.study_instance_uid) == str(arrived.study_instance_uid)
        if own and drawn.by_person and (found := _by_images(record, drawn.references, services)):
            return found
    return None


def match_objects(record: StudyRecord, references: Collection[UID], services: Services) -> Match | None:
    """The reading of which one of these objects is a result."""
    made = next((one for one in record.objects if one.sop_instance_uid in references), None)
    return matched(record, made.job_id, MatchedBy.PREDECESSOR, services) if made else None


def results_of(match: Match) -> list[ResultObject]:
    """Every object of a reading, signed or not."""
    jobs = {job.job.job_id for job in match.study.jobs if job.reading == match.record.reading}
    return [one for one in match.study.objects if one.job_id in jobs]


def read_document(location: str, services: Services) -> Document:
    with services.spool.open(location) as part10:
        return services.headers.document(part10)


def _studies(uids: Iterable[UID], services: Services) -> list[StudyRecord]:
    return [record for uid in dict.fromkeys(uids) if (record := services.catalogue.record(uid))]


def _by_predecessor(record: StudyRecord, document: Document, services: Services) -> Match | None:
    made = next((one for one in record.objects if one.sop_instance_uid in document.predecessors), None)
    if made is not None:
        match = matched(record, made.job_id, MatchedBy.PREDECESSOR, services)
        return _of_signed(match, made, services) if match and is_signed_role(made.role) else match
    former = [
        one for one in services.returning.returned(str(record.row.study_instance_uid))
        if one.arrived.sop_instance_uid in document.predecessors and one.job_id
    ]  # fmt: skip
    if not former:
        return None
    match = matched(record, former[-1].job_id, MatchedBy.PREDECESSOR, services)
    return match._replace(before=former[-1].text) if match and former[-1].text else match


def _of_signed(match: Match, made: ResultObject, services: Services) -> Match:
    """It follows the signed report, not the draft; of a form of it, what that form says."""
    history = services.edits.history(match.record.reading)
    before, ours = history.text if history else match.before, tuple(_documents([made], services))
    if made.role != SIGNED_ROLE and ours:
        before = narrative(ours[0], before)
    return match._replace(before=before, ours=ours)


def _by_tracking(record: StudyRecord, document: Document, services: Services) -> Match | None:
    return _tracking(record, {uid for uid, _ in document.tracked if uid}, services)


def _tracking(record: StudyRecord, uids: Collection[str], services: Services) -> Match | None:
    for job in _newest(record):
        report = report_of(job) if uids else None
        if report and _tracked(report).intersection(uids):
            return matched(record, job.reading, MatchedBy.TRACKING, services)
    return None


def _tracked(report: Report) -> set[str]:
    """Tracking UIDs of its findings, and of their further boxes."""
    return {*(str(finding.tracking_uid) for finding in report.findings), *(box.uid for box in our_boxes(report))}


def _by_place(record: StudyRecord, document: Document, services: Services) -> Match | None:
    """A person's boxes of which one lies over one of ours: tools make tracking UIDs anew."""
    if document.predecessors or not document.by_person:
        return None
    for job in _newest(record):
        report = report_of(job) if document.boxes else None
        if report and overlaps(our_boxes(report), document.boxes):
            return matched(record, job.reading, MatchedBy.PLACE, services)
    return None


def _by_study(record: StudyRecord, document: Document, services: Services) -> Match | None:
    """A person's report that names no predecessor, of a study with one reading: of which else could it be?"""
    readings = {job.reading for job in record.jobs if job.report}
    if document.predecessors or not document.by_person or not document.lines or len(readings) != 1:
        return None
    return matched(record, readings.pop(), MatchedBy.STUDY, services)


def _by_images(record: StudyRecord, references: Collection[UID], services: Services) -> Match | None:
    """The newest reading that looked at one of these images, before others one that marked pixels of them."""
    read = [(job, report) for job in _newest(record) if (report := report_of(job))]
    marked = [(job, report) for job, report in read if any(finding.mask for finding in report.findings)]
    for job, report in (*marked, *read):
        if any(image.sop_instance_uid in references for image in report.images):
            return matched(record, job.reading, MatchedBy.IMAGES, services)
    return None


def matched(record: StudyRecord, job_id: str, by: MatchedBy, services: Services) -> Match | None:
    named = next((job for job in record.jobs if job_id in {job.job.job_id, job.reading}), None)
    report = report_of(named) if named else None
    if named is None or report is None:
        return None
    jobs = {job.job.job_id for job in record.jobs if job.reading == named.reading}
    drafts = [one for one in record.objects if one.job_id in jobs and not is_signed_role(one.role)]
    ours = tuple(_documents(drafts, services))
    return Match(named, report, by, draft_text(report), ours, record)


def _documents(objects: Iterable[ResultObject], services: Services) -> Iterable[Document]:
    for made in objects:
        if is_document(made.sop_class_uid):
            try:
                yield read_document(made.location, services)
            except (Unreadable, Gone):
                continue


def _newest(record: StudyRecord) -> list[JobRecord]:
    return sorted(record.jobs, key=lambda one: one.generation, reverse=True)


def report_of(job: JobRecord) -> Report | None:
    try:
        return read_report(job.report)
    except Unreadable:
        return None
