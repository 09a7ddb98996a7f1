"""Edits as rows keep them, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from service.domain.edit import Edit, EditClass, Provenance

_BY_FORM = ("wrote", "findings")
"""What is said of an edit only where a form made it."""


def edit_row(edit: Edit) -> dict[str, Any]:
    row = asdict(edit)
    return row if edit.findings else {name: value for name, value in row.items() if name not in _BY_FORM}


def edit_of(row: Mapping[str, Any]) -> Edit:
    """Raises KeyError, ValueError and TypeError for what is no row of an edit."""
    classes = tuple(EditClass(name) for name in row["classes"])
    wrote = Provenance(row.get("wrote", Provenance.HUMAN))
    return Edit(**{**row, "classes": classes, "wrote": wrote, "findings": tuple(row.get("findings", ()))})
