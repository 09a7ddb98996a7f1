"""Every kind of object from every source before every judge, as a table: `./run.sh validate [--slow] [ROLE ...]`.

Real images are read from the folder that PREREAD_TEST_DATA names. Ends with 1 if a judge found an error that is not
explained. PixelMed takes half a minute for each document; --slow hears it, too, of all but the character sets.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from dicom_nodes.objects import encoders
from tests.support.judged_table import Row, as_markdown, as_table
from tests.support.judging import Archive, NotApplicable, archive, encoded, judged
from tests.support.sources import Source, charsets, real, synthetic


def main(arguments: list[str]) -> int:
    options = _options(arguments)
    console = Console(width=160)
    with tempfile.TemporaryDirectory() as name, archive(Path(name)) as kept:
        rows = [
            _row(role, source, Path(name), kept, slow=slow)
            for source, slow in _sources(Path(name), slow=options.slow)
            for role in options.roles or encoders()
        ]
    console.print(as_table(rows))
    if options.markdown:
        options.markdown.write_text(as_markdown(rows))
    wrong = [line for row in rows for line in row.wrong]
    for line in wrong:
        console.print(line, style="red", markup=False)
    return 1 if wrong else 0


def _sources(folder: Path, *, slow: bool) -> Iterator[tuple[Source, bool]]:
    """Synthetic ones, and those of PREREAD_TEST_DATA, each with whether slow judges are heard of it."""
    yield from ((source, slow) for source in synthetic(folder))
    if data := os.environ.get("PREREAD_TEST_DATA"):
        yield from ((source, slow) for source in real(Path(data)))
        yield from ((source, False) for source in charsets(Path(data)))


def _row(role: str, source: Source, folder: Path, kept: Archive | None, *, slow: bool) -> Row:
    encoder = encoders()[role]
    try:
        part10 = encoded(encoder, source)
    except NotApplicable as why:
        return Row(role, source.name, why_not=str(why) or "nothing to say")
    return Row(role, source.name, tuple(judged(part10, encoder, source, folder, kept, slow=slow)))


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./run.sh validate", description=__doc__)
    parser.add_argument("--slow", action="store_true", help="hear PixelMed, too")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table as a document, too")
    parser.add_argument("roles", nargs="*", choices=[[], *encoders()], metavar="ROLE", help="only these objects")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
