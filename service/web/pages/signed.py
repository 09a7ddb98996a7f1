"""Signed: what pages show of the reviews of a study's reports."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fastapi import Request

from service.domain.job import JobState
from service.domain.review import Review, Signed, rejection_of, signed_by, signed_report
from service.domain.said import say
from service.flow.sign import reviews_of
from service.ports.catalogue import JobRecord
from service.web.languages.kept import kept
from service.web.services import services_of


def reviewed(request: Request, study_uid: str, record: JobRecord) -> dict[str, Any]:
    """What stands of one reading: who signed it, what was added, who rejected it."""
    mine = reviews_of(services_of(request).signing.reviews(study_uid), record)
    signed, rejected = signed_report(mine), rejection_of(mine)
    tag, line = _banner(signed, rejected, record)
    organization = services_of(request).settings.site.institution
    return {
        "signed": signed, "rejected": rejected, "tag": tag, "line": line, "seen": len(mine), "signed_by": signed_by,
        "organization": organization,
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
