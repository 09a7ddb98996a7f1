"""Pictures: the images beside a form, each where an answer of the draft was seen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import Request
from pydicom.uid import UID

from service.domain.report import Report
from service.flow.prefill import Prefilled
from service.web.pages.places import places
from service.web.services import services_of

MOST_PICTURES = 12
"""Images that stand beside a form, and that one finding brings there."""


def pictures(request: Request, report: Report, answers: Mapping[str, Prefilled]) -> list[dict[str, Any]]:
    """Each image once that is here, with its boxes and the fields that it answers, those with boxes first; where no
    answer has an image, the first that was read."""
    found = list(_answering(report, answers).values())
    shown = sorted(found, key=lambda each: not each["boxes"])[:MOST_PICTURES] or [
        {"series": str(one.series_instance_uid), "instance": str(one.sop_instance_uid), "frame": one.frame or 1,
         "boxes": [], "fields": [], "labels": []}
        for one in report.images[:1]
    ]  # fmt: skip
    here = services_of(request).ledger.find_instance
    return [each for each in shown if here(UID(each["instance"])) is not None]


def _answering(report: Report, answers: Mapping[str, Prefilled]) -> dict[tuple[str, str, int], dict[str, Any]]:
    known = {finding.tracking_id: finding for finding in report.findings}
    found: dict[tuple[str, str, int], dict[str, Any]] = {}
    for name, answer in answers.items():
        for finding in [known[each] for each in answer.findings if each in known]:
            for place in places(finding)[:MOST_PICTURES]:
                key = (place["series"], place["instance"], place["frame"])
                picture = found.setdefault(key, {**place, "boxes": [], "fields": [], "labels": []})
                _join(picture["fields"], name)
                if finding.present:
                    _join(picture["boxes"], place["box"])
                    _join(picture["labels"], place["label"])
    return found


def _join(them: list[Any], one: Any) -> None:
    if one is not None and one not in them:
        them.append(one)
