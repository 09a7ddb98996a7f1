"""What lies under `deploy/`, as the tests of this folder read it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# Of requirements-test.lock, as a dependency of pre-commit; the service itself reads no YAML.
import yaml  # type: ignore[import-untyped]  # no stubs are locked for tests alone

ROOT = Path(__file__).resolve().parents[3]
DEPLOY = ROOT / "deploy"
COMPOSE, GPU, DOCKERFILE = DEPLOY / "compose.yaml", DEPLOY / "compose.gpu.yaml", DEPLOY / "Dockerfile"

VARIABLE = re.compile(r"\bPREREAD_[A-Z0-9_]+\b")
_INTERPOLATED = re.compile(r"\$\{[A-Z_]+:-([^}]*)\}")


def read_yaml(file: Path) -> Any:
    return yaml.safe_load(file.read_text(encoding="utf-8"))


def services() -> dict[str, Any]:
    """The services of compose.yaml, with merge keys resolved."""
    found: dict[str, Any] = read_yaml(COMPOSE)["services"]
    return found


def ours() -> dict[str, Any]:
    """The services that run preread's own image."""
    return {name: service for name, service in services().items() if service["image"].startswith("preread:")}


def defaulted(value: object) -> str:
    """A value of compose.yaml with the defaults of its variables."""
    return _INTERPOLATED.sub(r"\1", str(value))


def documents() -> Iterator[Path]:
    """Every document of the repository that is written for people."""
    yield from ROOT.glob("*.md")
    yield from DEPLOY.rglob("*.md")


def files_under(folder: Path) -> Iterator[Path]:
    """Files of `folder` that are kept in the repository and are text."""
    for file in sorted(folder.rglob("*")):
        if file.is_file() and "secrets" not in file.parent.parts and file.suffix not in {".dcm", ".png"}:
            yield file
