"""Drain a lane: one claim, one piece of work, and a ring for the rest. Surplus rings do nothing."""

from __future__ import annotations

import json
from datetime import timedelta
from functools import partial

import structlog

from service.domain.errors import Misconfigured, Refused, Unavailable
from service.domain.job import retry_after
from service.domain.lane import DELIVER, READ
from service.flow.deliver import LEASE, deliver
from service.flow.lease import held
from service.flow.wake import wake
from service.ports.catalogue import Catalogue
from service.ports.ledger import Claim, Ledger
from service.ports.services import Services
from workers.pipeline.work import LostLease, can_wait, give_up, partly, work

MAX_FAILURES = 5
"""Attempts at a job that fails in a way nobody foresaw, before its report says "not analysed"."""

log = structlog.get_logger("preread.worker")


def drain(lane: str, services: Services, *, worker: str) -> int:
    """Work the best row (or batch) of `lane`, then ring for whoever comes next; returns rows worked."""
    done = _read(services, worker) if lane == READ else _deliver(lane, services, worker)
    if done:
        wake(services.bell, lane)
    return done


def drain_all(services: Services, *, worker: str) -> int:
    """Work every due lane until nothing is due: the way without any bell."""
    total = 0
    while worked := sum(drain(lane, services, worker=worker) for lane in owed(services.ledger)):
        total += worked
    return total


def owed(ledger: Ledger) -> list[str]:
    """Due lanes that workers drain; originals are the receiving process's own affair."""
    return [lane for lane in ledger.due_lanes() if lane == READ or lane.startswith(DELIVER)]


def _read(services: Services, worker: str) -> int:
    lease = timedelta(seconds=services.settings.worker.lease_s)
    claim = services.ledger.claim_job(worker, lease=lease)
    if claim is None:
        return 0
    renew = partial(services.ledger.renew_job, claim.job.job_id, claim.job.attempt, lease=lease)
    with held(renew, lease):
        _work(claim, services)
    wake(services.bell, *[lane for lane in services.ledger.due_lanes() if lane.startswith(DELIVER)])
    return 1


def _work(claim: Claim, services: Services) -> None:
    """The task boundary: a job is finished, put off, or given up in words; it never vanishes and never spins."""
    job, begun = claim.job, services.clock.now()
    try:
        outcome = work(claim, services)
    except LostLease:
        log.warning("lease lost", job=job.job_id, attempt=job.attempt)
    except (Unavailable, Misconfigured) as error:
        detail = error.detail if isinstance(error, Unavailable) else ""
        give_up_now = not can_wait(claim, services.clock.now())
        _put_off(claim, services, str(error), detail=detail, give_up_now=give_up_now)
    except Refused as error:  # the ledger's alone: a UID of these results was issued before
        log.error("canceled", job=job.job_id, attempt=job.attempt, reason=str(error))
        services.ledger.abandon_job(job, reason=str(error), now=services.clock.now())
    except Exception as error:  # boundary: nobody foresaw this one
        log.exception("job failed", job=job.job_id, attempt=job.attempt)
        _put_off(claim, services, f"internal error ({type(error).__name__})", give_up_now=job.attempt >= MAX_FAILURES)
    else:
        took = (services.clock.now() - begun).total_seconds()
        log.info("read", job=job.job_id, attempt=job.attempt, outcome=outcome, took_s=round(took, 3))


def _put_off(claim: Claim, services: Services, reason: str, *, give_up_now: bool, detail: str = "") -> None:
    """Try again later, or record "not analysed" now; what cannot even be recorded is canceled with its reason.

    `detail` stands in the job's row alone: a radiologist has no use for a library's words.
    """
    job = claim.job
    if not give_up_now:
        log.warning("deferred", job=job.job_id, attempt=job.attempt, reason=reason, detail=detail)
        error = f"{reason} ({detail})" if detail else reason
        services.ledger.defer_job(job, error=error, after=retry_after(job.attempt))
        return
    log.warning("given up", job=job.job_id, attempt=job.attempt, reason=reason, detail=detail)
    for record in (partly, give_up):
        try:
            record(claim, services, reason)
        except LostLease:
            log.warning("lease lost", job=job.job_id, attempt=job.attempt)
        except Exception:  # boundary: what is left is to say less, and in the end to cancel
            log.exception("cannot be recorded", job=job.job_id, attempt=job.attempt, how=record.__name__)
            continue
        return
    services.ledger.abandon_job(job, reason=reason, now=services.clock.now())


def _deliver(lane: str, services: Services, worker: str) -> int:
    """One batch for one destination; one process per destination at a time, so that a slow one takes one."""
    lock = partial(services.ledger.lock, f"lane {lane}", worker, lease=LEASE)
    if not lock():
        return 0
    try:
        with held(lock, LEASE):
            return deliver(
                lane,
                worker=worker,
                ledger=services.ledger,
                configuration=services.configurations.active().configuration,
                connect=services.peers.destination,
                clock=services.clock,
                read_by=partial(_read_by, services.catalogue),
            )
    finally:
        services.ledger.lock(f"lane {lane}", worker, lease=timedelta())


def _read_by(catalogue: Catalogue, job_id: str) -> frozenset[str]:
    """The digests of the models that a reading asked; those of the reading it encodes again where it asked none."""
    record = catalogue.job(job_id)
    if record is None:
        return frozenset()
    told = json.loads(record.provenance or "{}").get("algorithms", [])
    return frozenset(algorithm["digest"] for algorithm in told)
