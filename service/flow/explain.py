"""Explain: where a study stands and why, in sentences for the person who asks "why was this not processed?"."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from service.domain.assembly import Patience
from service.domain.config import ConfigVersion
from service.domain.delivery import DeliveryKind, DeliveryState
from service.domain.job import JobState
from service.domain.report import Outcome
from service.domain.rule import Mode
from service.domain.study import Study
from service.flow.dryrun import Trial, dry_run
from service.flow.route import routed_under
from service.flow.words import bare, count, span
from service.ports.catalogue import DeliveryRecord, JobRecord, StudyRecord

OWED = (DeliveryState.PENDING, DeliveryState.SENDING)
STUCK = (DeliveryState.REFUSED, DeliveryState.HELD, DeliveryState.EXPIRED)
"""Deliveries that no process will touch again unless a person does."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Explanation:
    """Sentences for a person; without patient data, with UIDs, rules, clauses and the values they found."""

    headline: str
    because: tuple[str, ...] = ()
    next: str = ""
    """What happens by itself, and when."""
    todo: str = ""
    """What a person can do; empty if nothing needs doing."""

    @property
    def sentences(self) -> tuple[str, ...]:
        return tuple(filter(None, (self.headline, *self.because, self.next, self.todo)))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Case:
    """Everything an explanation may look at."""

    record: StudyRecord
    study: Study | None
    version: ConfigVersion
    now: datetime


def explain(record: StudyRecord, study: Study | None, version: ConfigVersion | None, *, now: datetime) -> Explanation:
    """Say where the study stands; `now` is aware, in the site's zone.

    `study` is what the ledger has of it now; without it the newest manifest stands for it. `version` is the active
    configuration; None if none was applied yet.
    """
    if version is None:
        return Explanation(headline="No rules were applied yet, so nothing is read.")
    case = _Case(record=record, study=study or _from_manifest(record), version=version, now=now)
    return _EXPLAINERS.get(record.row.state, _unknown)(case)


def needs_person(jobs: Iterable[JobRecord]) -> tuple[JobRecord, ...]:
    """Jobs that were canceled or failed and that nobody has dealt with: no later one of their rule speaks for it."""
    return tuple(
        record for record in _newest(jobs) if record.job.state is JobState.CANCELED or record.outcome == Outcome.FAILED
    )


def _newest(jobs: Iterable[JobRecord]) -> Iterable[JobRecord]:
    """Of each study and rule the job that speaks for it; none that routing took back."""
    newest: dict[tuple[str, str], JobRecord] = {}
    for record in sorted(jobs, key=_order):
        if not (record.job.state is JobState.CANCELED and record.job.reason.startswith("superseded")):
            newest[str(record.job.study_instance_uid), record.job.rule] = record
    return newest.values()


def _order(record: JobRecord) -> tuple[int, int, datetime]:
    return record.generation, record.job.run_number, record.created_at


def _receiving(case: _Case) -> Explanation:
    row = case.record.row
    patience = _patience(case)
    return Explanation(
        headline=f"Images are still arriving: {count(row.instances, 'image')} from “{row.source or 'unknown'}” so far.",
        because=(f"The last image came {span(case.now - row.received_last)} ago.",),
        next=(
            f"The study is handed over {span(patience.quiet)} after the sender closes its connection, or "
            f"{span(patience.silent)} after the last image, at the latest at "
            f"{(row.received_first + patience.cap).astimezone(case.now.tzinfo):%H:%M:%S}."
        ),
    )


def _unmatched(case: _Case) -> Explanation:
    if not case.version.configuration.rules:
        return Explanation(
            headline="No rule took this study: the active configuration has no rules.",
            next="The originals are kept; nothing else happens.",
            todo="Add a rule and apply it with “preread config apply”, then route the study again "
            f"({_how_to_route(case)}).",
        )
    trials = dry_run(case.study, case.version, now=case.now) if case.study else ()
    return Explanation(
        headline=_not_taken(case),
        because=_why_not_taken(case, trials),
        next="The originals are kept; nothing else happens until more images arrive.",
        todo=(
            f"Version {case.version.number} would take it now: route it again ({_how_to_route(case)})."
            if any(trial.match.matched for trial in trials)
            else "If it should be read, change the clause named above in rules.toml, check it with the dry run below, "
            f"apply it and route the study again ({_how_to_route(case)})."
        ),
    )


