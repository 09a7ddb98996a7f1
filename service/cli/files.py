"""Files that a person points at."""

from __future__ import annotations

from pathlib import Path


def files_under(path: Path) -> list[Path]:
    """Every file under a folder, or the file itself, in order of name; what a desktop hides is left out."""
    if path.is_file():
        return [path]
    return sorted(file for file in path.rglob("*") if file.is_file() and not file.name.startswith("."))
