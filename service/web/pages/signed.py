"""Signed: what pages show of the reviews of a study's reports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import Request

from service.domain.review import Review, Signed, rejection_of, signed_by, signed_report
from service.flow.sign import reviews_of
from service.ports.catalogue import JobRecord
from service.web.services import services_of


def reviewed(request: Request, study_uid: str, record: JobRecord) -> dict[str, Any]:
    """What stands of one reading: who signed it, what was added, who rejected it."""
    mine = reviews_of(services_of(request).signing.reviews(study_uid), record)
    return {**standing(mine), "organization": services_of(request).settings.site.institution}


def standing(reviews: tuple[Review, ...]) -> dict[str, Any]:
    """The values that signed.html and the banners take."""
    signed, rejected = signed_report(reviews), rejection_of(reviews)
    return {
        "signed": signed,
        "rejected": rejected,
        "tag": "FINAL" if signed else "REJECTED" if rejected else "",
        "line": signed.first_line if signed else f"Rejected by {signed_by(rejected)}." if rejected else "",
        "seen": len(reviews),
        "signed_by": signed_by,
    }


def signed_reports(request: Request, study_uid: str) -> tuple[Mapping[str, Signed], Mapping[str, Review]]:
    """The signed reports of a study and the rejections, each by its reading."""
    by_reading: dict[str, list[Review]] = {}
    for review in services_of(request).signing.reviews(study_uid):
        by_reading.setdefault(review.job_id, []).append(review)
    said = {reading: tuple(reviews) for reading, reviews in by_reading.items()}
    signed = {reading: report for reading, reviews in said.items() if (report := signed_report(reviews))}
    rejected = {reading: one for reading, reviews in said.items() if (one := rejection_of(reviews))}
    return signed, rejected
