"""Measured on real files beside computed apart, as a table: `python -m tests.evidence [--markdown FILE]`.

The files are those of PREREAD_TEST_DATA. Ends with 1 if a value differs.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.support.measured import Compared, Measurer, real_series

HEAD = """# What is measured on real images, computed twice

Written by `PREREAD_TEST_DATA=FOLDER python -m tests.evidence --markdown deploy/docs/evidence.md`; the test is
`tests/unit/workers/measures/test_recomputed.py`. Ours: the service's header reader, bounded decoder and measures.
Apart: GDCM reads and decodes (through SimpleITK) and numpy counts; nothing of the service is in between. The files are
published test files, not patients.

| series | images | spacing, thickness (mm) | remarks | mean, deviation, median (HU), voxels | differs apart |
|---|---|---|---|---|---|
"""


def main(arguments: Sequence[str]) -> int:
    measurer = Measurer()
    try:
        compared = [measurer.compared(*one) for one in real_series(Path(os.environ["PREREAD_TEST_DATA"]))]
    finally:
        measurer.close()
    table = HEAD + "".join(f"| {' | '.join(_cells(one))} |\n" for one in compared)
    if arguments[:1] == ["--markdown"]:
        Path(arguments[1]).write_text(table, encoding="utf-8")
    print(table)
    return int(any(one.differing for one in compared))


def _cells(one: Compared) -> tuple[str, ...]:
    ours = one.ours
    sizes = [f"{ours[name]:g}" if ours.get(name) else "none" for name in ("spacing_between_mm", "thickness_mm")]
    units = [f"{ours[name]:g}" for name in ("mean", "standard deviation", "median") if name in ours]
    return (
        f"`{one.name}`",
        str(ours.get("images", "–")),
        ", ".join(sizes) if ours else "–",
        ", ".join(ours["faults"]) or "none" if ours else f"refused: {one.refused.split(':')[0].rstrip('.')}",
        ", ".join([*units, str(ours["voxels"])]) if units else "–" if not one.refused else f"refused: {one.refused}",
        ", ".join(one.differing) or "nothing",
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
