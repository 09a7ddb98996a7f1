"""Put 12 kinds of errors into clean reports and count what the rules find, and what they say of the clean ones.

    python -m tests.bench.quality
    python -m tests.bench.quality --part held-out --out figures.json

Clean are the hand-written reports but those that were written with errors (dictation, wet reads, addenda), each as it
is and once more with the sentences of its findings in another order. The AI reading beside them is the right one.
"""

from __future__ import annotations

import argparse
import json
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from service.domain.prose.side import Side
from service.domain.quality import VERSION
from service.domain.quality.case import Case, Seen
from service.domain.quality.inspect import RULES, inspect
from service.domain.quality.issue import Issue, Kind
from tests.bench.quality_errors import ERRORS, NAMES, Clean
from tests.bench.report_rules.held_out import CLEAN_PARTS, clean_part_of, part_of
from tests.bench.text_tasks.report_set import FOLDER, Report, read_set

DIRTY = frozenset(("dictation", "wet read", "addendum"))
PREVALENCE = 0.05
_OF_WOMEN = re.compile(
    r"\b(?:woman|female|she|her|Patientin|hysterectomy|mastectomy|breast|pregnan\w+|ovar\w+|uter\w+"
    r"|lady|Frau|Hysterektomie)\b",
    re.IGNORECASE,
)
_OF_MEN = re.compile(r"\b(?:man|male|he|his|prostat\w*|testi\w+|seminoma|Mann|61M)\b", re.IGNORECASE)
BODY = {
    part: part.upper()
    for part in ("chest", "abdomen", "head", "neck", "knee", "spine", "hand", "wrist", "ankle", "pelvis", "shoulder",
                 "breast", "leg")
}  # fmt: skip
MODALITIES = ("CT", "MR", "US")
PARTS = ("development", "held-out", *CLEAN_PARTS)


def clean_reports(part: str) -> list[Clean]:
    """The clean reports of a part, and a variant of each."""
    if part in CLEAN_PARTS:
        chosen = [each for each in read_set(FOLDER / "clean") if clean_part_of(each) == part]
    else:
        chosen = [each for each in read_set() if each.style not in DIRTY and part in ("all", part_of(each))]
    return [each for report in chosen for each in (_clean(report), _shuffled(_clean(report)))]


def questioned(issues: Sequence[Issue], *, hints: bool) -> tuple[Issue, ...]:
    """The alarms, and with `hints` the rest as well."""
    return tuple(issue for issue in issues if hints or issue.likely)


def measure(part: str) -> dict[str, dict[str, Any]]:
    """Recall per kind, alarms on clean reports, and the precision that follows at the prevalence, at both points."""
    clean = clean_reports(part)
    said = [inspect(case_of(each)) for each in clean]
    found = {kind: list(injected(kind, clean)) for kind in ERRORS}
    return {
        point: _figures(clean, [questioned(each, hints=hints) for each in said], found, hints=hints)
        for point, hints in (("alarms", False), ("alarms and hints", True))
    }


def _figures(
    clean: Sequence[Clean],
    before: Sequence[Sequence[Issue]],
    found: Mapping[str, Sequence[tuple[int, Sequence[Issue]]]],
    *,
    hints: bool,
) -> dict[str, Any]:
    recalled = {kind: (_right(each, before, hints=hints), len(each)) for kind, each in found.items()}
    alarmed = sum(bool(issues) for issues in before) / len(clean)
    shares = [right / of for right, of in recalled.values() if of]
    hit = sum(shares) / len(shares)
    kinds = {kind: sum(any(issue.kind == kind for issue in issues) for issues in before) for kind in ERRORS}
    return {
        "clean reports": len(clean),
        "alarms per 100 clean reports": 100 * sum(map(len, before)) / len(clean),
        "clean reports with an alarm": alarmed,
        "recall, mean of kinds": hit,
        "precision at 5 % prevalence": PREVALENCE * hit / (PREVALENCE * hit + (1 - PREVALENCE) * alarmed),
        "kinds": {
            kind: {"recall": right / of if of else None, "injected": of, "clean reports alarmed": kinds[kind]}
            for kind, (right, of) in recalled.items()
        },
    }


