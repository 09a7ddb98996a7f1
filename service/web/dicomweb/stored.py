"""Stored: what a store request is answered, object by object (PS3.18 10.5.3, I.2: Store Instances Response Module)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from fastapi.responses import Response
from pydicom.datadict import dictionary_VR, tag_for_keyword

from service.domain.errors import Full, Unavailable, Unreadable
from service.flow.part import TooLarge
from service.flow.store import KEPT, Outcome
from service.flow.store_status import StoreStatus
from service.web.dicomweb.resources import Where

_MOST_SAID = 160
_STATUS_OF_CAUSE: tuple[tuple[type[Exception], int], ...] = ((Full, 507), (TooLarge, 413), (Unavailable, 503))
"""Where nothing was stored, for one cause that the sender can act on; 409 else."""


class NotDicom(Unreadable):
    """A part of another media type, or encoded for transfer; it was not read."""


def stored(outcomes: Sequence[Outcome], where: Where, *, kind: str) -> Response:
    """200 if every object is stored, 202 if some are; 409, or what else tells the sender more, if none is."""
    status = _http_status(outcomes)
    headers = {"Warning": f'299 preread "{said}"'} if (said := _first_reason(outcomes)) else {}
    if status in {503, 507}:
        headers["Retry-After"] = "60"
    return Response(json.dumps(module(outcomes, where)), status_code=status, media_type=kind, headers=headers)


def module(outcomes: Sequence[Outcome], where: Where) -> dict[str, Any]:
    """The module in the DICOM JSON model."""
    here = [each for each in outcomes if each.status is StoreStatus.SUCCESS]
    failed = [each for each in outcomes if each.status is not StoreStatus.SUCCESS]
    named = [each for each in failed if each.sop_class_uid and each.sop_instance_uid]
    studies = {each.header.instance.study_instance_uid for each in here if each.header and each.admission in KEPT}
    told = _element("RetrieveURL", where.study(studies.pop()) if len(studies) == 1 else None)
    for keyword, items in (
        ("ReferencedSOPSequence", [_referenced(each, where) for each in here]),
        ("FailedSOPSequence", [_failed(each) for each in named]),
        ("OtherFailuresSequence", [_reason(each) for each in failed if each not in named]),
    ):
        if items:
            told |= _element(keyword, *items)
    return told


def _referenced(outcome: Outcome, where: Where) -> dict[str, Any]:
    """A result of ours that came back is acknowledged, but is not among what can be retrieved here."""
    kept = outcome.admission in KEPT and outcome.header
    return _sop(outcome) | _element("RetrieveURL", where.instance(kept.instance) if kept else None)


def _failed(outcome: Outcome) -> dict[str, Any]:
    return _sop(outcome) | _reason(outcome)


def _sop(outcome: Outcome) -> dict[str, Any]:
    return _element("ReferencedSOPClassUID", outcome.sop_class_uid) | _element(
        "ReferencedSOPInstanceUID", outcome.sop_instance_uid
    )


def _reason(outcome: Outcome) -> dict[str, Any]:
    return _element("FailureReason", int(outcome.status))


def _element(keyword: str, *values: object) -> dict[str, Any]:
    tag = tag_for_keyword(keyword)
    assert tag is not None, keyword
    known = [value for value in values if value is not None]
    return {f"{tag:08X}": {"vr": dictionary_VR(tag)} | ({"Value": known} if known else {})}


def _http_status(outcomes: Sequence[Outcome]) -> int:
    here = sum(each.status is StoreStatus.SUCCESS for each in outcomes)
    if here:
        return 200 if here == len(outcomes) else 202
    causes = {_status_of(each.why) for each in outcomes}
    return causes.pop() if len(causes) == 1 else 409


def _status_of(why: Exception | None) -> int:
    if isinstance(why, NotDicom):
        return 415
    return next((status for kind, status in _STATUS_OF_CAUSE if isinstance(why, kind)), 409)


def _first_reason(outcomes: Sequence[Outcome]) -> str:
    """The words for the first object that failed, as they may stand in a header."""
    why = next((str(each.why) for each in outcomes if each.why), "")
    plain = "".join(letter for letter in why if letter.isascii() and letter.isprintable() and letter not in '"\\')
    return plain[:_MOST_SAID]
