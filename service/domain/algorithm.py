"""Algorithm: who made a finding (TID 4019), and the card that says what it may read."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from uuid import NAMESPACE_OID, uuid5

from pydicom.uid import UID

from service.domain.image_model import ImageModel
from service.domain.study import Instance

PROJECTION = frozenset({"CR", "DX", "MG", "RF", "RG", "XA"})
"""Modalities whose images have a view position."""
SECTIONAL = frozenset({"CT", "MR", "PT"})
"""Modalities whose images have a slice thickness."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Algorithm:
    """One model in one version, as every result names it."""

    name: str
    version: str
    digest: str
    """SHA-256 over the model's files; a new digest is a new algorithm and has a new Device UID."""
    device_uid: UID
    manufacturer: str = "preread"
    demo: bool = False
    """Trained on phantoms, not for clinical use: every page and object says so."""
    adapter: str = ""
    """The adapter that the model read with; empty for none."""
    adapter_digest: str = ""
    """SHA-256 of the adapter's file."""

    @property
    def files(self) -> str:
        """The digests that tell it from every other, in words."""
        told = f"sha256:{self.digest}"
        return f"{told}, adapter {self.adapter} sha256:{self.adapter_digest}" if self.adapter else told

    def adapted(self, name: str, digest: str) -> Algorithm:
        """The model with an adapter: an algorithm of its own, with a version and a Device UID of its own."""
        both = uuid5(NAMESPACE_OID, f"sha256:{self.digest} adapter sha256:{digest}")
        version, uid = f"{self.version}+{name}", UID(f"2.25.{both.int}")
        return replace(self, version=version, device_uid=uid, adapter=name, adapter_digest=digest)


def adapters_of(algorithms: Iterable[Algorithm]) -> str:
    """The adapters of `algorithms` with their digests, as the edit log names them; empty for none."""
    return "; ".join(f"{each.adapter} {each.adapter_digest}" for each in algorithms if each.adapter)


@dataclass(frozen=True, kw_only=True, slots=True)
class AdapterCard:
    """An adapter of a model: what is known of it, and whether it may answer."""

    name: str
    digest: str
    """SHA-256 of its file."""
    licence: str
    source: str
    trained_on: str = ""
    """The base, as its maker named it."""
    not_verified: str = ""
    """Why it is not known to answer as the framework's does; empty if it is."""
    override: str = ""
    """Why, and by whose word, it is served all the same."""

    @property
    def words(self) -> str:
        """What a cell says of it."""
        told = f"NOT VERIFIED: {self.not_verified}" if self.not_verified else "verified"
        told += f"; OVERRIDDEN: {self.override}" if self.override else ""
        return f"{told}; licence {self.licence or 'not stated'}; sha256:{self.digest}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """What a model was made for; an empty tuple or None asks nothing. A missing attribute refuses."""

    modalities: tuple[str, ...] = ()
    sop_classes: tuple[str, ...] = ()
    body_parts: tuple[str, ...] = ()
    views: tuple[str, ...] = ()
    """Of projection radiographs; nothing else has a view position."""
    lateralities: tuple[str, ...] = ()
    """R, L, U (unpaired) or B, as Image Laterality or Laterality says."""
    contrast: str = ""
    """ "with" or "without" a contrast agent, as Contrast/Bolus Agent says; empty takes both."""
    max_slice_thickness_mm: float | None = None
    """Of sectional images; nothing else has slices."""
    min_age_years: float | None = None
    max_age_years: float | None = None


@dataclass(frozen=True, slots=True)
class Platt:
    """A logistic curve from how likely a model found its words to how often it is right with them (Platt, 1999)."""

    a: float
    b: float

    def __call__(self, raw: float) -> float:
        """Probability, 0..1, of what was stated with the raw certainty `raw`, 0..1."""
        certain = min(max(raw, _NEVER), 1.0 - _NEVER)
        score = self.a * math.log(certain / (1.0 - certain)) + self.b
        return 1.0 / (1.0 + math.exp(-min(max(score, -_STEEP), _STEEP)))


_NEVER = 1e-6
"""No raw certainty counts as nearer than this to 0 or 1, where the curve ends."""
_STEEP = 30.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Calibration:
    """What the certainty of a model's statements is worth, as it was measured on images it was not trained on."""

    default: Platt
    findings: Mapping[str, Platt] = field(default_factory=dict)
    """By the model's name of a finding, where it was measured apart."""

    def of(self, name: str) -> Platt:
        return self.findings.get(name, self.default)


@dataclass(frozen=True, kw_only=True, slots=True)
class Askable:
    """What a model that writes text can be asked about one image, beside its report."""

    wordings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Kind of question (`service.domain.question.asked.Kind`) -> finding (`service.domain.prose`) -> the question in
    the words that the model was trained on."""
    free: str = ""
    """What stands before a person's own question, which follows as one JSON string; empty: `wordings` alone."""
    max_tokens: int = 48


