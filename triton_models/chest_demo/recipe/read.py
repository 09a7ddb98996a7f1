"""Reports read back: which findings an answer states, how they compare with the truth, how sure the model was.

Needs the standard library alone; the service's algorithms read the same forms.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import tasks
from findings import Box, Finding

ZONE = r"(?:(?P<zone>upper|middle|lower|anterior|posterior) )?"
BOX = r"(?: \[(?P<box>\d{1,3} \d{1,3} \d{1,3} \d{1,3})\])?\."
SIDE, SIZE, GRADE = (
    r"(?P<side>right|left)",
    r"(?P<severity>small|moderate|large)",
    r"(?P<severity>mild|moderate|severe)",
)
PRESENT = (
    ("cardiomegaly", rf"There is {GRADE} cardiomegaly"),
    ("mediastinal widening", r"The mediastinum is widened"),
    ("pleural effusion", rf"There is a {SIZE} (?:{SIDE} )?pleural effusion"),
    ("pneumothorax", rf"There is a {SIZE} {SIDE} pneumothorax"),
    ("consolidation", rf"There is an? (?:{SIDE} )?{ZONE}(?:zone )?consolidation"),
    ("nodule", rf"There is a (?P<mm>\d{{1,3}}) mm nodule in the (?:{SIDE} )?{ZONE}(?:zone|lung)"),
    ("rib fracture", rf"There is a {SIDE} rib fracture"),
    ("central venous line", rf"A {SIDE} central venous line ends in the (?P<position>superior vena cava|right atrium)"),
    ("endotracheal tube", r"An endotracheal tube ends (?P<mm>\d{1,3}) mm above the carina"),
    ("emphysema", rf"There is {GRADE} emphysema"),
)  # fmt: skip
PATTERNS = tuple((name, re.compile(pattern + BOX)) for name, pattern in PRESENT)
WHOLE = re.compile(r"FINDINGS: (?P<findings>.*?) ?IMPRESSION: (?P<impression>.*)\.", re.DOTALL)
SENTENCE = re.compile(r"[^.\[]+(?:\[[^\]]*\])?[^.\[]*\.")
MM_EXACT = 2
"""Millimetres by which a size may be off in a report that counts as exact."""


@dataclass(frozen=True)
class Stated:
    """One sentence of a report."""

    text: str
    start: int
    """Where it begins in the answer."""
    finding: Finding | None
    """What it says is there; None for an absence or words that have no meaning here."""
    absent: str | None = None
    """The name of what it says is not there."""

    @property
    def decided(self) -> int:
        """Where presence is decided, as an end in the answer."""
        opening = next((each for each in tasks.DECIDED if self.text.startswith(each)), self.text)
        return self.start + len(opening)


def statements(answer: str) -> list[Stated]:
    """Return the sentences of a report's findings."""
    whole = WHOLE.search(answer)
    body, offset = (whole["findings"], whole.start("findings")) if whole else (answer, 0)
    made = []
    for match in SENTENCE.finditer(body):
        text = match[0].strip()
        start = offset + match.start() + len(match[0]) - len(match[0].lstrip())
        absent = next((name for name, words in tasks.ABSENT.items() if words == text), None)
        made.append(Stated(text, start, _finding(text), absent))
    return made


def _finding(text: str) -> Finding | None:
    for name, pattern in PATTERNS:
        if found := pattern.fullmatch(text):
            words = found.groupdict()
            mm = words.pop("mm", None)
            return Finding(name, box=box(words.pop("box")), mm=int(mm) if mm else None, **words)
    return None


def box(text: str | None) -> Box | None:
    """Return the box in `text`, or None where it is malformed: never a wrong one."""
    if text is None:
        return None
    x0, y0, x1, y1 = (int(number) for number in text.split())
    return (x0, y0, x1, y1) if x0 <= x1 < tasks.BINS and y0 <= y1 < tasks.BINS else None


def found(answer: str) -> list[Finding]:
    """Return what a report says is there."""
    return [stated.finding for stated in statements(answer) if stated.finding]


def paired(
    told: Iterable[Finding], there: Iterable[Finding]
) -> tuple[list[tuple[Finding, Finding]], list[Finding], list[Finding]]:
    """Return pairs (told, there) by name and side, then what was invented, then what was missed."""
    left = list(there)
    pairs, invented = [], []
    for finding in told:
        match = next((each for each in left if each.place == finding.place), None)
        if match is None:
            invented.append(finding)
            continue
        left.remove(match)
        pairs.append((finding, match))
    return pairs, invented, left


def exact(told: Sequence[Finding], there: Sequence[Finding]) -> bool:
    """Return whether all is said and nothing else, boxes aside, sizes within MM_EXACT."""
    pairs, invented, missed = paired(told, there)
    return not invented and not missed and all(_alike(*pair) for pair in pairs)


def _alike(told: Finding, there: Finding) -> bool:
    words = all(getattr(told, name) == getattr(there, name) for name in ("zone", "severity", "position"))
    return words and abs((told.mm or 0) - (there.mm or 0)) <= MM_EXACT


def overlap(one: Box | None, other: Box | None) -> float:
    """Return the intersection over union of two boxes, both ends inside; 0 where one is missing."""
    if one is None or other is None:
        return 0.0
    across = min(one[2], other[2]) - max(one[0], other[0]) + 1
    down = min(one[3], other[3]) - max(one[1], other[1]) + 1
    shared = max(0, across) * max(0, down)
    areas = [(each[2] - each[0] + 1) * (each[3] - each[1] + 1) for each in (one, other)]
    return shared / (sum(areas) - shared)


def certainty(stated: Stated, pieces: Sequence[tuple[str, float]]) -> float:
    """Return the natural log of the probability of a sentence's tokens up to where presence is decided.

    `pieces` are the answer's texts in order, each with the sum of its tokens' log-probabilities.
    """
    at, total = 0, 0.0
    for text, logprob in pieces:
        blank = len(text) - len(text.lstrip())
        if stated.start <= at + blank < stated.decided:
            total += logprob
        at += len(text)
    return total
