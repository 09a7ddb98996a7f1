"""Which known key somebody meant who wrote an unknown one."""

from __future__ import annotations

from difflib import get_close_matches

from service.adapters.configuration.shape import every_table

ALIKE = 0.8
"""difflib's ratio from which on two keys are taken for the same word."""


def meant(key: str) -> str:
    """The known key that is written nearly as the last part of `key`, as a question; empty if there is none."""
    written = key.rpartition(".")[2]
    known = {field for table in every_table() for field in table.model_fields} - {written}
    near = get_close_matches(written, sorted(known), 1, ALIKE)
    return f" (is {near[0]} meant?)" if near else ""
