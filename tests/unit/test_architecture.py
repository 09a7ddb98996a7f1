"""The straight line of imports is held, and a planted wrong import is caught."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("service", "dicom_nodes", "workers")


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=110, check=False
    )


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the packages, to plant in."""
    folder = tmp_path_factory.mktemp("house")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__", "static"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


@pytest.mark.parametrize(
    ("room", "line", "contract"),
    [
        ("service/domain/planted.py", "import celery", "The domain knows no technology"),
        ("service/flow/planted.py", "import workers.lanes", "One straight line"),
        ("service/web/planted.py", "import dicom_nodes.nodes", "One straight line"),
        ("workers/planted.py", "import pynetdicom", "pynetdicom and highdicom in dicom_nodes"),
    ],
)
def test_a_planted_wrong_import_is_caught(house: Path, room: str, line: str, contract: str) -> None:
    planted = house / room
    planted.write_text(f'"""Planted."""\n\n{line}\n')
    try:
        found = lint(house)
    finally:
        planted.unlink()
    assert found.returncode == 1
    broken = [said for said in found.stdout.splitlines() if said.endswith("BROKEN")]
    assert any(contract in said for said in broken), found.stdout


def test_no_module_below_the_command_line_is_an_entry() -> None:
    entries = [path for package in ("workers", "dicom_nodes") for path in (ROOT / package).rglob("__main__.py")]
    assert entries == []


def test_nobody_but_settings_and_the_embedded_parts_reads_the_environment() -> None:
    readers = {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if "os.environ" in path.read_text(encoding="utf-8")
    }
    allowed = ("service/embedded/", "service/cli/", "service/adapters/bounded")
    assert [reader for reader in readers if not reader.startswith(allowed)] == []
