"""Errors put into clean reports, one kind at a time, for `tests.bench.quality`.

Nothing of the rules that look for them is used here: neither their words nor their readers. What is right is known from
the answers that were written with the reports.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from tests.bench.text_tasks.report_set import Report

NAMES = {
    "Cardiomegaly": "cardiomegaly", "Enlarged Cardiomediastinum": "mediastinal widening", "Edema": "edema",
    "Consolidation": "consolidation", "Pneumonia": "pneumonia", "Atelectasis": "atelectasis",
    "Pneumothorax": "pneumothorax", "Pleural Effusion": "pleural effusion", "Fracture": "fracture",
}  # fmt: skip
"""Labels that an AI reading has, by the names that findings have."""


@dataclass(frozen=True, kw_only=True)
class Clean:
    """A report without an error, and what is known beside it. `seen`: finding, present, side."""

    report: Report
    lines: tuple[tuple[str, str], ...]
    """(section, line), in order; an empty section for a line that no rule places."""
    seen: tuple[tuple[str, bool, str], ...]
    sex: str
    body_part: str
    modality: str
    prior: bool

    @property
    def text(self) -> str:
        return "\n".join(line for _, line in self.lines)

    def having(self, section: str) -> list[int]:
        return [number for number, (name, _) in enumerate(self.lines) if name == section]

    def line(self, number: int, text: str) -> Clean:
        lines = [(name, text if at == number else line) for at, (name, line) in enumerate(self.lines)]
        return replace(self, lines=tuple(lines))

    def added(self, section: str, sentence: str) -> Clean | None:
        """With one more sentence at the end of a section."""
        where = self.having(section)
        if not where:
            return None
        line = self.lines[where[-1]][1].rstrip()
        return self.line(where[-1], f"{line}{'' if line.endswith(('.', ':', '!', '?')) else '.'} {sentence}")


Injector = Callable[[Clean, random.Random], Clean | None]
"""Returns None for a report that this error cannot be put into."""

_SWAP = {
    "left": "right",
    "right": "left",
    "Left": "Right",
    "Right": "Left",
    "LEFT": "RIGHT",
    "RIGHT": "LEFT",
    "links": "rechts",
    "rechts": "links",
    "linken": "rechten",
    "rechten": "linken",
}
_SIDE = re.compile(rf"\b(?:{'|'.join(_SWAP)})\b")


def laterality(clean: Clean, dice: random.Random) -> Clean | None:
    """The side of a finding in the impression turned around, where the findings give it one side only."""
    one_sided = {side for name, present, side in clean.seen if present and side}
    told = " ".join(clean.lines[number][1] for number in clean.having("findings"))
    for number in clean.having("impression"):
        line = clean.lines[number][1]
        found = _SIDE.search(line)
        if found and len(one_sided) == 1 and found[0] in told.replace(found[0].capitalize(), found[0]):
            return clean.line(number, line[: found.start()] + _SWAP[found[0]] + line[found.end() :])
    return None


_DENIED = {"pneumothorax": "pneumothorax", "pleural effusion": "effusion", "consolidation": "consolidation"}
_STATED = frozenset(("pneumothorax", "pleural effusion", "fracture", "edema"))


def negation(clean: Clean, dice: random.Random) -> Clean | None:
    """A denial without its "no", of a finding known to be absent; or one denied that is known to be there."""
    german = clean.report.language == "de"
    for name, present, _ in clean.seen:
        word = {"pneumothorax": "pneumothorax", "pleural effusion": "effusion", "consolidation": "consolidation"}.get(
            name
        )
        for number in clean.having("findings") if word and not german else []:
            line = clean.lines[number][1]
            denied = re.search(rf"\b(No|no|NO) (?={word}\b(?! or| and|,| of))", line, re.IGNORECASE)
            if not present and denied:
                return clean.line(number, line[: denied.start()] + line[denied.end() :])
    stated = [
        name
        for name, present, _ in clean.seen
        if present and name in {"pneumothorax", "pleural effusion", "fracture", "edema"}
    ]
    if not stated or german:
        return None
    return clean.added("findings", f"There is no {dice.choice(stated)}.")


def missing_finding(clean: Clean, dice: random.Random) -> Clean | None:
    """The AI reading sees one more, of which the report says nothing at all."""
    silent = [NAMES[label] for label in NAMES if clean.report.labels[label] == "not mentioned"]
    hidden = {"consolidation", "pneumonia", "atelectasis", "edema", "mediastinal widening"}
    alone = [name for name in silent if name not in hidden]
    if not alone or clean.body_part != "CHEST":
        return None
    return replace(clean, seen=(*clean.seen, (dice.choice(alone), True, "left")))


def impression(clean: Clean, dice: random.Random) -> Clean | None:
    """A finding in the impression alone; one that is known to be there, denied; or the examination called normal."""
    present = {name for name, there, _ in clean.seen if there}
    new = [
        (name, said)
        for name, said in (
            ("pneumothorax", "Large right pneumothorax."),
            ("fracture", "Acute fracture of the left sixth rib."),
            ("pleural effusion", "Moderate left pleural effusion."),
        )
        if clean.report.labels[_label(name)] in ("absent", "not mentioned")
    ]
    if not clean.having("findings") or clean.report.language == "de":
        return None
    choices = [said for _, said in new] + [
        f"No {name}." for name in sorted(present & {"pneumothorax", "pleural effusion", "cardiomegaly"})
    ]
    return clean.added("impression", dice.choice(choices)) if choices else None


def device(clean: Clean, dice: random.Random) -> Clean | None:
    """A device in the impression that nobody described; one in an impossible place; one there and gone."""
    known = {name for name, _ in clean.report.devices}
    added = [
        said
        for name, said in (
            ("pacemaker", "Pacemaker in place."),
            ("tracheostomy", "Tracheostomy tube in situ."),
            ("nasogastric tube", "Nasogastric tube in place."),
        )
        if name not in known
    ]
    wrong = [
        ("endotracheal tube", "The endotracheal tube tip projects over the stomach."),
        ("nasogastric tube", "The nasogastric tube ends in the superior vena cava."),
        ("endotracheal tube", "The endotracheal tube ends 3 cm below the carina."),
    ]
    placed = [said for name, said in wrong if name not in known]
    way = dice.choice(("added", "placed", "gone"))
    if way == "added" and added:
        return clean.added("impression", dice.choice(added))
    if way == "placed" and placed:
        return clean.added("findings", dice.choice(placed))
    if "pacemaker" in known:
        return clean.added("findings", "No pacemaker.")
    there = clean.added("findings", "A left pacemaker is present.")
    return there.added("findings", "The pacemaker has been removed.") if there else None


def measurement(clean: Clean, dice: random.Random) -> Clean | None:
    """A size that the impression gives otherwise, one without its unit, one in a unit of something else."""
    number = dice.choice((7, 9, 12, 14, 18))
    way = dice.choice(("sections", "unit", "kind"))
    if way == "sections":
        there = clean.added("findings", f"A nodule in the right upper lobe measures {number} mm.")
        return there.added("impression", f"Right upper lobe nodule of {number} cm.") if there else None
    said = {
        "unit": f"A {number} nodule lies in the left lower lobe.",
        "kind": f"A nodule of {number} kg lies in the left lower lobe.",
    }[way]
    return clean.added("findings", said)


def value(clean: Clean, dice: random.Random) -> Clean | None:
    """A number that no body has."""
    said = (
        "A pulmonary nodule measures 90 cm.",
        "The cardiothoracic ratio is 5.2.",
        "The endotracheal tube ends 35 cm above the carina.",
        "The lesion has a density of 9000 HU.",
        "The right 15th rib is broken.",
        "Loss of height of 140 %.",
        "A calculus of 300 mm is seen.",
    )
    return clean.added("findings", dice.choice(said))


def comparison(clean: Clean, dice: random.Random) -> Clean | None:
    """A word of change in a report of a patient without any earlier study."""
    if clean.prior:
        return None
    said = (
        "This is unchanged from the prior study.",
        "The appearance has improved.",
        "Interval worsening of the changes at the bases.",
        "Stable appearance of the hila.",
        "The changes have increased since the last examination.",
    )
    german = ("Im Vergleich zur Voraufnahme unverändert.", "Der Befund ist rückläufig.")
    return clean.added("findings", dice.choice(german if clean.report.language == "de" else said))


def anatomy(clean: Clean, dice: random.Random) -> Clean | None:
    """An organ of the other sex, or one that this examination does not show."""
    other = {"F": "The prostate is enlarged.", "M": "The uterus contains a fibroid."}[clean.sex]
    away = {
        "CHEST": "The menisci of the knee are intact.",
        "HEAD": "The small bowel is not dilated.",
        "ABDOMEN": "The patella is intact.",
    }
    said = other if dice.random() < 0.5 or clean.body_part not in away else away[clean.body_part]
    return clean.added("findings", said)


def section(clean: Clean, dice: random.Random) -> Clean | None:
    """All lines of findings or impression left out, of a report that has both."""
    if not clean.having("findings") or not clean.having("impression") or len(clean.text.split()) < 30:
        return None
    name = dice.choice(("findings", "impression"))
    kept = tuple(line for line in clean.lines if line[0] != name)
    return (
        replace(clean, lines=kept)
        if any(name in ("findings", "impression") for name, _ in kept) and _headed(kept)
        else None
    )


def typo(clean: Clean, dice: random.Random) -> Clean | None:
    """One slip in a word of seven letters or more: two swapped, one dropped, doubled or wrong; or a homophone."""
    for number in dice.sample(clean.having("findings"), len(clean.having("findings"))):
        line = clean.lines[number][1]
        heard = re.search(r"\b(?:pleural|no) (?=effusion)", line)
        if heard and dice.random() < 0.3:
            meant = {"pleural ": "plural ", "no ": "know "}[heard[0]]
            return clean.line(number, line[: heard.start()] + meant + line[heard.end() :])
        words = [
            each
            for each in re.finditer(r"\b[^\W\d_]{7,}\b", line)
            if not each[0].isupper() and not line[each.end() :].startswith(":")
        ]
        if words:
            word = dice.choice(words)
            return clean.line(number, line[: word.start()] + _slipped(word[0], dice) + line[word.end() :])
    return None


def required_field(clean: Clean, dice: random.Random) -> Clean | None:
    """A template's placeholder that is still there."""
    said = (
        "The nodule measures [ ] mm.",
        "Size: ___ mm.",
        "Findings were discussed with Dr. *** at 14:00.",
        "Lungs: <free text>.",
        "[side] effusion.",
        "The largest node measures XX mm.",
    )
    return clean.added(dice.choice(("findings", "impression")), dice.choice(said))


ERRORS: dict[str, Injector] = {
    "laterality": laterality,
    "negation": negation,
    "missing finding": missing_finding,
    "impression against findings": impression,
    "device": device,
    "measurement and unit": measurement,
    "implausible value": value,
    "comparison without prior": comparison,
    "sex and anatomy": anatomy,
    "section missing": section,
    "typo": typo,
    "required field": required_field,
}


def _label(name: str) -> str:
    return next(label for label, finding in NAMES.items() if finding == name)


def _headed(lines: tuple[tuple[str, str], ...]) -> bool:
    return any(re.match(r"\W*[A-Za-zÄÖÜäöü ]{3,25}:", line) for _, line in lines)


def _slipped(word: str, dice: random.Random) -> str:
    at = dice.randrange(1, len(word) - 2)
    way = dice.choice(("swap", "drop", "double", "wrong"))
    if way == "swap" and word[at] != word[at + 1]:
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    if way == "drop":
        return word[:at] + word[at + 1 :]
    if way == "wrong":
        return word[:at] + ("x" if word[at] != "x" else "z") + word[at + 1 :]
    return word[:at] + word[at] + word[at:]
