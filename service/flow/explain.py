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
from service.domain.said import Said, say, say_and, say_as, say_join, say_many
from service.domain.study import Study
from service.flow.dryrun import Trial, dry_run
from service.flow.route import routed_under
from service.flow.words import bare, span
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
        return Explanation(headline=say("No rules were applied yet, so nothing is read."))
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
    cap = f"{(row.received_first + patience.cap).astimezone(case.now.tzinfo):%H:%M:%S}"
    return Explanation(
        headline=say_many(
            "Images are still arriving: {number} image from “{source}” so far.",
            "Images are still arriving: {number} images from “{source}” so far.",
            row.instances,
            source=row.source or say_as("term", "unknown"),
        ),
        because=(say("The last image came {time} ago.", time=span(case.now - row.received_last)),),
        next=say(
            "The study is handed over {quiet} after the sender closes its connection, or {silent} after the last "
            "image, at the latest at {cap}.",
            quiet=span(patience.quiet),
            silent=span(patience.silent),
            cap=cap,
        ),
    )


def _unmatched(case: _Case) -> Explanation:
    if not case.version.configuration.rules:
        return Explanation(
            headline=say("No rule took this study: the active configuration has no rules."),
            next=say("The originals are kept; nothing else happens."),
            todo=say(
                "Add a rule and apply it with “preread config apply”, then route the study again ({how}).",
                how=_how_to_route(case),
            ),
        )
    trials = dry_run(case.study, case.version, now=case.now) if case.study else ()
    return Explanation(
        headline=_not_taken(case),
        because=_why_not_taken(case, trials),
        next=say("The originals are kept; nothing else happens until more images arrive."),
        todo=(
            say(
                "Version {version} would take it now: route it again ({how}).",
                version=case.version.number,
                how=_how_to_route(case),
            )
            if any(trial.match.matched for trial in trials)
            else say(
                "If it should be read, change the clause named above in rules.toml, check it with the dry run below, "
                "apply it and route the study again ({how}).",
                how=_how_to_route(case),
            )
        ),
    )


def _not_taken(case: _Case) -> str:
    """The headline; it names the version under which the study was routed, as far as that was told."""
    routed = routed_under(case.record.events)
    if not routed:
        return say("No rule took this study, so no model has read it.")
    return say(
        "No rule of configuration version {version} took this study, so no model has read it.", version=routed[0]
    )


def _why_not_taken(case: _Case, trials: Sequence[Trial]) -> tuple[str, ...]:
    """What the rules make of the study today; after what they made of it then, if they were others."""
    routed, active = routed_under(case.record.events), case.version.number
    today = tuple(trial.sentence for trial in trials)
    if routed and routed[0] == active:
        return today
    told = say("Version {version} did not take it: {why}.", version=routed[0], why=bare(routed[1])) if routed else None
    return *((told,) if told else ()), *(
        say("Under version {version}, which is active now: {sentence}", version=active, sentence=sentence)
        for sentence in today
    )


def _how_to_route(case: _Case) -> str:
    return say("`preread studies route {uid}`, or the button", uid=case.record.row.study_instance_uid)


def _scheduled(case: _Case) -> Explanation:
    waiting = _in_state(case, JobState.SCHEDULED)
    retrying = any(record.job.attempt for record in waiting)
    return Explanation(
        headline=say("The study is complete and waits for a worker.")
        if not retrying
        else say("The reading will be tried again."),
        because=tuple(_job_sentence(record) for record in waiting),
        next=_next_try((record.next_due for record in waiting), case.now, say("The next free worker takes it.")),
        todo=say("If this lasts, look at the model server and the workers on the operations page.") if retrying else "",
    )


def _reading(case: _Case) -> Explanation:
    return Explanation(
        headline=say("A worker is reading the study now."),
        because=tuple(_job_sentence(record) for record in _in_state(case, JobState.IN_PROGRESS)),
        next=say("If that worker is lost, its lease runs out and another one takes over from the last finished step."),
    )


