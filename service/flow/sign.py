"""Sign: a named person makes a draft the report, adds to it, or rejects it. Nothing here runs unattended.

Each answers False where somebody else spoke first: then nothing was signed, and the caller shows both versions. Each
raises Refused, with what to do next, for what can never be signed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from service.domain.edit import History, text_digest
from service.domain.errors import Refused
from service.domain.job import Job, JobState
from service.domain.rejection import Reason
from service.domain.report import Report
from service.domain.review import Observer, Review, Statement, Verdict
from service.domain.rule import Mode
from service.flow.count import numbers_of
from service.flow.form import forms_of, standing
from service.flow.review import Line, draft_text, lines_of, save, text_of
from service.ports.catalogue import JobRecord
from service.ports.edits import EditLog
from service.ports.ledger import Ledger
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
    overtaken: bool = False
    """Whether the study has a newer reading of the same rule: what is signed is the newest."""

    @property
    def study(self) -> str:
        return str(self.record.job.study_instance_uid)

    def reviews(self) -> tuple[Review, ...]:
        """What was said of this reading."""
        return reviews_of(self.signing.reviews(self.study), self.record)

    def review(
        self, verdict: Verdict, number: int, text: str, statements: Sequence[Statement] = (), forms: Sequence[int] = ()
    ) -> Review:
        return Review(
            study_instance_uid=self.study,
            job_id=self.record.reading,
            number=number,
            verdict=verdict,
            observer=self.observer,
            at=self.now,
            text=text,
            statements=tuple(statements),
            forms=tuple(forms),
        )


def reviews_of(reviews: Sequence[Review], record: JobRecord) -> tuple[Review, ...]:
    """Those of one reading."""
    return tuple(review for review in reviews if review.job_id == record.reading)


def sign(
    desk: Desk,
    report: Report,
    lines: Sequence[Line],
    *,
    base_sha256: str,
    seconds: float,
    accepted: int,
    forms: Sequence[int] = (),
) -> bool:
    """Sign `lines`, which were made on the text with the digest `base_sha256`: its last revision closes the log.

    `forms` are the filled forms that the person signs with it, by their numbers: each the newest of its template, and
    each said by `lines` as it was put there.
    """
    _check(desk)
    if not text_of(lines).strip():
        raise Refused("an empty report cannot be signed: reject the draft, or write what you see")
    if desk.reviews():
        return False
    _check_newest(desk)
    known = forms_of(desk.edits.history(desk.record.reading))
    if not {each.number for each in known}.issuperset(forms):
        return False  # somebody put another in: nobody signs answers that he has not seen
    for each in known:
        if each.number in set(forms) - standing(known, lines):
            raise Refused(
                f"the report no longer says what the form {each.form.title} says: fill it again, or sign without it"
            )
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
    numbers = numbers_of(report, history, Verdict.SIGNED)
    signed = desk.review(Verdict.SIGNED, 1, history.text, statements, sorted(set(forms)))
    return desk.signing.sign(signed, numbers=numbers, now=desk.now)


def add(desk: Desk, text: str, *, seen: int) -> bool:
    """Add to a signed report, which keeps its text. `seen` reviews stood on the page of whoever adds."""
    _check(desk)
    if not text.strip():
        raise Refused("an addendum says something")
    if not any(review.verdict is Verdict.SIGNED for review in desk.reviews()):
        raise Refused("only a signed report has addenda: sign it, or edit the draft")
    return desk.signing.sign(desk.review(Verdict.ADDED, seen + 1, text.strip()), now=desk.now)


def reject(desk: Desk, report: Report, why: str, reason: Reason, *, base_sha256: str) -> bool:
    """Reject a draft with a reason in words; it is withdrawn wherever it went. `base_sha256` is of the text that
    stood on the page of whoever rejects."""
    if not why.strip():
        raise Refused("a rejection needs its reason in words")
    if any(review.verdict is Verdict.SIGNED for review in desk.reviews()):
        raise Refused("this report is signed: add to it instead")
    _check_newest(desk)
    history = desk.edits.history(desk.record.reading) or History(draft=draft_text(report))
    if text_digest(history.text) != base_sha256:
        return False  # somebody saved in between: nobody rejects what he has not seen
    given = desk.review(Verdict.REJECTED, 1, why.strip())
    numbers = numbers_of(report, history, Verdict.REJECTED)
    return desk.signing.reject(given, reason, base_sha256=base_sha256, numbers=numbers, now=desk.now)


def write_again(desk: Desk, jobs: Sequence[JobRecord]) -> str:
    """Schedule the document of a signed report that could not be written once more; returns the job's identifier.

    For who signed it or added to it. `jobs` are all of the study. Raises Refused.
    """
    if not may_write_again(desk.observer.name, desk.reviews()):
        raise Refused("who signed this report can have it written again, or an operator: run its canceled job again")
    failed = unwritten(jobs, desk.record.reading)
    again = failed and desk.signing.encode_again(failed.job.job_id, by=desk.observer.name, now=desk.now)
    if not again:
        raise Refused("this report is being written, or is written already: reload the page")
    return again


def run_again(ledger: Ledger, signing: Signing, job_id: str, *, by: str, now: datetime) -> str:
    """Run a job again for an operator: what was to encode a signed report only encodes it, anything else is read anew.

    Returns the new job's identifier, empty for none. Raises Refused as `Assembling.replay` does.
    """
    if again := signing.encode_again(job_id, by=by, now=now):
        return again
    replayed = ledger.replay(job_id, by=by, now=now)
    return replayed.job_id if replayed else ""


def unwritten(jobs: Sequence[JobRecord], reading: str) -> JobRecord | None:
    """The job that was given up, if it was the last of its reading: what it should have written does not exist."""
    of = [one for one in jobs if one.reading == reading and not one.job.reason.startswith("superseded")]
    last = max(of, key=lambda one: one.created_at, default=None)
    return last if last and last.job.state is JobState.CANCELED else None


def _check_newest(desk: Desk) -> None:
    if desk.overtaken:
        raise Refused(
            "this reading is not the newest of its study any more: open the study's review again, which shows the "
            "newer one, and sign or reject that"
        )


def barred(job: Job, *, organization: str) -> str:
    """What stands in the way of any signature on that reading, and what to do about it; empty for nothing."""
    if not organization:
        return "a signature names the organisation: set site.institution and restart"
    if job.state is not JobState.COMPLETED:
        return f"this reading is {job.state.value.lower()}: there is nothing to sign"
    if job.mode is not Mode.LIVE:
        return "this reading is in shadow, nothing of it leaves: make its rule live before you sign"
    return ""


def may_write_again(name: str, reviews: Sequence[Review]) -> bool:
    """Whether that person has signed the report or added to it, and so can have its document written once more."""
    return name in {review.observer.name for review in reviews}


def _check(desk: Desk) -> None:
    """Raises Refused with what stands in the way of any signature."""
    if words := barred(desk.record.job, organization=desk.observer.organization):
        raise Refused(words)
