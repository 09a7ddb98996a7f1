"""Withdraw: owe a rejection note to whoever has results of a recalled reading. The sweep does it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from service.domain.code import UNKNOWN_PROCEDURE
from service.domain.errors import Unreadable
from service.domain.lane import deliver_lane
from service.domain.rejection import NOTE, Issued
from service.domain.report import Outcome, Report
from service.domain.uids import derive_uid
from service.flow.record import read_report
from service.flow.wake import wake
from service.ports.ledger import NewObject, Withdrawal
from service.ports.notes import Rejected
from service.ports.services import Services


def withdraw(services: Services) -> int:
    """Write and owe every note that is due; returns how many."""
    return sum(_withdraw(each, services) for each in services.ledger.withdrawals())


def _withdraw(withdrawal: Withdrawal, services: Services) -> int:
    """One note for each set of results, so that no destination is told of what it never got."""
    alike = _alike(withdrawal.sent)
    notes = [(_note(withdrawal, instances, services), names) for instances, names in alike.items()]
    if not services.ledger.owe_notes(withdrawal, notes, now=services.clock.now()):
        return 0
    wake(services.bell, *[deliver_lane(name) for name in withdrawal.sent])
    return len(notes)


def _alike(sent: Mapping[str, tuple[Issued, ...]]) -> Mapping[tuple[Issued, ...], Sequence[str]]:
    """Destinations by what they have."""
    found: dict[tuple[Issued, ...], list[str]] = {}
    for destination, instances in sent.items():
        found.setdefault(tuple(sorted(set(instances))), []).append(destination)
    return found


def _note(withdrawal: Withdrawal, instances: tuple[Issued, ...], services: Services) -> NewObject:
    """The note in the spool; its UID follows from what it rejects, so that two sweeps write the same."""
    site, study = services.settings.site.name, withdrawal.study_instance_uid
    _, identity = services.ledger.current_identity(study)
    rejected = Rejected(
        report=_report(withdrawal, services),
        identity=identity,
        study_instance_uid=study,
        series_instance_uid=derive_uid(site, study, NOTE),
        sop_instance_uid=derive_uid(site, study, NOTE, *(one.sop_instance_uid for one in instances)),
        reason=withdrawal.reason,
        instances=instances,
        created_at=services.clock.now().astimezone(services.clock.zone),
    )
    with services.spool.incoming() as incoming:
        incoming.write(services.notes.write(rejected))
        kept = incoming.keep()
    return NewObject(
        role=NOTE,
        sop_class_uid=services.notes.SOP_CLASS_UID,
        sop_instance_uid=rejected.sop_instance_uid,
        series_instance_uid=rejected.series_instance_uid,
        instance_number=1,
        location=kept.location,
        sha256=kept.sha256,
        size=kept.size,
    )


def _report(withdrawal: Withdrawal, services: Services) -> Report:
    """What the reading said, for the names in it; a record that cannot be read holds no note back."""
    record = services.catalogue.job(withdrawal.job_id)
    try:
        found = read_report(record.report) if record else None
    except Unreadable:
        found = None
    return found or Report(
        outcome=Outcome.FAILED, algorithms=(), procedure=UNKNOWN_PROCEDURE, images=(), reason="its record is unreadable"
    )
