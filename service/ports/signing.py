"""Signing: what named persons say of reports, kept for good. Each method is one transaction; raises Unavailable."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from service.domain.rejection import Reason
from service.domain.review import Review, Verdict
from service.domain.tally import Numbers


class Signing(Protocol):
    def sign(self, review: Review, *, numbers: Numbers | None = None, now: datetime) -> bool:
        """Keep a signature or an addendum, close the text's edit log, and schedule a job that encodes the signed
        report and asks no model. `numbers` are counted with it.

        False, and nothing kept, if somebody else spoke before (`number` is taken), the text has another revision
        by now, or the reading is not COMPLETED.
        """
        ...

    def reject(
        self, review: Review, reason: Reason, *, base_sha256: str, numbers: Numbers | None = None, now: datetime
    ) -> bool:
        """Keep a rejection of the text with the digest `base_sha256` and withdraw the draft, as `Withdrawing.recall`
        does. False as in `sign`, and for a signed report: to that one adds."""
        ...

    def encode_again(self, job_id: str, *, by: str, now: datetime) -> str | None:
        """Schedule once more what a canceled job was to encode, a signed report, and return the new job's identifier;
        who signed what and when stays as it is.

        None for any other job, and where a later one of that reading works or has written the report.
        """
        ...

    def reviews(self, study_instance_uid: str) -> Sequence[Review]:
        """Everything that was said of the study's readings, in its order."""
        ...

    def page(self, after: int, *, limit: int) -> Sequence[tuple[int, Review]]:
        """The next `limit` reviews after the one with the number `after`, oldest first, each with its number."""
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
    counted: Numbers = field(default_factory=Numbers)
    unwritten: set[str] = field(default_factory=set)
    """Canceled jobs that were to encode a signed report."""

    def sign(self, review: Review, *, numbers: Numbers | None = None, now: datetime) -> bool:
        self.counted.update(numbers or ())
        return self._keep(review)

    def reject(
        self, review: Review, reason: Reason, *, base_sha256: str, numbers: Numbers | None = None, now: datetime
    ) -> bool:
        kept = self._keep(review)
        self.withdrawn += [reason] if kept else []
        return kept

    def encode_again(self, job_id: str, *, by: str, now: datetime) -> str | None:
        if job_id not in self.unwritten:
            return None
        self.unwritten.remove(job_id)
        return f"{job_id}-again"

    def reviews(self, study_instance_uid: str) -> Sequence[Review]:
        return [each for each in self.kept if each.study_instance_uid == study_instance_uid]

    def page(self, after: int, *, limit: int) -> Sequence[tuple[int, Review]]:
        return list(enumerate(self.kept, start=1))[after : after + limit]

    def signed(self, study_instance_uids: Collection[str]) -> frozenset[str]:
        found = {each.study_instance_uid for each in self.kept if each.verdict is Verdict.SIGNED}
        return frozenset(found & set(study_instance_uids))

    def _keep(self, review: Review) -> bool:
        before = [each for each in self.kept if each.job_id == review.job_id]
        if self.overtaken or review.number != len(before) + 1:
            return False
        self.kept.append(review)
        return True
