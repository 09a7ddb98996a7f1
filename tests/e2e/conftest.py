"""Whole installations: real Redis, real Triton (or the local engine), real Orthanc, DCMTK as sender."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from service.embedded import orthanc
from tests.support.installation import Installation, installed


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """`preread up` on SQLite with an Orthanc beside it, shared by the tests of one file."""
    need_orthanc_and_dcmtk()
    with Installation(tmp_path_factory.mktemp("installation")) as found:
        yield found


def need_orthanc_and_dcmtk() -> None:
    """Skip visibly where the real peers are not installed."""
    if orthanc.find() is None:
        pytest.skip("Orthanc is not installed")
    if not installed("dcmsend", "dsrdump", "dciodvfy"):
        pytest.skip("DCMTK or dicom3tools is not installed")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A fresh folder for a test's own files."""
    return tmp_path
