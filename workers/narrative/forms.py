"""The sentences that the demo model writes of each view, and what each of them states, in codes.

A template's `{slot}` is one of the words below. The same table reads a sentence, its item in the impression, and how
much of the sentence has been said once presence is decided.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from service.domain import code
from service.domain.code import Code

SIDES = {"right": code.RIGHT, "left": code.LEFT}
SIZES = {"small": code.MILD, "moderate": code.MODERATE, "large": code.SEVERE}
"""How much there is, as the severity of CID 3716: one value set for every finding."""
GRADES = {"mild": code.MILD, "moderate": code.MODERATE, "severe": code.SEVERE}
ZONES = {"upper": code.UPPER_ZONE, "middle": code.MIDDLE_ZONE, "lower": code.LOWER_ZONE}
DEPTHS = {"anterior": code.ANTERIOR, "posterior": code.POSTERIOR}
TIPS = {"superior vena cava": code.SUPERIOR_VENA_CAVA, "right atrium": code.RIGHT_ATRIUM}
_SLOTS = {
    "a": "an?",
    "mm": "[1-9][0-9]{0,2}",
    **{
        name: "|".join(words)
        for name, words in {
            "side": SIDES, "size": SIZES, "grade": GRADES, "zone": ZONES, "depth": DEPTHS, "tip": TIPS,
        }.items()
    },
}  # fmt: skip
_SLOT = re.compile(r"\{(\w+)\}")
_BOX = r"(?: (?P<box>\[.*))?"
"""Whatever a sentence holds from a bracket on; whether that is a box is for boxes.py to say."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Form:
    """One thing that is always stated, absent or present."""

    name: str
    """As the model's card calls it."""
    concept: Code
    site: Code | None
    """Where it is looked for, as far as its words do not say."""
    absent: str
    present: str
    item: str
    """How the impression names it."""
    ends: Code | None = None
    """What the place of a device is measured from."""
    measured: Code = code.DIAMETER
    several: bool = False
    """Whether there may be more than one on the same side."""
    patterns: Mapping[bool, re.Pattern[str]] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        patterns = {present: re.compile(_pattern(words)) for present, words in self._sentences()}
        object.__setattr__(self, "patterns", patterns)  # frozen: this is the constructor

    def match(self, sentence: str) -> tuple[bool, re.Match[str]] | None:
        """Whether `sentence` states it present or absent, with its words; None if it is about something else."""
        found = ((present, pattern.fullmatch(sentence)) for present, pattern in self.patterns.items())
        return next(((present, match) for present, match in found if match), None)

    def item_words(self, item: str) -> Mapping[str, str] | None:
        """The words in the slots of an impression's `item`; None if it names something else."""
        found = re.fullmatch(_words(self.item), item)
        return found.groupdict() if found else None

    def deciding(self, present: bool) -> str:
        """The words of the sentence after which presence is decided: the first that the other one does not share."""
        said = {each: words.removesuffix(".").split() for each, words in self._sentences()}
        pairs = zip(said[present], said[not present], strict=False)
        shared = next(count for count, (mine, other) in enumerate(pairs) if mine != other)
        return " ".join(said[present][: shared + 1])

    def _sentences(self) -> tuple[tuple[bool, str], ...]:
        return (False, self.absent), (True, self.present)


def _pattern(template: str) -> str:
    """A regular expression for a sentence with one full stop at its end, and perhaps a box before it."""
    return f"{_words(template.removesuffix('.'))}{_BOX}\\."


def _words(template: str) -> str:
    texts = _SLOT.split(template)
    return "".join(f"(?P<{each}>{_SLOTS[each]})" if at % 2 else re.escape(each) for at, each in enumerate(texts))


def filled(template: str, words: Mapping[str, str]) -> str:
    """`template` with `words` in its slots."""
    return _SLOT.sub(lambda slot: words[slot[1]], template)


_HEART = Form(
    name="cardiomegaly", concept=code.CARDIOMEGALY, site=code.HEART,
    absent="The heart size is normal.", present="There is {grade} cardiomegaly.", item="{grade} cardiomegaly",
)  # fmt: skip
_EFFUSION = Form(
    name="pleural effusion", concept=code.PLEURAL_EFFUSION, site=code.PLEURA, absent="No pleural effusion.",
    present="There is a {size} {side} pleural effusion.", item="{size} {side} pleural effusion",
)  # fmt: skip
_PNEUMOTHORAX = Form(
    name="pneumothorax", concept=code.PNEUMOTHORAX, site=code.PLEURA, absent="No pneumothorax.",
    present="There is a {size} {side} pneumothorax.", item="{size} {side} pneumothorax",
)  # fmt: skip


def _consolidation(where: str) -> Form:
    return Form(
        name="consolidation", concept=code.CONSOLIDATION, site=code.LUNG, several=True, absent="No consolidation.",
        present=f"There is {{a}} {where} consolidation.", item=f"{where} consolidation",
    )  # fmt: skip


def _nodule(where: str, item: str) -> Form:
    return Form(
        name="nodule", concept=code.NODULE, site=code.LUNG, several=True, absent="No pulmonary nodule.",
        present=f"There is {{a}} {{mm}} mm nodule in the {where}.", item=f"{item} nodule",
    )  # fmt: skip


FRONTAL = (
    _HEART,
    Form(
        name="mediastinal widening", concept=code.ENLARGED, site=code.MEDIASTINUM,
        absent="The mediastinum is not widened.", present="The mediastinum is widened.", item="widened mediastinum",
    ),
    _EFFUSION,
    _PNEUMOTHORAX,
    _consolidation("{side} {zone} zone"),
    _nodule("{side} {zone} zone", "{side} {zone} zone"),
    Form(
        name="rib fracture", concept=code.RIB_FRACTURE, site=code.RIB, several=True, absent="No rib fracture.",
        present="There is a {side} rib fracture.", item="{side} rib fracture",
    ),
    Form(
        name="central venous line", concept=code.CENTRAL_VENOUS_CATHETER, site=None,
        absent="No central venous line.", present="A {side} central venous line ends in the {tip}.",
        item="{side} central venous line",
    ),
    Form(
        name="endotracheal tube", concept=code.ENDOTRACHEAL_TUBE, site=None, ends=code.CARINA, measured=code.DISTANCE,
        absent="No endotracheal tube.", present="An endotracheal tube ends {mm} mm above the carina.",
        item="endotracheal tube",
    ),
)  # fmt: skip
LATERAL = (
    _HEART,
    Form(
        name="pleural effusion", concept=code.PLEURAL_EFFUSION, site=code.PLEURA, absent="No pleural effusion.",
        present="There is a {size} pleural effusion.", item="{size} pleural effusion",
    ),
    _consolidation("{depth}"),
    _nodule("{depth} lung", "{depth}"),
)  # fmt: skip
CT = (
    _EFFUSION,
    _PNEUMOTHORAX,
    _consolidation("{side}"),
    _nodule("{side} lung", "{side}"),
    Form(
        name="emphysema", concept=code.EMPHYSEMA, site=code.LUNG,
        absent="No emphysema.", present="There is {grade} emphysema.", item="{grade} emphysema",
    ),
)  # fmt: skip
