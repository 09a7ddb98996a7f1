"""Completions against the image: how many name what the picture does not show, and how many of those are unmarked.

    python -m tests.bench.completion_image [--count 40] [--seed 9101]

`preread up` with its defaults on SQLite, Triton with the demo model, frontal phantoms (synthetic, not patients) over
DICOM. Somebody writes, over HTTP, a report that the picture contradicts: the draft up to a finding that is absent, then
the first words of a sentence that says it is present; half of that sentence; the whole of it; or the whole of it and
the beginning of the conclusions. What comes back is judged by how the phantom was drawn, not by what the model read.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import httpx

from service.domain.report import Report, Section
from service.flow.record import read_report
from tests.bench.completion import said, signed_in
from tests.bench.rounds import machine
from tests.support.installation import Installation
from tests.support.phantoms import Phantom, dcmsend, phantoms
from workers.narrative.forms import FRONTAL, GRADES, SIDES, SIZES, TIPS, ZONES, Form, filled

EACH = 3
"""Absent findings of each phantom that are claimed."""
WAYS = ("opened", "half said", "said", "said, then concluded")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--count", type=int, default=40, help="phantoms (40)")
    parser.add_argument("--seed", type=int, default=9101)
    asked = parser.parse_args()
    print(f"{machine()}, seed {asked.seed}, {asked.count} phantoms")
    with tempfile.TemporaryDirectory() as folder:
        tell(measure(Path(folder), asked.seed, asked.count))


def measure(folder: Path, seed: int, count: int) -> dict[str, list[tuple[bool, bool]]]:
    """For each way of beginning, for each completion that says something: whether it is false, whether it is marked."""
    chance = random.Random(seed)
    found: dict[str, list[tuple[bool, bool]]] = {way: [] for way in WAYS}
    sent = phantoms(folder / "phantoms", seed=seed, count=count)
    with Installation(folder / "installation") as installation:
        dcmsend([phantom.file for phantom in sent], installation)
        installation.settle([phantom.study for phantom in sent], 600)
        with closing(signed_in(installation)) as browser:
            for phantom in sent:
                record = installation.record(phantom.study)
                report = read_report(record.jobs[0].report) if record else None
                if report is not None and not report.outcome.unread:
                    for way, false, marked in judged(browser, phantom, report, chance):
                        found[way].append((false, marked))
    return found


def judged(
    browser: httpx.Client, phantom: Phantom, report: Report, chance: random.Random
) -> Iterator[tuple[str, bool, bool]]:
    """Each way of claiming some of what the phantom does not show, and what the model made of it."""
    shown = {name for name, _ in phantom.findings}
    absent = [form for form in FRONTAL if form.name not in shown]
    for form in chance.sample(absent, min(EACH, len(absent))):
        for way, before, line in begun(report, form, chance):
            last = said(browser, f"/api/studies/{phantom.study}/completion", before + line)
            if last["text"]:
                yield way, is_false(line + last["text"], phantom), bool(last["unsupported"])


def begun(report: Report, form: Form, chance: random.Random) -> Iterator[tuple[str, str, str]]:
    """A way, everything before the line at the cursor, and that line; of a report that claims `form`."""
    lines = [each.text for each in report.sentences if each.section is Section.FINDINGS]
    at = next((at for at, text in enumerate(lines) if form.match(text)), len(lines))
    claim = claimed(form, chance)
    before = "".join(f"{line}\n" for line in ["Findings:", *lines[:at]])
    yield "opened", before, form.deciding(True)
    words = claim.split()
    yield "half said", before, " ".join(words[: max(len(form.deciding(True).split()), len(words) - 2)])
    yield "said", f"{before}{claim}\n", ""
    after = "".join(f"{line}\n" for line in lines[at + 1 :])
    yield "said, then concluded", f"{before}{claim}\n{after}Conclusions:\n", ""


def claimed(form: Form, chance: random.Random) -> str:
    """A sentence that says that it is present, somewhere."""
    words = {
        "side": SIDES, "size": SIZES, "grade": GRADES, "zone": ZONES, "tip": TIPS, "a": ["a"], "mm": ["12", "20", "35"],
    }  # fmt: skip
    return filled(form.present, {name: chance.choice(list(choice)) for name, choice in words.items()})


def is_false(sentence: str, phantom: Phantom) -> bool:
    """Whether it names, as present, what the phantom does not show, or not on that side."""
    return any(not is_shown(form, words.get("side"), phantom) for form, words in named(sentence))


def named(sentence: str) -> Iterator[tuple[Form, dict[str, str]]]:
    """What a sentence of the findings, or each item of the conclusions, says to be present."""
    for form in FRONTAL:
        if (found := form.match(sentence)) and found[0]:
            yield form, dict(found[1].groupdict())
        for item in sentence.rstrip(" .").split(","):
            low = item.strip()
            words = form.item_words(f"{low[:1].lower()}{low[1:]}")
            if words is not None:
                yield form, dict(words)


def is_shown(form: Form, side: str | None, phantom: Phantom) -> bool:
    sides = {where for name, where in phantom.findings if name == form.name}
    return bool(sides) and (side is None or side in sides or "" in sides)


def tell(found: dict[str, Sequence[tuple[bool, bool]]]) -> None:
    """Print a line for each way, and one for all."""
    for way, all_of_it in [*found.items(), ("all", [one for each in found.values() for one in each])]:
        false = [marked for is_it, marked in all_of_it if is_it]
        true = [marked for is_it, marked in all_of_it if not is_it]
        unmarked = false.count(False)
        print(
            f"{way}: {len(all_of_it)} completions, {len(false)} against the image, {unmarked} of them unmarked "
            f"({100 * unmarked / max(1, len(all_of_it)):.1f} %); {true.count(True)} of {len(true)} others marked"
        )


if __name__ == "__main__":
    main()
