"""Signing: what named persons say of reports, kept for good. Each method is one transaction; raises Unavailable."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from service.domain.rejection import Reason
from service.domain.review import Review, Verdict


class Signing(Protocol):
    def sign(self, review: Review, *, now: datetime) -> bool:
        """Keep a signature or an addendum, close the text's edit log, and schedule a job that encodes the signed
        report and asks no model.

        False, and nothing kept, if somebody else spoke before (`number` is taken), the text has another revision
        by now, or the reading is not COMPLETED.
        """
        ...

    def reject(self, review: Review, reason: Reason, *, now: datetime) -> bool:
        """Keep a rejection and withdraw the draft, as `Withdrawing.recall` does. False as in `sign`, and for a signed
        report: to that one adds."""
        ...

    def reviews(self, study_instance_uid: str) -> Sequence[Review]:
        """Everything that was said of the study's readings, in its order."""
        ...

    def signed(self, study_instance_uids: Collection[str]) -> frozenset[str]:
        """Those of the studies that have a signed report which was not withdrawn."""
        ...


@dataclass
class MemorySigning:
    """A fake for unit tests."""

    kept: list[Review] = field(default_factory=list)
    withdrawn: list[Reason] = field(default_factory=list)
    overtaken: bool = False
    """Whether somebody else is always faster."""

    def sign(self, review: Review, *, now: datetime) -> bool:
        return self._keep(review)

    def reject(self, review: Review, reason: Reason, *, now: datetime) -> bool:
        kept = self._keep(review)
        self.withdrawn += [reason] if kept else []
        return kept

    def reviews(self, study_instance_uid: str) -> Sequence[Review]:
        return [each for each in self.kept if each.study_instance_uid == study_instance_uid]

    def signed(self, study_instance_uids: Collection[str]) -> frozenset[str]:
        found = {each.study_instance_uid for each in self.kept if each.verdict is Verdict.SIGNED}
        return frozenset(found & set(study_instance_uids))

    def _keep(self, review: Review) -> bool:
        before = [each for each in self.kept if each.job_id == review.job_id]
        if self.overtaken or review.number != len(before) + 1:
            return False
        self.kept.append(review)
        return True
