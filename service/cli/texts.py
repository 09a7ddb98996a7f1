"""Report texts that a person points at."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from service.cli.show import Unknown

MOST_CHARACTERS = 100_000
TextFile = Annotated[Path, typer.Argument(metavar="FILE", help="The report as text in UTF-8; - reads standard input.")]


def text_of(file: Path) -> str:
    """Raises Unknown for a file that is none, is no text in UTF-8, or is longer than any report."""
    if str(file) == "-":
        text = sys.stdin.read(MOST_CHARACTERS + 1)
    elif not file.is_file():
        raise Unknown(f"there is no file {file}; name one with the report's text, or - for standard input")
    else:
        try:
            with file.open(encoding="utf-8-sig") as opened:
                text = opened.read(MOST_CHARACTERS + 1)
        except UnicodeDecodeError as error:
            raise Unknown(f"{file} is not text in UTF-8; save it as such") from error
    if len(text) > MOST_CHARACTERS:
        raise Unknown(f"{file} is longer than {MOST_CHARACTERS} characters: no report is; give one report a call")
    return text