@dataclass(frozen=True, kw_only=True, slots=True)
class AnswerMemory:
    """What a model keeps of the answers that it writes at once, if each fills its context."""

    at_once: int
    tokens: int
    """Of each prompt with its answer, at most."""
    bytes: int
    """Of all of them."""

    @property
    def words(self) -> str:
        return f"{self.bytes / (1 << 20):.0f} for {self.at_once} of {self.tokens} tokens"


@dataclass(frozen=True, kw_only=True, slots=True)
class Card:
    """A model's card: who made it, from what, for what, and its machine-readable limits."""

    algorithm: Algorithm
    licence: str
    source: str
    intended_use: str
    limits: Limits
    calibration: Calibration | None = None
    """None: no number of the model is shown as a certainty."""
    memory_mb: int = 0
    """What the model may take of the server's memory, its answers included; 0 if the card names no budget."""
    answers: AnswerMemory | None = None
    """None for a model that reads images, or whose configuration does not say."""
    family: str = ""
    """Which family's export made it; empty for a model that was not made from a checkpoint."""
    not_verified: str = ""
    """Why it is not known to answer as the framework's model does; empty if it is."""
    override: str = ""
    """Why, and by whose word, it is served all the same."""
    inexact: tuple[str, ...] = ()
    """What is not as its makers do it, in sentences."""
    evaluation: Mapping[str, str] = field(default_factory=dict)
    questions: Askable | None = None
    """None for a model that answers no questions about an image."""
    tasks: tuple[str, ...] = ()
    """What else it is asked, by name (deploy/docs/model-contract.md); "report-check" makes it a second reader."""
    adapters: Mapping[str, AdapterCard] = field(default_factory=dict)
    """Those that lie beside the model, by name."""
    image: ImageModel | None = None
    """What a model that reads images is asked, and its classes; None for a model that writes text."""


NON_COMMERCIAL = re.compile(r"\bnc\b|non-?\s?commercial|research[- ]only|research use", re.IGNORECASE)
NOT_STATED = frozenset({"", "none", "unknown", "not stated"})


def unlicensed(card: Card, adapter: str = "") -> str | None:
    """Return why results of a model, with an adapter if one is named, may not be delivered by licence; None if so."""
    if reason := _unlicensed(card.licence):
        return reason
    one = card.adapters.get(adapter)
    reason = _unlicensed(one.licence) if one else None
    return f"of its adapter {adapter}, {reason}" if reason else None


def _unlicensed(licence: str) -> str | None:
    if licence.strip().lower() in NOT_STATED:
        return "its card names no licence"
    return f"its licence is {licence}, which is not for commercial use" if NON_COMMERCIAL.search(licence) else None


def outside_limits(limits: Limits, instance: Instance, *, age_years: float | None) -> str | None:
    """Return why an image is outside the card's limits, in words; None if it is inside."""
    return (
        _wrong_kind(limits, instance)
        or _wrong_contrast(limits, instance)
        or _too_thick(limits, instance)
        or _wrong_age(limits, age_years)
    )


def _wrong_kind(limits: Limits, instance: Instance) -> str | None:
    views = limits.views if instance.modality in PROJECTION else ()
    checks = (
        ("modality", instance.modality, limits.modalities),
        ("SOP class", str(instance.sop_class_uid), limits.sop_classes),
        ("body part", instance.body_part, limits.body_parts),
        ("view position", instance.view, views),
        ("laterality", instance.laterality, limits.lateralities),
    )
    for name, found, wanted in checks:
        if wanted and found not in wanted:
            return f"{name} is {found or 'not stated'}; the model reads {', '.join(wanted)}"
    return None


def _wrong_contrast(limits: Limits, instance: Instance) -> str | None:
    if limits.contrast == "with" and not instance.contrast_agent:
        return "no contrast agent is stated; the model reads images with one"
    if limits.contrast == "without" and instance.contrast_agent:
        return "a contrast agent is stated; the model reads images without one"
    return None


def _too_thick(limits: Limits, instance: Instance) -> str | None:
    most, found = limits.max_slice_thickness_mm, instance.slice_thickness_mm
    if most is None or instance.modality not in SECTIONAL:
        return None
    if found is None:
        return f"the slice thickness is not stated; the model reads up to {most:g} mm"
    return f"slices are {found:g} mm thick; the model reads up to {most:g} mm" if found > most else None


def _wrong_age(limits: Limits, age_years: float | None) -> str | None:
    if limits.min_age_years is None and limits.max_age_years is None:
        return None
    low, high = limits.min_age_years or 0.0, limits.max_age_years or 200.0
    if age_years is None:
        return "the patient's age is not stated; the model is limited by age"
    if not low <= age_years <= high:
        return f"the patient is {age_years:.0f} years old; the model reads {low:g} to {high:g}"
    return None
