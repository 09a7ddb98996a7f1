"""Whole installations: real Redis, real Triton (or the local engine), real Orthanc, DCMTK as sender."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.embedded import orthanc
from tests.support.installation import installed


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