def case_of(clean: Clean) -> Case:
    """The case that the service would make of it."""
    seen = tuple(Seen(name=name, present=present, side=Side(side)) for name, present, side in clean.seen)
    return Case(
        text=clean.text, seen=seen, sex=clean.sex, modality=clean.modality, body_part=clean.body_part, prior=clean.prior
    )


def injected(kind: str, clean: Sequence[Clean]) -> Iterator[tuple[int, Sequence[Issue]]]:
    """What the rules of a kind say of each report that this error could be put into, with the report's number."""
    for number, each in enumerate(clean):
        wrong = ERRORS[kind](each, random.Random(f"{kind} {number}"))
        if wrong is not None:
            yield number, tuple(RULES[Kind(kind)](case_of(wrong)))


def recall(
    kind: str, clean: Sequence[Clean], before: Sequence[Sequence[Issue]], *, hints: bool = False
) -> tuple[int, int]:
    """How many of the errors of one kind were found, and how many were injected; `before`: what the clean ones say."""
    found = list(injected(kind, clean))
    return _right(found, before, hints=hints), len(found)


def _right(found: Sequence[tuple[int, Sequence[Issue]]], before: Sequence[Sequence[Issue]], *, hints: bool) -> int:
    known = [{issue.message for issue in issues} for issues in before]
    return sum(
        any((hints or issue.likely) and issue.message not in known[number] for issue in issues)
        for number, issues in found
    )


def _clean(report: Report) -> Clean:
    placed = {number: name for name, numbers in report.sections.items() for number in numbers}
    lines = tuple((placed.get(number, ""), line) for number, line in enumerate(report.lines, start=1))
    region, _, kind = report.kind.partition(" ")
    return Clean(
        report=report,
        lines=lines,
        seen=tuple(_seen(report)),
        sex=_sex(report),
        body_part=BODY.get(region, BODY.get(kind, "")),
        modality=next((each for each in MODALITIES if each in report.kind.split()), "DX"),
        prior=bool(report.prior or report.sections.get("comparison") or report.style == "comparison"),
    )


def _seen(report: Report) -> list[tuple[str, bool, str]]:
    """What a right AI reading has: the labels, with the side where the answers give one to that finding alone."""
    found = []
    for label, name in NAMES.items():
        state = report.labels[label]
        sides = {fact.side for fact in report.facts if fact.present and name in fact.findings}
        if state in ("present", "absent"):
            found.append((name, state == "present", sides.pop() if len(sides) == 1 and state == "present" else ""))
    return found


def _sex(report: Report) -> str:
    if _OF_WOMEN.search(report.text):
        return "F"
    return "M" if _OF_MEN.search(report.text) else random.Random(report.id).choice("FM")


def _shuffled(clean: Clean) -> Clean:
    """The sentences of each findings line in another order; the header stays where it is."""
    dice, made = random.Random(clean.report.id), clean
    for number in clean.having("findings"):
        head, colon, body = clean.lines[number][1].partition(": ")
        head, body = (f"{head}{colon}", body) if colon and len(head) < 30 else ("", clean.lines[number][1])
        said = re.split(r"(?<=[a-z)]\.) (?=[A-ZÄÖÜ])", body)
        dice.shuffle(said)
        made = made.line(number, head + " ".join(said))
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description="Count what the quality rules find.")
    parser.add_argument("--part", choices=PARTS, action="append", help="which reports; all of them by default")
    parser.add_argument("--out", type=Path, help="keep the figures as JSON")
    asked = parser.parse_args()
    made = {f"{part}, {point}": figures for part in asked.part or PARTS for point, figures in measure(part).items()}
    for part, found in made.items():
        print(f"quality rules {VERSION}, {part}:")
        for name, value in found.items():
            if name != "kinds":
                print(f"  {name:30} {value:.3g}")
        for kind, figures in found["kinds"].items():
            right = f"recall {figures['recall']:.2f} of {figures['injected']}"
            print(f"    {kind:28} {right}, clean reports alarmed {figures['clean reports alarmed']}")
    if asked.out:
        asked.out.write_text(json.dumps(made, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
