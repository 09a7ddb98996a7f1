"""Labels: the 14 of CheXpert, each present, absent, uncertain or not mentioned, with the words that say so (C11)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from service.domain.prose.devices import Device, State, devices
from service.domain.prose.mention import Mention
from service.domain.prose.polarity import Polarity
from service.domain.prose.reading import Reading, doubtful
from service.domain.prose.sections import Part
from service.domain.prose.span import Span
from service.domain.prose.vocabulary import LABEL_OF

LABELS = (
    "Enlarged Cardiomediastinum", "Cardiomegaly", "Lung Opacity", "Lung Lesion", "Edema", "Consolidation", "Pneumonia",
    "Atelectasis", "Pneumothorax", "Pleural Effusion", "Pleural Other", "Fracture", "Support Devices", "No Finding",
)  # fmt: skip
"""In the order of Irvin et al. 2019."""


class Stated(StrEnum):
    PRESENT = "present"
    ABSENT = "absent"
    UNCERTAIN = "uncertain"
    NOT_MENTIONED = "not mentioned"


@dataclass(frozen=True, slots=True)
class Label:
    """One label's state, and where it is said; no span for what is not mentioned and for "No Finding"."""

    name: str
    state: Stated
    spans: tuple[Span, ...] = ()


_FIRST = (Stated.PRESENT, Stated.UNCERTAIN, Stated.ABSENT)
"""What counts where statements differ, the first of them; an addendum goes before all else."""


def labels(reading: Reading) -> tuple[Label, ...]:
    """Every label, in the order of LABELS."""
    told = [_judged(each) for each in reading.told]
    found = {name: _label(name, reading, told) for name in LABELS[:-2]}
    found["Support Devices"] = _devices(devices(reading))
    found["No Finding"] = Label("No Finding", Stated.PRESENT if _nothing(reading, told) else Stated.NOT_MENTIONED)
    return tuple(found[name] for name in LABELS)


def _judged(mention: Mention) -> Mention:
    """Congestion without more is no certain edema."""
    return doubtful(mention) if mention.name == "congestion" and mention.present else mention


def _label(name: str, reading: Reading, told: Sequence[Mention]) -> Label:
    here = [each for each in told if LABEL_OF.get(each.name) == name]
    last = [each for each in here if reading.part(each.span.start) is Part.ADDENDUM]
    return _first(name, [(Stated(each.polarity), each.span) for each in last or here])


def _first(name: str, said: Sequence[tuple[Stated, Span]]) -> Label:
    for state in _FIRST:
        spans = tuple(span for stated, span in said if stated is state)
        if spans:
            return Label(name, state, spans)
    return Label(name, Stated.NOT_MENTIONED)


def _devices(found: Sequence[Device]) -> Label:
    return _first("Support Devices", list(_device_states(found)))


def _device_states(found: Sequence[Device]) -> Iterator[tuple[Stated, Span]]:
    for each in found:
        gone = each.state in {State.REMOVED, State.ABSENT}
        yield (Stated.ABSENT if gone else Stated.PRESENT), each.span


def _nothing(reading: Reading, told: Sequence[Mention]) -> bool:
    spoken = reading.has(Part.FINDINGS) or reading.has(Part.IMPRESSION)
    return spoken and all(each.polarity is Polarity.ABSENT for each in told)
