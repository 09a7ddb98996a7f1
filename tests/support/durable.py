"""What a house says that it has, held against what its senders were told."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from pydicom.uid import UID

from service.adapters.ledger import SqlLedger
from service.adapters.spool_files import FileSpool
from service.domain.study import StoredInstance


def missing(house: Path, acknowledged: Iterable[UID]) -> list[UID]:
    """Those without a row, or whose bytes in the spool are not those of the row."""
    ledger, spool = SqlLedger(f"sqlite:///{house / 'ledger.sqlite'}"), FileSpool(house / "spool")
    found = [one for one in acknowledged if (known := ledger.find_instance(one)) is None or not whole(spool, known)]
    ledger.close()
    return found


def whole(spool: FileSpool, known: StoredInstance) -> bool:
    """Whether the bytes in the spool are those of the row."""
    with spool.open(known.location) as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == known.sha256
