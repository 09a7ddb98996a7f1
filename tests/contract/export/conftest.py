"""Exports run in a Python of their own, which PREREAD_EXPORT_PYTHON names; without it what needs one is skipped."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from service.adapters.exporter import export
from tests.support import tiny_told
from tests.support.installation import REPOSITORY

SCRIPT = REPOSITORY / "triton_models" / "export" / "main.py"


@pytest.fixture(scope="session")
def exporting_python() -> Path:
    """A Python with the extra `export`."""
    named = os.environ.get("PREREAD_EXPORT_PYTHON")
    if not named:
        pytest.skip("PREREAD_EXPORT_PYTHON names no Python with the extra `export`")
    return Path(named)


def made(layout: str, name: str, folder: Path, python: Path, **changed: object) -> tuple[Path, dict[str, object]]:
    """Export a tiny checkpoint of `layout` into a repository in `folder`; the model folder and its record."""
    checkpoint = folder / "checkpoints" / name
    if not checkpoint.exists():
        tiny_told.LAYOUTS[layout](checkpoint)
    job = {
        "checkpoint": str(checkpoint),
        "out": str(folder / "models" / name),
        "name": name,
        "licence": "mit",
        "source": "a test",
        "limits": {"modality": ["DX"]},
        **changed,
    }
    record = export(python, SCRIPT, job, say=print)
    return folder / "models" / name, dict(record)
