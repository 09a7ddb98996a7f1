"""Keep a lease alive while its work lasts."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from service.domain.errors import Unavailable


@contextmanager
def held(renew: Callable[[], object], lease: timedelta) -> Iterator[None]:
    """Renew three times a lease, until `renew` says (by something false) that there is nothing left to renew.

    A lease that is lost all the same shows at the fence, when the work is recorded.
    """
    done = threading.Event()

    def keep() -> None:
        while not done.wait(lease.total_seconds() / 3):
            try:
                if not renew():
                    return
            except Unavailable:
                continue

    keeper = threading.Thread(target=keep, name="lease", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        done.set()
        keeper.join()
