"""Study: everything that is known of one, and why it is where it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import HTTPException, Request
from fastapi.responses import Response
from pydicom.uid import UID

from service.domain.audit import AuditKind
from service.domain.config import ConfigVersion
from service.domain.errors import Misconfigured, Unreadable
from service.domain.report import Section, first_line
from service.domain.said import say
from service.domain.study import Study, age_years
from service.domain.uids import is_uid
from service.flow.dryrun import Trial, dry_run
from service.flow.explain import STUCK, Explanation, explain, needs_person
from service.flow.record import read_report
from service.ports.catalogue import JobRecord, StudyRecord
from service.web.door import visitor_of
from service.web.gantt import bars
from service.web.live import Fragment, stream
from service.web.pages.first_read import held_back
from service.web.pages.signed import signed_reports, withdrawn
from service.web.rendering import page, render
from service.web.services import Services, services_of
from service.web.trail import audit

SETTLED = ("done", "unmatched", "attention")
"""States that a study does not leave by itself unless more of it arrives."""
EVERY_S = 3.0


def show(request: Request, study_uid: str) -> Response:
    return page(request, "study.html", **_values(request, viewed(request, study_uid)))


def follow(request: Request, study_uid: str) -> Response:
    viewed(request, study_uid, detail="live view")

    def fragment() -> Fragment:
        record = record_of(request, study_uid)
        text = render(request, "study_live.html", **_values(request, record))
        return Fragment(text, last=record.row.state in SETTLED)

    return stream(request, fragment, every_s=EVERY_S)


def viewed(request: Request, study_uid: str, *, detail: str = "") -> StudyRecord:
    """The record of a study, after the view of it was audited. Raises 404."""
    record = record_of(request, study_uid)
    who = visitor_of(request).account.name
    audit(request, AuditKind.INSTANCES_ACCESSED, "R", who=who, study_instance_uid=study_uid, detail=detail)
    return record


def explained(services: Services, record: StudyRecord, study: Study | None) -> tuple[Explanation, tuple[Trial, ...]]:
    """Why the study is where it is, and what every active rule makes of it."""
    now = services.clock.now().astimezone(services.clock.zone)
    version = _active(services)
    trials = dry_run(study, version, now=now) if study and version else ()
    return explain(record, study, version, now=now), trials


def record_of(request: Request, study_uid: str) -> StudyRecord:
    """The record of a study; no look at it is recorded. Raises 404."""
    record = services_of(request).catalogue.record(UID(study_uid)) if is_uid(study_uid) else None
    if record is None:
        raise HTTPException(404, say("No study with this UID has arrived here."))
    return record


def _active(services: Services) -> ConfigVersion | None:
    try:
        return services.configurations.active()
    except Misconfigured:
        return None


def _values(request: Request, record: StudyRecord) -> dict[str, Any]:
    services = services_of(request)
    study = services.ledger.study(record.row.study_instance_uid)
    explanation, trials = explained(services, record, study)
    readings = newest_readings(record.jobs)
    held = [job for job in readings if held_back(request, job)]
    drafts = [_draft(job) for job in readings if job not in held]
    signed, rejected = signed_reports(request, str(record.row.study_instance_uid))
    return {
        "signed_reports": signed,
        "rejections": rejected,
        "withdrawn": withdrawn(record.jobs),
        "returned": services.returning.returned(str(record.row.study_instance_uid)),
        "record": record,
        "row": record.row,
        "age": _age(study),
        "explanation": explanation,
        "trials": trials,
        "bars": bars(record, now=services.clock.now()),
        "drafts": drafts,
        "review_of": _reviewable(drafts) if drafts else "" if held else None,
        "held_back": len(held),
        "failed": {job.job.job_id for job in needs_person(record.jobs)},
        "stuck": STUCK,
        "settled": record.row.state in SETTLED,
    }


def _reviewable(drafts: Sequence[Mapping[str, Any]]) -> str | None:
    """Which of the drafts Review is asked for: empty for the one that it chooses, None where none can be read."""
    readable = [draft["job"].job.job_id for draft in drafts if draft["report"]]
    if len(readable) == len(drafts):
        return ""
    return readable[-1] if readable else None


def _age(study: Study | None) -> float | None:
    if study is None or not study.instances:
        return None
    return age_years(study.identity, study.instances[0].instance.attributes)


def newest_readings(jobs: tuple[JobRecord, ...]) -> list[JobRecord]:
    """The newest job with a report for each rule."""
    newest: dict[str, JobRecord] = {}
    for job in sorted(jobs, key=lambda job: (job.generation, job.created_at)):
        if job.report:
            newest[job.job.rule] = job
    return list(newest.values())


def newer_reading(jobs: tuple[JobRecord, ...], of: JobRecord) -> JobRecord | None:
    """The newest reading by the same rule, if that is another one."""
    newest = next((one for one in newest_readings(jobs) if one.job.rule == of.job.rule), of)
    return None if newest.reading == of.reading else newest


def _draft(job: JobRecord) -> dict[str, Any]:
    try:
        report = read_report(job.report)
    except Unreadable as error:
        return {"job": job, "report": None, "first_line": "", "wrong": str(error), "findings": {}}
    assert report is not None, "only jobs with a report are shown as drafts"
    findings = {finding.tracking_id: finding for finding in report.findings}
    said = {sentence.section for sentence in report.sentences}
    return {
        "job": job,
        "report": report,
        "first_line": first_line(report),
        "wrong": "",
        "findings": findings,
        "sections": [section for section in Section if section in said],
    }
