"""A front door in a process of its own that stores into a real ledger and spool: to be sent to, measured and killed.

python -m tests.support.store_process FOLDER PORT

Tokens `SENDER_SECRET` and `VIEWER_SECRET` open it, from this machine.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import uvicorn

from service.domain.account import Role
from service.ports.clock import SystemClock
from service.web.app import create_app
from tests.support.storing import intake_of
from tests.support.viewable import shelf

SENDER_SECRET, VIEWER_SECRET = "secret-of-t-1", "secret-of-t-2"


def main() -> None:
    folder, port = Path(sys.argv[1]), int(sys.argv[2])
    clock = SystemClock(ZoneInfo("UTC"))
    with shelf(folder) as kept:
        for role in (Role.SENDER, Role.VIEWER):
            kept.house.token(role)
        intake = intake_of(kept.ledger, spool=kept.spool, headers=kept.headers, clock=clock)
        services = replace(kept.services(), intake=intake)
        uvicorn.run(
            create_app(services, watch_nodes=False), host="127.0.0.1", port=port, log_level="warning",
            access_log=False, proxy_headers=False, server_header=False,
        )  # fmt: skip


if __name__ == "__main__":
    main()
