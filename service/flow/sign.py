"""Sign: a named person makes a draft the report, adds to it, or rejects it. Nothing here runs unattended.

Each answers False where somebody else spoke first: then nothing was signed, and the caller shows both versions. Each
raises Refused, with what to do next, for what can never be signed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from service.domain.edit import History
from service.domain.errors import Refused
from service.domain.job import JobState
from service.domain.rejection import Reason
from service.domain.report import Report
from service.domain.review import Observer, Review, Statement, Verdict
from service.domain.rule import Mode
from service.flow.review import Line, draft_text, lines_of, save, text_of
from service.ports.catalogue import JobRecord
from service.ports.edits import EditLog
from service.ports.signing import Signing


@dataclass(frozen=True, kw_only=True, slots=True)
class Desk:
    """What one person signs at: a finished reading, who it is, and where it is kept."""

    record: JobRecord
    observer: Observer
    signing: Signing
    edits: EditLog
    now: datetime
    """Aware, in the site's zone: it is written as it is."""

    @property
    def study(self) -> str:
        return str(self.record.job.study_instance_uid)

    def reviews(self) -> tuple[Review, ...]:
        """What was said of this reading."""
        return reviews_of(self.signing.reviews(self.study), self.record)

    def review(self, verdict: Verdict, number: int, text: str, statements: Sequence[Statement] = ()) -> Review:
        return Review(
            study_instance_uid=self.study,
            job_id=self.record.reading,
            number=number,
            verdict=verdict,
            observer=self.observer,
            at=self.now,
            text=text,
            statements=tuple(statements),
        )


def reviews_of(reviews: Sequence[Review], record: JobRecord) -> tuple[Review, ...]:
    """Those of one reading."""
    return tuple(review for review in reviews if review.job_id == record.reading)


def sign(desk: Desk, report: Report, lines: Sequence[Line], *, base_sha256: str, seconds: float, accepted: int) -> bool:
    """Sign `lines`, which were made on the text with the digest `base_sha256`: its last revision closes the log."""
    _check(desk)
    if not text_of(lines).strip():
        raise Refused("an empty report cannot be signed: reject the draft, or write what you see")
    if desk.reviews():
        return False
    kept = save(
        desk.edits,
        report=report,
        job_id=desk.record.reading,
        study_instance_uid=desk.study,
        lines=lines,
        base_sha256=base_sha256,
        reviewer=desk.observer.name,
        seconds=seconds,
        accepted=accepted,
        now=desk.now,
    )
    if kept is None:
        return False
    history = desk.edits.history(desk.record.reading) or History(draft=draft_text(report))
    if history.text != text_of(lines):
        return False  # somebody saved in between: nobody signs what he has not seen
    statements = [
        Statement(section=line.section, text=line.text, findings=line.findings) for line in lines_of(report, history)
    ]
    return desk.signing.sign(desk.review(Verdict.SIGNED, 1, history.text, statements), now=desk.now)


def add(desk: Desk, text: str, *, seen: int) -> bool:
    """Add to a signed report, which keeps its text. `seen` reviews stood on the page of whoever adds."""
    _check(desk)
    if not text.strip():
        raise Refused("an addendum says something")
    if not any(review.verdict is Verdict.SIGNED for review in desk.reviews()):
        raise Refused("only a signed report has addenda: sign it, or edit the draft")
    return desk.signing.sign(desk.review(Verdict.ADDED, seen + 1, text.strip()), now=desk.now)


def reject(desk: Desk, why: str, reason: Reason) -> bool:
    """Reject a draft with a reason in words; it is withdrawn wherever it went."""
    if not why.strip():
        raise Refused("a rejection needs its reason in words")
    if any(review.verdict is Verdict.SIGNED for review in desk.reviews()):
        raise Refused("this report is signed: add to it instead")
    return desk.signing.reject(desk.review(Verdict.REJECTED, 1, why.strip()), reason, now=desk.now)


def _check(desk: Desk) -> None:
    """What stands in the way of any signature. Raises Refused."""
    job = desk.record.job
    if not desk.observer.organization:
        raise Refused("a signature names the organisation: set site.institution and restart")
    if job.state is not JobState.COMPLETED:
        raise Refused(f"this reading is {job.state.value.lower()}: there is nothing to sign")
    if job.mode is not Mode.LIVE:
        raise Refused("this reading is in shadow, nothing of it leaves: make its rule live before you sign")
