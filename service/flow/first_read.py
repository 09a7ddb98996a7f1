"""First read: what a radiologist saw in the images before the AI's draft was shown, kept in the edit log."""

from __future__ import annotations

from datetime import datetime

from service.domain.edit import History, Revision, text_digest
from service.domain.report import Report
from service.flow.review import draft_text
from service.ports.edits import EditLog

MOST_IMPRESSION = 5000
"""Characters of a first impression."""
_RACES = 5


def note_impression(
    log: EditLog, *, report: Report, job_id: str, study_instance_uid: str, reviewer: str, impression: str,
    seconds: float, now: datetime,
) -> str | None:  # fmt: skip
    """Keep a first impression, which changes no text; empty words say that nothing was to be noted.

    Returns the log's place and digest; None where the report was closed meanwhile, so that nothing is held back.
    """
    draft = draft_text(report)
    for _ in range(_RACES):
        stands = text_digest((log.history(job_id) or History(draft=draft)).text)
        revision = Revision(
            study_instance_uid=study_instance_uid, job_id=job_id, model="", adapter="", reviewer=reviewer, at=now,
            seconds=seconds, before_sha256=stands, after_sha256=stands, edits=(),
            impression=impression.strip()[:MOST_IMPRESSION],
        )  # fmt: skip
        if kept := log.record(revision, draft=draft):
            return kept
    return None


def impression_of(history: History | None, reviewer: str) -> str | None:
    """What that reader noted first; None if nothing was, empty for one that had no words."""
    noted = (each.impression for each in (history.revisions if history else ()) if each.reviewer == reviewer)
    return next((words for words in noted if words is not None), None)