def _not_taken(case: _Case) -> str:
    """The headline; it names the version under which the study was routed, as far as that was told."""
    routed = routed_under(case.record.events)
    rules = f"No rule of configuration version {routed[0]}" if routed else "No rule"
    return f"{rules} took this study, so no model has read it."


def _why_not_taken(case: _Case, trials: Sequence[Trial]) -> tuple[str, ...]:
    """What the rules make of the study today; after what they made of it then, if they were others."""
    routed, active = routed_under(case.record.events), case.version.number
    today = tuple(trial.sentence for trial in trials)
    if routed and routed[0] == active:
        return today
    then = (f"Version {routed[0]} did not take it: {bare(routed[1])}.",) if routed else ()
    return *then, *(f"Under version {active}, which is active now: {sentence}" for sentence in today)


def _how_to_route(case: _Case) -> str:
    return f"`preread studies route {case.record.row.study_instance_uid}`, or the button"


def _scheduled(case: _Case) -> Explanation:
    waiting = _in_state(case, JobState.SCHEDULED)
    retrying = any(record.job.attempt for record in waiting)
    return Explanation(
        headline="The study is complete and waits for a worker."
        if not retrying
        else "The reading will be tried again.",
        because=tuple(_job_sentence(record) for record in waiting),
        next=_next_try((record.next_due for record in waiting), case.now, "The next free worker takes it"),
        todo="If this lasts, look at the model server and the workers on the operations page." if retrying else "",
    )


def _reading(case: _Case) -> Explanation:
    return Explanation(
        headline="A worker is reading the study now.",
        because=tuple(_job_sentence(record) for record in _in_state(case, JobState.IN_PROGRESS)),
        next="If that worker is lost, its lease runs out and another one takes over from the last finished step.",
    )


def _delivering(case: _Case) -> Explanation:
    owed = [record for record in case.record.deliveries if record.delivery.state in OWED]
    failed = [record for record in owed if record.delivery.last_error]
    return Explanation(
        headline=f"The reading is done; {count(len(owed), 'object')} still to be delivered.",
        because=tuple(_delivery_sentence(record) for record in failed),
        next=_next_try((record.next_due for record in owed), case.now, "Delivery goes on by itself"),
        todo="Check the destination with a C-ECHO on the operations page." if failed else "",
    )


def _done(case: _Case) -> Explanation:
    shadow = [record.job.rule for record in case.record.jobs if record.job.mode is Mode.SHADOW]
    delivered = sorted({record.delivery.destination for record in case.record.deliveries if record.delivery.role})
    newest = tuple(_newest(case.record.jobs))
    if recalled := [record for record in newest if record.job.state is JobState.RECALLED]:
        return _recalled(recalled, case.record.deliveries)
    if newest and all(record.outcome == Outcome.NOT_ANALYSED for record in newest):
        return _not_read(newest, delivered)
    because = [_job_sentence(record) for record in case.record.jobs if record.job.state is JobState.COMPLETED]
    if shadow and not delivered:
        because.append(f"Rule “{shadow[0]}” is in shadow mode: its reading is recorded, nothing is delivered.")
        return Explanation(headline="Read in shadow mode; nothing was delivered, on purpose.", because=tuple(because))
    where = f" and delivered to {', '.join(delivered)}" if delivered else ""
    return Explanation(headline=f"Read{where}.", because=tuple(because))


def _not_read(unread: Sequence[JobRecord], told: Sequence[str]) -> Explanation:
    """No model was made for this study, which is right as it is."""
    reasons = "; ".join(dict.fromkeys(_why_silent(record) for record in unread))
    where = f" {' and '.join(told)} {'was' if len(told) == 1 else 'were'} told so." if told else ""
    return Explanation(
        headline=f"Not read: {reasons}.{where}",
        because=tuple(f"{_asked(record)}." for record in unread),
    )


