"""Signed: what pages show of the reviews of a study's reports."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fastapi import Request

from service.domain.job import JobState
from service.domain.review import Review, Signed, rejection_of, signed_by, signed_report
from service.domain.said import say, say_sentence
from service.flow.sign import barred, may_write_again, reviews_of, unwritten
from service.ports.catalogue import JobRecord, StudyRecord
from service.web.door import visitor_of
from service.web.languages.kept import kept
from service.web.services import services_of


def reviewed(request: Request, study: StudyRecord, record: JobRecord) -> dict[str, Any]:
    """What stands of one reading: who signed it, what was added, who rejected it, and why a signed report could not
    be written. An empty `tag` is that of a draft that people work on; `barred` says why none can be signed or added to.
    """
    mine = reviews_of(services_of(request).signing.reviews(str(study.row.study_instance_uid)), record)
    signed, rejected = signed_report(mine), rejection_of(mine)
    tag, line = _banner(signed, rejected, record)
    failed = unwritten(study.jobs, record.reading) if signed else None
    organization = services_of(request).settings.site.institution
    stands = barred(record.job, organization=organization)
    return {
        "signed": signed, "rejected": rejected, "tag": tag, "line": line, "seen": len(mine), "signed_by": signed_by,
        "organization": organization, "unwritten": failed.job.reason if failed else "",
        "writes_again": may_write_again(visitor_of(request).account.name, mine),
        "barred": say_sentence(stands) if stands else "",
    }  # fmt: skip


def _banner(signed: Signed | None, rejected: Review | None, record: JobRecord) -> tuple[str, str]:
    """Tag and first line of a report that is no draft any more; empty for a draft."""
    if rejected:
        return say("REJECTED"), say("Rejected by {who}.", who=signed_by(rejected))
    if record.job.state is JobState.RECALLED:
        return say("WITHDRAWN"), say("Not to be used: {reason}.", reason=kept(record.job.reason))
    return (say("FINAL"), signed.first_line) if signed else ("", "")


def withdrawn(records: Iterable[JobRecord]) -> frozenset[str]:
    """The readings that were recalled."""
    return frozenset(one.reading for one in records if one.job.state is JobState.RECALLED)


def signed_reports(request: Request, study_uid: str) -> tuple[Mapping[str, Signed], Mapping[str, Review]]:
    """The signed reports of a study and the rejections, each by its reading."""
    by_reading: dict[str, list[Review]] = {}
    for review in services_of(request).signing.reviews(study_uid):
        by_reading.setdefault(review.job_id, []).append(review)
    said = {reading: tuple(reviews) for reading, reviews in by_reading.items()}
    signed = {reading: report for reading, reviews in said.items() if (report := signed_report(reviews))}
    rejected = {reading: one for reading, reviews in said.items() if (one := rejection_of(reviews))}
    return signed, rejected
