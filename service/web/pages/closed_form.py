"""Closed form: what was filled of a report that takes no more, read only, and what can be done instead."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from fastapi.responses import Response

from service.domain.account import Role
from service.domain.filled import typed
from service.domain.report import Report, Section
from service.domain.said import say
from service.flow.form import Answered, Kept, who_answered
from service.flow.prefill import prefill
from service.ports.catalogue import JobRecord, StudyRecord
from service.web.door import visitor_of
from service.web.pages.sheet import by_part
from service.web.rendering import page


def show(
    request: Request, record: StudyRecord, reading: JobRecord, report: Report, *, forms: tuple[Kept, ...],
    review: dict[str, Any], name: str, status: int = 200,
) -> Response:  # fmt: skip
    """The form of the template `name` as it was last put into the report, else the last of all; `review` is what was
    said of the reading (`pages.signed`)."""
    named = [one for one in forms if name in {"", one.form.name}]
    kept = named[-1] if named else None
    return page(
        request, "closed_form.html", status=status, row=record.row, job_id=reading.job.job_id, review=review,
        forms=forms, kept=kept, sections=list(Section), what=_what(request, review),
        wrote=_wrote(kept, report) if kept else {}, given=_given(kept) if kept else {},
        told=by_part(kept.form, prefill(kept.form.filled.template, report)) if kept else {},
    )  # fmt: skip


def _what(request: Request, review: dict[str, Any]) -> str:
    """Why nothing is put into the report any more, and what to do instead."""
    if review["tag"] != "FINAL":
        return say(
            "This draft is not used any more: nothing is put into it. A new reading of the study has its own form."
        )
    if review["barred"] or not visitor_of(request).account.may(Role.RADIOLOGIST):
        return say("This report is signed: its form is as it was. A radiologist can add to the report on Review.")
    return say("This report is signed: its form is as it was. What is to be said now is an addendum: on Review, key A.")


def _wrote(kept: Kept, report: Report) -> dict[str, Answered]:
    filled, answers = kept.form.filled, prefill(kept.form.filled.template, report)
    who = {one.name: who_answered(one, filled, answers, kept.form.touched) for one in filled.template.fields}
    return {name: each for name, each in who.items() if each is not None and name in filled.values}


def _given(kept: Kept) -> dict[str, str]:
    return {name: ", ".join(typed(value)) for name, value in kept.form.filled.values.items()}
