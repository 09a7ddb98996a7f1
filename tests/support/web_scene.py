"""A small hospital for the pages: studies in every state, one rule live, one in shadow, one off."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from pydicom.uid import UID

from service.domain.assembly import Arrival
from service.domain.delivery import DeliveryState
from service.domain.event import Event, EventKind
from service.domain.job import JobState
from service.ports.catalogue import (
    DeliveryRecord,
    LaneDepth,
    ResultObject,
    StageTimes,
    StudyRecord,
)
from service.ports.ledger import Beat, OpenStudy
from service.ports.templates import MemoryTemplates
from tests.support.fake_house import NOW, House
from tests.support.forms import every_kind
from tests.support.web_records import (
    CARD,
    HEAD,
    SR,
    VERSION,
    delivery,
    draft,
    instance,
    job,
    record,
    study_of,
    uid,
)


def hospital() -> House:
    """Everything in place: seven studies, two of which need a person."""
    house = House()
    house.configurations.versions = [replace(VERSION, number=6), VERSION]
    house.models.cards["chest_demo"] = CARD
    house.templates = MemoryTemplates(every_kind())
    house.nodes.down = {"RESEARCH"}
    house.catalogue.records = [
        receiving(), done(), reading(), refused(), canceled(), unmatched(), shadowed(), delivering()
    ]  # fmt: skip
    for made in house.catalogue.records:
        house.ledger.known[made.row.study_instance_uid] = study_of(made)
        house.ledger.jobs |= {job.job.job_id: job.job for job in made.jobs}
    arrival = Arrival(first_instance=NOW, last_instance=NOW, open_associations=1, last_release=None)
    house.ledger.open = [OpenStudy(study_instance_uid=uid(1), source="XR_ROOM_2", arrival=arrival)]
    house.ledger.alive = [
        Beat(process="scp", host="pre-1", pid=311, at=NOW - timedelta(seconds=2), detail="port 11112"),
        Beat(process="web", host="pre-1", pid=318, at=NOW - timedelta(seconds=1)),
        Beat(process="worker 1", host="pre-1", pid=315, at=NOW - timedelta(seconds=1), detail="reading"),
        Beat(process="worker 2", host="pre-1", pid=316, at=NOW - timedelta(seconds=4)),
    ]
    house.catalogue.lanes = [
        LaneDepth(lane="read", waiting=4, working=2, retrying=1, oldest=NOW - timedelta(seconds=38)),
        LaneDepth(lane="deliver:PACS", waiting=2, working=1, retrying=0, oldest=NOW - timedelta(seconds=3)),
        LaneDepth(lane="forward:PACS", waiting=11, working=1, retrying=0, oldest=NOW - timedelta(seconds=1)),
        LaneDepth(lane="deliver:RESEARCH", waiting=3, working=0, retrying=3, oldest=NOW - timedelta(minutes=47)),
    ]
    house.catalogue.stages = [
        StageTimes(stage="assemble", count=212, p50_s=2.1, p95_s=4.8),
        StageTimes(stage="read", count=204, p50_s=6.4, p95_s=11.9),
        StageTimes(stage="deliver", count=398, p50_s=0.3, p95_s=1.2),
    ]
    return house


def receiving() -> StudyRecord:
    return record(1, "Okafor^Chidi", "receiving", "images are arriving", minutes=0.1, assembled=False)


def done() -> StudyRecord:
    return finished(2, "Lindqvist^Maja^^Dr", "delivered to PACS", delivery(2, DeliveryState.COMMITTED))


def finished(number: int, name: str, note: str, owed: DeliveryRecord, *, state: str = "done") -> StudyRecord:
    at = NOW - timedelta(minutes=10)
    made = ResultObject(
        job_id=f"j-{number}", role="tid1500", sop_class_uid=SR, sop_instance_uid=UID(f"2.25.{9000 + number}"),
        series_instance_uid=UID(f"2.25.{8000 + number}"), location="main:sr", sha256="cd" * 32, size=14_200,
        created_at=at + timedelta(seconds=10),
    )  # fmt: skip
    told = [
        (EventKind.ASSEMBLED, "complete: 1 instance in 1 series", 2, 2.0),
        (EventKind.ROUTED, "rule chest-radiograph matched 1 series", 2, None),
        (EventKind.STEP, "draft by chest_demo 1", 9, 6.2),
        (EventKind.JOB, "reading analysed", 10, 7.0),
        (EventKind.DELIVERY, f"tid1500 to PACS: {owed.delivery.last_error or 'stored, 0x0000'}", 11, 0.3),
    ]
    events = tuple(
        Event(at=at + timedelta(seconds=after), kind=kind, text=text, study_instance_uid=uid(number), took_s=took)
        for kind, text, after, took in told
    )
    jobs = (job(number, JobState.COMPLETED, report=draft(number)),)
    return record(
        number, name, state, note, jobs=jobs, deliveries=(owed,), objects=(made,), events=events
    )  # fmt: skip


def reading() -> StudyRecord:
    jobs = (job(3, JobState.IN_PROGRESS, minutes=0.3),)
    return record(3, "Tanaka^Hiroshi", "reading", "a worker is reading", minutes=0.3, jobs=jobs)


def refused() -> StudyRecord:
    answer = "0x0122: SOP class not supported"
    owed = delivery(4, DeliveryState.REFUSED, answer=answer, attempt=3)
    return finished(4, "García Márquez^Inés", "PACS refused tid1500", owed, state="attention")


def canceled() -> StudyRecord:
    reason = "the model server was away until the deadline"
    jobs = (job(5, JobState.CANCELED, reason=reason, attempt=6, minutes=95),)
    return record(5, "Müller^Jörg", "attention", reason, minutes=95, jobs=jobs)


def unmatched() -> StudyRecord:
    stored = instance(6, body_part="HAND", view="LL")
    note = "no rule of version 7 matches: chest-radiograph (body part: wanted CHEST or THORAX*, found HAND)"
    routed = Event(at=NOW - timedelta(minutes=31), kind=EventKind.UNMATCHED, text=note, study_instance_uid=uid(6))
    return record(
        6, "Novák^Petra", "unmatched", note, minutes=31, stored=stored, events=(routed,), description="Left hand"
    )


def shadowed() -> StudyRecord:
    jobs = (job(7, JobState.COMPLETED, rule=HEAD, minutes=200, report=draft(7)),)
    stored = instance(7, modality="CT", body_part="HEAD", view="")
    note = "read in shadow"
    return record(7, "Haddad^Layla", "done", note, minutes=200, stored=stored, jobs=jobs, description="Head CT")


def delivering() -> StudyRecord:
    owed = delivery(8, DeliveryState.PENDING, answer="connection refused", attempt=5, destination="RESEARCH")
    return finished(8, "Kowalska^Anna", "RESEARCH is away, tried again by itself", owed, state="delivering")
