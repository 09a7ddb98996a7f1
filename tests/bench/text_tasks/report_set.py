"""The reports of `tests/bench/reports` with their right answers; the README beside them has the rules."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.text_tasks.words import FINDINGS

FOLDER = Path(__file__).resolve().parents[1] / "reports"

LABELS = (
    "Enlarged Cardiomediastinum",
    "Cardiomegaly",
    "Lung Opacity",
    "Lung Lesion",
    "Edema",
    "Consolidation",
    "Pneumonia",
    "Atelectasis",
    "Pneumothorax",
    "Pleural Effusion",
    "Pleural Other",
    "Fracture",
    "Support Devices",
    "No Finding",
)
STATED = ("present", "absent", "uncertain")
NOT_MENTIONED = "not mentioned"
SECTIONS = ("indication", "technique", "comparison", "findings", "impression")
DEVICES = (
    "endotracheal tube",
    "tracheostomy",
    "central venous line",
    "port",
    "pacemaker",
    "chest tube",
    "nasogastric tube",
    "drain",
    "sternal wires",
    "valve",
    "stent",
)
DEVICE_STATES = ("present", "removed", "malpositioned")
COMPARED = (
    "cardiomegaly",
    "mediastinal widening",
    "pleural effusion",
    "pneumothorax",
    "consolidation",
    "atelectasis",
    "edema",
    "nodule",
    "fracture",
)
CHANGES = ("new", "resolved", "improved", "worse", "stable")
SIDES = ("", "right", "left", "both")

_REPORT = frozenset({"id", "language", "kind", "style", "text", "prior", "gold"})
_GOLD = frozenset({*STATED, "sections", "loose", "devices", "facts", "change"})


class BadReport(ValueError):
    """A report of the set that breaks its rules; the text says which and where."""


@dataclass(frozen=True)
class Fact:
    """What a right impression says."""

    findings: tuple[str, ...]
    """Any of these words for it will do."""
    side: str = ""
    """One of SIDES; empty where it has none, or where it does not matter."""
    present: bool = True


@dataclass(frozen=True)
class Report:
    """One report and the right answers to each task."""

    id: str
    language: str
    kind: str
    style: str
    lines: tuple[str, ...]
    prior: str
    """The report of the former examination; empty without one."""
    labels: Mapping[str, str]
    """Every one of LABELS."""
    sections: Mapping[str, tuple[int, ...]]
    """Line numbers, from 1."""
    loose: frozenset[int]
    """Lines that no rule places; they are not scored."""
    devices: frozenset[tuple[str, str]]
    facts: tuple[Fact, ...]
    change: Mapping[str, str]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def section(self, name: str) -> str:
        """Return the lines of one section."""
        return "\n".join(self.lines[number - 1] for number in self.sections.get(name, ()))

    @property
    def without_impression(self) -> str:
        """The report as it stands before anybody concludes: no impression, no addendum after it."""
        impression = self.sections.get("impression", ())
        after = {number for number in self.loose if impression and number > max(impression)}
        kept = (line for number, line in enumerate(self.lines, 1) if number not in {*impression, *after})
        return "\n".join(kept)


def read_set(folder: Path = FOLDER) -> tuple[Report, ...]:
    """Return the reports of every file in `folder`, by file and place; raises BadReport."""
    reports = tuple(report for file in sorted(folder.glob("*.toml")) for report in _reports(file))
    ids = [report.id for report in reports]
    if twice := sorted({name for name in ids if ids.count(name) > 1}):
        raise BadReport(f"ids that stand twice: {', '.join(twice)}")
    return reports


def _reports(file: Path) -> Iterator[Report]:
    for entry in tomllib.loads(file.read_text(encoding="utf-8"))["report"]:
        try:
            yield parse(entry)
        except (BadReport, KeyError) as error:
            raise BadReport(f"{file.name}, {entry.get('id', 'a report without id')}: {error}") from error


def parse(entry: Mapping[str, Any]) -> Report:
    """Return the report that one table of a file describes; raises BadReport."""
    gold = entry["gold"]
    _known("fields", entry, _REPORT)
    _known("gold fields", gold, _GOLD)
    lines = tuple(entry["text"].strip("\n").split("\n"))
    if not all(line.strip() for line in lines):
        raise BadReport("has a blank line")
    if ("prior" in entry) != ("change" in gold):
        raise BadReport("`prior` and `change` come together")
    report = Report(
        id=entry["id"],
        language=entry["language"],
        kind=entry["kind"],
        style=entry["style"],
        lines=lines,
        prior=entry.get("prior", "").strip("\n"),
        labels=_labels(gold),
        sections={name: tuple(numbers) for name, numbers in gold["sections"].items()},
        loose=frozenset(gold.get("loose", ())),
        devices=_devices(gold.get("devices", {})),
        facts=tuple(_fact(words) for words in gold.get("facts", ())),
        change=gold.get("change", {}),
    )
    _placed(report)
    _known("findings compared", report.change, COMPARED)
    _known("changes", report.change.values(), CHANGES)
    if report.facts and not report.sections.get("findings"):
        raise BadReport("has facts for an impression, but no findings to conclude from")
    return report


def _labels(gold: Mapping[str, Any]) -> dict[str, str]:
    stated = [(label, state) for state in STATED for label in gold.get(state, ())]
    _known("labels", (label for label, _ in stated), LABELS)
    if len(dict(stated)) != len(stated):
        raise BadReport("a label stands twice")
    return {label: dict(stated).get(label, NOT_MENTIONED) for label in LABELS}


def _devices(gold: Mapping[str, list[str]]) -> frozenset[tuple[str, str]]:
    _known("states of devices", gold, DEVICE_STATES)
    devices = frozenset((device, state) for state, found in gold.items() for device in found)
    _known("devices", (device for device, _ in devices), DEVICES)
    return devices


def _fact(words: str) -> Fact:
    """Return the fact in `words`: "no pneumothorax", "pneumonia/consolidation, right"."""
    named, _, side = words.partition(", ")
    findings = tuple(named.removeprefix("no ").split("/"))
    _known("findings", findings, FINDINGS)
    _known("sides", [side], SIDES)
    return Fact(findings, side, present=not named.startswith("no "))


def _placed(report: Report) -> None:
    """Every line stands once: in one section, or among the loose ones."""
    _known("sections", report.sections, SECTIONS)
    placed = sorted([*(number for numbers in report.sections.values() for number in numbers), *report.loose])
    if placed != list(range(1, len(report.lines) + 1)):
        raise BadReport(f"places the lines {placed}, and has {len(report.lines)}: each must be placed once")


def _known(what: str, found: Iterable[str], known: Iterable[str]) -> None:
    if unknown := sorted(set(found) - set(known)):
        raise BadReport(f"unknown {what}: {', '.join(unknown)}")
