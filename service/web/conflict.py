"""Conflict: two people at one report. The second sees both versions and loses nothing."""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import JSONResponse

from service.domain.edit import History
from service.domain.report import Report
from service.domain.review import Review, signed_by
from service.domain.said import say
from service.flow.review import draft_text
from service.web.errors import for_page

_DONE = {
    "": say("Somebody else has saved this report since you opened it."),
    "signed": say("Somebody else has signed this report since you opened it."),
    "addendum": say("Somebody else has added to this report since you opened it."),
    "rejected": say("Somebody else has rejected this report since you opened it."),
}


def conflict(
    request: Request, report: Report, history: History | None, reviews: tuple[Review, ...], *, yours: str
) -> JSONResponse:
    """409 with what was sent and what stands now, and by whom."""
    last = history.saves[-1] if history and history.saves else None
    theirs = {
        "text": history.text if history else draft_text(report),
        "by": reviews[-1].observer.name if reviews else last.reviewer if last else "",
        "reviews": [{"verdict": each.verdict, "by": signed_by(each), "text": each.text} for each in reviews],
    }
    detail = say(
        "{what} Your text is still here: copy what you need.", what=_DONE[reviews[-1].verdict if reviews else ""]
    )
    body = {"type": "about:blank", "title": "Conflict", "status": 409, "detail": detail, **for_page(request, detail)}
    return JSONResponse(
        {**body, "yours": yours, "theirs": theirs}, status_code=409, media_type="application/problem+json"
    )
