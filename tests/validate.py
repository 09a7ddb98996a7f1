"""Every kind of object from every source before every judge, as a table: `./run.sh validate [--slow] [ROLE ...]`.

Real images are read from the folder that PREREAD_TEST_DATA names. Ends with 1 if a judge found an error that is not
explained. PixelMed takes half a minute for each document; --slow hears it, too.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

from dicom_nodes.objects import encoders
from tests.support.judging import Archive, NotApplicable, Verdict, archive, encoded, judged
from tests.support.sources import Source, charsets, real, synthetic

JUDGES = ("gate", "dciodvfy", "text", "dsrdump", "dsr2html", "PixelMed", "Orthanc DIMSE", "Orthanc DICOMweb")


def main(arguments: list[str]) -> int:
    options = _options(arguments)
    console = Console(width=160)
    table = Table("object", "source", *JUDGES)
    wrong: list[str] = []
    with tempfile.TemporaryDirectory() as name, archive(Path(name)) as kept:
        for source in sources(Path(name)):
            for role in options.roles or encoders():
                _row(table, wrong, role, source, Path(name), kept, slow=options.slow)
    console.print(table)
    for line in wrong:
        console.print(line, style="red", markup=False)
    return 1 if wrong else 0


def sources(folder: Path) -> Iterator[Source]:
    """Synthetic ones, and those of PREREAD_TEST_DATA."""
    yield from synthetic(folder)
    if data := os.environ.get("PREREAD_TEST_DATA"):
        yield from real(Path(data))
        yield from charsets(Path(data))


def _row(
    table: Table, wrong: list[str], role: str, source: Source, folder: Path, kept: Archive | None, *, slow: bool
) -> None:
    encoder = encoders()[role]
    try:
        part10 = encoded(encoder, source)
    except NotApplicable as why:
        table.add_row(role, source.name, str(why) or "nothing to say")
        return
    verdicts = {each.judge: each for each in judged(part10, encoder, source, folder, kept, slow=slow)}
    table.add_row(role, source.name, *(str(verdicts.get(judge, "–")) for judge in JUDGES))
    wrong += [f"{role}, {source.name}, {line}" for line in _complaints(list(verdicts.values()))]


def _complaints(verdicts: list[Verdict]) -> Iterator[str]:
    for verdict in verdicts:
        for error in verdict.errors:
            yield f"{verdict.judge}: {error}"


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./run.sh validate", description=__doc__)
    parser.add_argument("--slow", action="store_true", help="hear PixelMed, too")
    parser.add_argument("roles", nargs="*", choices=[[], *encoders()], metavar="ROLE", help="only these objects")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
