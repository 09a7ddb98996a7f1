"""Take back: match what came in with a result of ours, compare, log it like an edit. The sweep does it.

Nothing here starts a reading or sends anything.
"""

from __future__ import annotations

from dataclasses import replace

from pydicom.uid import ContentAssessmentResultsStorage

from service.domain.aligned import edits
from service.domain.edit import Edit
from service.domain.errors import Gone, Unreadable, Unsupported
from service.domain.returned import Arrived, Document, Returned
from service.domain.sop import is_segmentation
from service.flow.compare_boxes import box_edits, our_boxes
from service.flow.compare_returned import narrative, tracked_edits
from service.flow.log_returned import counted, log_beside, log_text
from service.flow.match_returned import Match, match_document, read_document
from service.flow.take_back_marks import assessment_back, segmentation_back
from service.ports.services import Services

BATCH = 20


def take_back(services: Services) -> int:
    """Settle what has arrived, oldest first; returns how many."""
    return sum(
        services.returning.settle(_compared(arrived, services), now=services.clock.now())
        for arrived in services.returning.arrived(limit=BATCH)
    )


def _compared(arrived: Arrived, services: Services) -> Returned:
    what = "an object"
    try:
        with services.spool.open(arrived.location) as part10:
            sop_class = services.headers.read(part10).instance.sop_class_uid
        if is_segmentation(sop_class):
            what = "a segmentation"
            return segmentation_back(arrived, services)
        if sop_class == ContentAssessmentResultsStorage:
            what = "an assessment"
            return assessment_back(arrived, services)
        what = "a structured report"
        return _document_back(arrived, services)
    except (Unreadable, Unsupported, Gone) as reason:
        return Returned(arrived=arrived, words=f"{what} from {arrived.source} cannot be read: {reason}")


def _document_back(arrived: Arrived, services: Services) -> Returned:
    document = read_document(arrived.location, services)
    about = Returned(arrived=arrived, words="", person=document.person, verified=document.verified)
    found = match_document(arrived, document, services)
    if found is not None:
        return _told(about, document, found, services)
    return replace(about, words=_why_not(arrived, document, services))


def _why_not(arrived: Arrived, document: Document, services: Services) -> str:
    """What is said of a document without a match: nothing of one that has nothing to do with us."""
    if document.predecessors:
        unknown = ", ".join(document.predecessors[:3])
        return (
            f"a structured report from {arrived.source} follows {unknown}, which is unknown here: it is kept and "
            "compared with nothing"
        )
    record = services.catalogue.record(arrived.study_instance_uid)
    named = [one for one in record.objects if one.sop_instance_uid in document.evidence] if record else []
    if not named or not document.by_person:
        return ""
    return (
        f"a structured report {document.title} from {arrived.source} names a result of ours as evidence, and says "
        "nothing of it in a form that is known here (a predecessor, tracking UIDs, boxes over ours): it is kept and "
        "compared with nothing"
    )


def _told(about: Returned, document: Document, match: Match, services: Services) -> Returned:
    drafted = {line.strip() for line in match.before.splitlines()}
    aside = {line for ours in match.ours for _, line in ours.lines} - drafted
    text = narrative(document, match.before, aside=aside)
    changed = edits(match.before, text) if text else ()
    coded = _coded(document, match)
    logged = log_text(about, match, text, changed, services) if text else True
    log_beside(about, match, coded, services)
    words = (
        f"a report from {about.arrived.source} was matched by its {match.by} to job {match.record.reading}: "
        f"{_verdict(about)}, {counted((*changed, *coded))}"
        f"{'' if logged else '; kept beside the text, which was changed or signed here meanwhile'}"
    )
    return replace(
        about, words=words, job_id=match.record.reading, matched_by=match.by, text=text, edits=(*changed, *coded)
    )


def _coded(document: Document, match: Match) -> tuple[Edit, ...]:
    """What changed of the measurement groups: of those that are drawn alone, their boxes; of others, what they state,
    and where a box of theirs went."""
    full = next((ours for ours in match.ours if ours.tracked and not _drawn(ours)), None)
    if full and (not _drawn(document) or {uid for uid, _ in full.tracked} <= {uid for uid, _ in document.tracked}):
        moved = box_edits(our_boxes(match.report), document.boxes, whole=False)
        return (*tracked_edits(full, document), *moved)
    if not _drawn(document):
        groups = next((ours for ours in match.ours if ours.tracked), None)
        return tracked_edits(groups, document) if groups else ()
    return box_edits(our_boxes(match.report), document.boxes, whole=True)


def _drawn(document: Document) -> bool:
    """Whether each of its groups is an outline on an image, as viewers write them."""
    return bool(document.boxes) and len(document.boxes) >= len(document.tracked)


def _verdict(about: Returned) -> str:
    if about.verified:
        return "verified there"
    return "edited by a person" if about.person else "edited"