def _recalled(recalled: Sequence[JobRecord], deliveries: Sequence[DeliveryRecord]) -> Explanation:
    notes = [record.delivery for record in deliveries if record.delivery.kind is DeliveryKind.RETRACTION]
    told = sorted({note.destination for note in notes if note.state in (DeliveryState.SENT, DeliveryState.COMMITTED)})
    where = f" {', '.join(told)} {'has' if len(told) == 1 else 'have'} a rejection note." if told else ""
    return Explanation(
        headline=f"The draft was withdrawn; nothing of it may be used.{where}",
        because=tuple(_job_sentence(record) for record in recalled),
        todo="If the study is to be read again, run the job again, or route the study where images were rejected.",
    )


def _attention(case: _Case) -> Explanation:
    needy = needs_person(case.record.jobs)
    canceled = [record for record in needy if record.job.state is JobState.CANCELED]
    silent = [record for record in needy if record.job.state is not JobState.CANCELED]
    stuck = [record for record in case.record.deliveries if record.delivery.state in STUCK]
    because = [f"Job of rule “{r.job.rule}” was given up: {bare(r.job.reason) or 'no reason kept'}." for r in canceled]
    because += [f"Rule “{r.job.rule}” gave no reading: {_why_silent(r)}." for r in silent]
    because += [_delivery_sentence(record) for record in stuck]
    return Explanation(
        headline="A person has to look at this study.",
        because=tuple(because) or (case.record.row.note,),
        next="Nothing more happens by itself.",
        todo=" ".join(_todos(bool(canceled or silent), stuck)),
    )


def _unknown(case: _Case) -> Explanation:
    return Explanation(headline=case.record.row.note or f"The study is {case.record.row.state}.")


_EXPLAINERS: dict[str, Callable[[_Case], Explanation]] = {
    "receiving": _receiving,
    "unmatched": _unmatched,
    "scheduled": _scheduled,
    "reading": _reading,
    "delivering": _delivering,
    "done": _done,
    "attention": _attention,
}


def _todos(rerun: bool, stuck: Sequence[DeliveryRecord]) -> Iterable[str]:
    states = {record.delivery.state for record in stuck}
    if rerun:
        yield "Remove the cause, then run the job again."
    if DeliveryState.HELD in states:
        yield "Compare patient and order with the destination, correct one of them, then release the delivery."
    if states & {DeliveryState.REFUSED, DeliveryState.EXPIRED}:
        yield "Ask the destination's operator about the answer above, then send again."


def _in_state(case: _Case, state: JobState) -> list[JobRecord]:
    return [record for record in case.record.jobs if record.job.state is state]


def _job_sentence(record: JobRecord) -> str:
    job = record.job
    tried = f", attempt {job.attempt}" if job.attempt > 1 else ""
    reason = f": {bare(job.reason)}" if job.reason else ""
    return f"{_asked(record)}{tried}{reason}."


def _asked(record: JobRecord) -> str:
    job = record.job
    return f"Rule “{job.rule}” (version {job.config_version}, {job.mode}) asked for “{job.protocol}”"


def _delivery_sentence(record: DeliveryRecord) -> str:
    delivery = record.delivery
    what = delivery.role or "an original"
    answer = bare(delivery.last_error) or "no answer kept"
    tries = count(delivery.attempt, "attempt")
    return f"{what} to {delivery.destination} is {str(delivery.state).lower()} after {tries}: {answer}."


def _why_silent(record: JobRecord) -> str:
    return bare(record.job.reason or next((step.error for step in record.steps if step.error), "")) or "no reason kept"


def _patience(case: _Case) -> Patience:
    source = case.version.configuration.source(case.record.row.source)
    return source.patience if source else Patience()


def _from_manifest(record: StudyRecord) -> Study | None:
    if not record.manifests:
        return None
    row = record.row
    return Study(
        study_instance_uid=row.study_instance_uid,
        identity=row.identity,
        identity_version=record.identity_version,
        source=row.source,
        received_first=row.received_first,
        received_last=row.received_last,
        instances=max(record.manifests, key=lambda manifest: manifest.version).instances,
    )


def _next_try(dues: Iterable[datetime | None], now: datetime, otherwise: str) -> str:
    later = [due for due in dues if due and due > now]
    return f"The next attempt is in {span(min(later) - now)}." if later else f"{otherwise}."
