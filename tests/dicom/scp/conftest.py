"""A receiver of an impatient house, and the ledger that it writes into."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dicom_nodes.scp.server import StorageScp
from tests.support.receiving import RecordingLedger, scp_for


@pytest.fixture
def ledger() -> RecordingLedger:
    return RecordingLedger()


@pytest.fixture
def scp(tmp_path: Path, ledger: RecordingLedger) -> Iterator[StorageScp]:
    with scp_for(tmp_path / "spool", ledger, network_timeout_s=2, acse_timeout_s=2) as made:
        yield made
