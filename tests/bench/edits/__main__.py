"""Hold the classes of edits against those that a radiologist would give, on hand-written pairs of sentences.

    python -m tests.bench.edits
    python -m tests.bench.edits --part held_out --wrong

The pairs of one file were written, and set aside, before any of them was run; rules are changed on the other alone.
"Reword" counts where it is the only class: words change with any edit.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from service.domain.aligned import classes
from service.domain.edit import BESIDE, EditClass

HERE = Path(__file__).parent
PARTS = ("development", "held_out")


@dataclass(frozen=True)
class Pair:
    """Two sentences, the classes that a radiologist gives, and those that may be given or not."""

    before: str
    after: str
    wanted: frozenset[EditClass]
    allowed: frozenset[EditClass]

    @property
    def found(self) -> frozenset[EditClass]:
        given = frozenset(classes(self.before, self.after))
        return given - {EditClass.REWORD} or given


def pairs(part: str) -> Iterator[Pair]:
    for line in (HERE / f"{part}.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            names, before, after = (each.strip() for each in line.split("|"))
            given = names.split(",")
            wanted = frozenset(EditClass(name) for name in given if not name.startswith("("))
            allowed = frozenset(EditClass(name.strip("()")) for name in given if name.startswith("("))
            yield Pair(before, after, wanted, allowed)


def figures(part: str) -> dict[str, tuple[int, int, int]]:
    """Of each class: how often it was right, how often given, how often wanted."""
    right, given, wanted = Counter[str](), Counter[str](), Counter[str]()
    for pair in pairs(part):
        right.update(each.value for each in pair.found & pair.wanted)
        given.update(each.value for each in pair.found - pair.allowed)
        wanted.update(each.value for each in pair.wanted)
    return {
        each.value: (right[each.value], given[each.value], wanted[each.value])
        for each in EditClass
        if each not in BESIDE
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Precision and recall of the classes of edits.")
    parser.add_argument("--part", choices=PARTS)
    parser.add_argument("--wrong", action="store_true", help="show the pairs that are classed otherwise")
    asked = parser.parse_args()
    for part in [asked.part] if asked.part else PARTS:
        chosen = list(pairs(part))
        whole = sum(pair.wanted <= pair.found <= pair.wanted | pair.allowed for pair in chosen)
        print(f"{part}: {whole} of {len(chosen)} pairs as wanted")
        for name, (right, given, wanted) in figures(part).items():
            precision = f"{right / given:.2f}" if given else "   -"
            print(f"  {name:12} precision {precision}  recall {right / wanted:.2f}  ({right} of {wanted})")
        for pair in chosen if asked.wrong else ():
            if not pair.wanted <= pair.found <= pair.wanted | pair.allowed:
                print(f"  {sorted(pair.wanted)} not {sorted(pair.found)}: {pair.before} -> {pair.after}")


if __name__ == "__main__":
    main()
