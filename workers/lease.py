"""Keep a job's lease alive while its pipeline works."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from service.domain.errors import Unavailable
from service.domain.job import Job
from service.ports.ledger import Ledger


@contextmanager
def held(ledger: Ledger, job: Job, lease: timedelta) -> Iterator[None]:
    """Renew three times a lease. A lease that is lost all the same shows at the fence, when the job finishes."""
    done = threading.Event()

    def renew() -> None:
        while not done.wait(lease.total_seconds() / 3):
            try:
                if not ledger.renew_job(job.job_id, job.attempt, lease=lease):
                    return
            except Unavailable:
                continue

    keeper = threading.Thread(target=renew, name="lease", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        done.set()
        keeper.join()
