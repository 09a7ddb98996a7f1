"""Edits: the log of what people changed in drafts; append-only and chained, as the audit record is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from service.domain.edit import History, Revision, text_digest


class EditLog(Protocol):
    def record(self, revision: Revision, *, draft: str) -> str | None:
        """Append one revision and return its place and digest, for the audit record.

        None, and nothing kept, if the text has another revision by now than `revision` was made on. `draft` is the
        text before any revision. Raises ValueError for a revision whose edits do not make what it says, Unavailable.
        """
        ...

    def history(self, job_id: str) -> History | None:
        """Draft and revisions of one job's report, oldest first; None before the first revision."""
        ...

    def breaks(self) -> Sequence[str]:
        """In words, every place where the log was changed, cut or added to, or no longer replays; empty if nowhere."""
        ...


class MemoryEdits:
    """A fake for unit tests."""

    def __init__(self) -> None:
        self.kept: dict[str, History] = {}

    def record(self, revision: Revision, *, draft: str) -> str | None:
        history = self.kept.get(revision.job_id, History(draft=draft))
        if text_digest(history.text) != revision.before_sha256:
            return None
        self.kept[revision.job_id] = History(draft=history.draft, revisions=(*history.revisions, revision))
        return f"memory#{len(self.kept[revision.job_id].revisions)}"

    def history(self, job_id: str) -> History | None:
        return self.kept.get(job_id)

    def breaks(self) -> Sequence[str]:
        return ()
