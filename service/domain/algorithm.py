"""Algorithm: who made a finding (TID 4019), and the card that says what it may read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from pydicom.uid import UID


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


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """What a model was made for; an empty tuple or None asks nothing. A missing attribute refuses."""

    modalities: tuple[str, ...] = ()
    sop_classes: tuple[str, ...] = ()
    body_parts: tuple[str, ...] = ()
    views: tuple[str, ...] = ()
    min_age_years: float | None = None
    max_age_years: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Card:
    """A model's card: who made it, from what, for what, and its machine-readable limits."""

    algorithm: Algorithm
    licence: str
    source: str
    intended_use: str
    limits: Limits
    memory_mb: int = 0
    """What the model may take of the server's memory; 0 if the card names no budget."""
    family: str = ""
    """Which family's export made it; empty for a model that was not made from a checkpoint."""
    not_verified: str = ""
    """Why it is not known to answer as the framework's model does; empty if it is."""
    override: str = ""
    """Why, and by whose word, it is served all the same."""
    inexact: tuple[str, ...] = ()
    """What is not as its makers do it, in sentences."""
    evaluation: Mapping[str, str] = field(default_factory=dict)


NON_COMMERCIAL = re.compile(r"\bnc\b|non-?\s?commercial|research[- ]only|research use", re.IGNORECASE)
NOT_STATED = frozenset({"", "none", "unknown", "not stated"})


def unlicensed(card: Card) -> str | None:
    """Return why a model's results may not be delivered by its licence, in words; None if they may."""
    licence = card.licence.strip()
    if licence.lower() in NOT_STATED:
        return "its card names no licence"
    return f"its licence is {licence}, which is not for commercial use" if NON_COMMERCIAL.search(licence) else None


def outside_limits(
    limits: Limits, *, modality: str, sop_class: str, body_part: str, view: str, age_years: float | None
) -> str | None:
    """Return why an image is outside the card's limits, in words; None if it is inside."""
    checks = (
        ("modality", modality, limits.modalities),
        ("SOP class", sop_class, limits.sop_classes),
        ("body part", body_part, limits.body_parts),
        ("view position", view, limits.views),
    )
    for name, found, wanted in checks:
        if wanted and found not in wanted:
            return f"{name} is {found or 'not stated'}; the model reads {', '.join(wanted)}"
    if limits.min_age_years is not None or limits.max_age_years is not None:
        low, high = limits.min_age_years or 0.0, limits.max_age_years or 200.0
        if age_years is None:
            return "the patient's age is not stated; the model is limited by age"
        if not low <= age_years <= high:
            return f"the patient is {age_years:.0f} years old; the model reads {low:g} to {high:g}"
    return None
