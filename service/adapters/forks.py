"""What becomes of an object in a forked child: threads, locks and connections stay with the parent."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable


def after_fork(method: weakref.WeakMethod[Callable[[], None]]) -> None:
    """Call `method` in every forked child, for as long as its object lives."""

    def call() -> None:
        alive = method()
        if alive is not None:
            alive()

    os.register_at_fork(after_in_child=call)