def _delivering(case: _Case) -> Explanation:
    owed = [record for record in case.record.deliveries if record.delivery.state in OWED]
    failed = [record for record in owed if record.delivery.last_error]
    return Explanation(
        headline=say_many(
            "The reading is done; {number} object still to be delivered.",
            "The reading is done; {number} objects still to be delivered.",
            len(owed),
        ),
        because=tuple(_delivery_sentence(record) for record in failed),
        next=_next_try((record.next_due for record in owed), case.now, say("Delivery goes on by itself.")),
        todo=say("Check the destination with a C-ECHO on the operations page.") if failed else "",
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
        because.append(
            say("Rule “{rule}” is in shadow mode: its reading is recorded, nothing is delivered.", rule=shadow[0])
        )
        return Explanation(
            headline=say("Read in shadow mode; nothing was delivered, on purpose."), because=tuple(because)
        )
    told = say("Read and delivered to {where}.", where=", ".join(delivered)) if delivered else say("Read.")
    return Explanation(headline=told, because=tuple(because))


def _not_read(unread: Sequence[JobRecord], told: Sequence[str]) -> Explanation:
    """No model was made for this study, which is right as it is."""
    reasons = say_join("; ", dict.fromkeys(_why_silent(record) for record in unread))
    not_read = say("Not read: {reasons}.", reasons=reasons)
    where = [_told_so(told)] if told else []
    return Explanation(
        headline=say_join(" ", [not_read, *where]),
        because=tuple(say("{asked}.", asked=_asked(record)) for record in unread),
    )


def _told_so(told: Sequence[str]) -> Said:
    if len(told) == 1:
        return say("{where} was told so.", where=told[0])
    return say("{where} were told so.", where=say_and(told))


def _recalled(recalled: Sequence[JobRecord], deliveries: Sequence[DeliveryRecord]) -> Explanation:
    notes = [record.delivery for record in deliveries if record.delivery.kind is DeliveryKind.RETRACTION]
    told = sorted({note.destination for note in notes if note.state in (DeliveryState.SENT, DeliveryState.COMMITTED)})
    withdrawn = say("The draft was withdrawn; nothing of it may be used.")
    names = ", ".join(told)
    noted = (
        say("{where} has a rejection note.", where=names)
        if len(told) == 1
        else say("{where} have a rejection note.", where=names)
    )
    return Explanation(
        headline=say_join(" ", [withdrawn, noted] if told else [withdrawn]),
        because=tuple(_job_sentence(record) for record in recalled),
        todo=say("If the study is to be read again, run the job again, or route the study where images were rejected."),
    )


def _attention(case: _Case) -> Explanation:
    needy = needs_person(case.record.jobs)
    canceled = [record for record in needy if record.job.state is JobState.CANCELED]
    silent = [record for record in needy if record.job.state is not JobState.CANCELED]
    stuck = [record for record in case.record.deliveries if record.delivery.state in STUCK]
    because: list[str] = [
        say(
            "Job of rule “{rule}” was given up: {why}.",
            rule=r.job.rule,
            why=bare(r.job.reason) or say("no reason kept"),
        )
        for r in canceled
    ]
    because += [say("Rule “{rule}” gave no reading: {why}.", rule=r.job.rule, why=_why_silent(r)) for r in silent]
    because += [_delivery_sentence(record) for record in stuck]
    return Explanation(
        headline=say("A person has to look at this study."),
        because=tuple(because) or (case.record.row.note,),
        next=say("Nothing more happens by itself."),
        todo=say_join(" ", _todos(bool(canceled or silent), stuck)),
    )


def _unknown(case: _Case) -> Explanation:
    return Explanation(
        headline=case.record.row.note or say("The study is {state}.", state=say_as("term", case.record.row.state))
    )


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
        yield say("Remove the cause, then run the job again.")
    if DeliveryState.HELD in states:
        yield say("Compare patient and order with the destination, correct one of them, then release the delivery.")
    if states & {DeliveryState.REFUSED, DeliveryState.EXPIRED}:
        yield say("Ask the destination's operator about the answer above, then send again.")


def _in_state(case: _Case, state: JobState) -> list[JobRecord]:
    return [record for record in case.record.jobs if record.job.state is state]


def _job_sentence(record: JobRecord) -> str:
    job = record.job
    asked, why = _asked(record), bare(job.reason)
    if job.attempt > 1:
        tried = say("{asked}, attempt {number}", asked=asked, number=job.attempt)
    else:
        tried = asked
    return say("{asked}: {why}.", asked=tried, why=why) if job.reason else say("{asked}.", asked=tried)


def _asked(record: JobRecord) -> Said:
    job = record.job
    return say(
        "Rule “{rule}” (version {version}, {mode}) asked for “{protocol}”",
        rule=job.rule,
        version=job.config_version,
        mode=say_as("term", job.mode),
        protocol=job.protocol,
    )


def _delivery_sentence(record: DeliveryRecord) -> str:
    delivery = record.delivery
    return say_many(
        "{what} to {destination} is {state} after {number} attempt: {answer}.",
        "{what} to {destination} is {state} after {number} attempts: {answer}.",
        delivery.attempt,
        what=delivery.role or say("an original"),
        destination=delivery.destination,
        state=say_as("term", str(delivery.state).lower()),
        answer=bare(delivery.last_error) or say("no answer kept"),
    )


def _why_silent(record: JobRecord) -> str:
    return bare(record.job.reason or next((step.error for step in record.steps if step.error), "")) or say(
        "no reason kept"
    )


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
    return say("The next attempt is in {time}.", time=span(min(later) - now)) if later else otherwise
