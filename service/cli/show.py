"""How commands print: a table for a person, JSON lines for a script."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.table import Table

from service.domain.errors import PrereadError

AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line, for scripts.")]
PIPED = 400
"""Columns of a table that no terminal bounds."""

# What is printed may come out of a header or a file name: nothing in it is markup.
console = Console(
    highlight=False, soft_wrap=True, markup=False, emoji=False, width=None if sys.stdout.isatty() else PIPED
)


class Unknown(PrereadError):
    """Nothing here is called so; the text says where the names stand."""


def rows(found: Iterable[Mapping[str, Any]], columns: Sequence[str], *, as_json: bool, empty: str = "nothing") -> None:
    """Print mappings as JSON lines with everything in them, or as a table of `columns`."""
    found = list(found)
    if as_json:
        for row in found:
            print(json.dumps(row, default=_plain, ensure_ascii=False))
        return
    if not found:
        console.print(f"({empty})")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(_heading(column, found), overflow="fold")
    for row in found:
        table.add_row(*[_cell(row.get(column, "")) for column in columns])
    console.print(table)


def when(instant: datetime | None, context: typer.Context) -> datetime | str:
    """An instant in the site's zone, which every verb speaks; empty for none."""
    return "" if instant is None else instant.astimezone(ZoneInfo(context.obj.site.zone))


def stamp(instant: datetime) -> str:
    """An instant to the second, for a line or a cell; its zone is named once, beside or above it."""
    return instant.strftime("%Y-%m-%d %H:%M:%S")


def as_json_line(value: object, context: typer.Context) -> str:
    """`value` as JSON; instants inside it as ISO 8601 in the site's zone, with its offset."""

    def plain(inner: object) -> object:
        return _plain(when(inner, context) if isinstance(inner, datetime) else inner)

    return json.dumps(value, default=plain, ensure_ascii=False)


def harmless(text: str) -> str:
    """`text` without what would command a terminal; headers of foreign objects come by here."""
    return "".join(sign if sign.isprintable() or sign in "\n\t" else "\N{REPLACEMENT CHARACTER}" for sign in text)


def _heading(column: str, found: Sequence[Mapping[str, Any]]) -> str:
    """A column's name; with the zone where it holds instants."""
    zones = {str(row[column].tzinfo) for row in found if isinstance(row.get(column), datetime)}
    return " ".join((column.replace("_", " "), *(f"({zone})" for zone in zones)))


def _cell(value: object) -> str:
    return stamp(value) if isinstance(value, datetime) else harmless(str(value))


def _plain(value: object) -> object:
    return value.isoformat(timespec="seconds") if isinstance(value, datetime) else str(value)
