"""A receiver in a process of its own, over a real ledger: to be killed, traced and starved.

python -m tests.support.receiver_process FOLDER PORT
"""

from __future__ import annotations

import gc
import signal
import sys
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from dicom_nodes.scp.server import StorageScp
from service.adapters.ledger import SqlLedger
from service.adapters.part10 import Part10Headers
from service.adapters.spool_files import FileSpool
from service.domain.config import Configuration
from service.flow.receive import receive
from service.ports.clock import SystemClock
from service.settings import Scp
from tests.support.receiving import ANYBODY


def main() -> None:
    folder, port = Path(sys.argv[1]), int(sys.argv[2])
    clock, configuration = SystemClock(ZoneInfo("UTC")), Configuration(sources=(ANYBODY,))
    spool = FileSpool(folder / "spool")
    ledger = SqlLedger(f"sqlite:///{folder / 'ledger.sqlite'}")
    ledger.upgrade()
    doing = partial(
        receive,
        spool=spool,
        ledger=ledger,
        headers=Part10Headers(children=1),
        configuration=lambda: configuration,
        clock=clock,
    )
    scp = StorageScp(
        Scp(port=port, network_timeout_s=60), receive=doing, spool=spool, ledger=ledger,
        configuration=lambda: configuration, clock=clock,
    )  # fmt: skip
    gc.freeze()  # as `preread scp` does
    scp.start()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    print("ready", flush=True)
    signal.pause()


if __name__ == "__main__":
    main()
