"""Conflict: two people at one report. The second sees both versions and loses nothing."""

from __future__ import annotations

from fastapi.responses import JSONResponse

from service.domain.edit import History
from service.domain.report import Report
from service.domain.review import Review, signed_by
from service.flow.review import draft_text


def conflict(report: Report, history: History | None, reviews: tuple[Review, ...], *, yours: str) -> JSONResponse:
    """409 with what was sent and what stands now, and by whom."""
    last = history.saves[-1] if history and history.saves else None
    theirs = {
        "text": history.text if history else draft_text(report),
        "by": reviews[-1].observer.name if reviews else last.reviewer if last else "",
        "reviews": [{"verdict": each.verdict, "by": signed_by(each), "text": each.text} for each in reviews],
    }
    done = {"signed": "signed", "addendum": "added to", "rejected": "rejected"}[reviews[-1].verdict] if reviews else ""
    detail = (
        f"Somebody else has {done or 'saved'} this report since you opened it. "
        "Your text is still here: copy what you need."
    )
    body = {"type": "about:blank", "title": "Conflict", "status": 409, "detail": detail}
    return JSONResponse(
        {**body, "yours": yours, "theirs": theirs}, status_code=409, media_type="application/problem+json"
    )
