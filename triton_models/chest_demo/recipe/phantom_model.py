"""A chest that nobody had: what is in it, sampled; the views draw it. NumPy only.

A picture is one continuous function of the place in millimetres, so the same phantom can be rendered at any size;
only the noise is drawn per pixel. Grey values are 0..1, MONOCHROME2 (bone bright, air dark). In frontal views and
CT slices image left is the patient's right; in lateral views it is the front. The field of view has a fixed long
side, hence sizes in millimetres can be read off the picture.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import findings as told
import numpy as np
from findings import Finding
from phantom_shapes import UNIT_MM, Pose, Rng

Body = dict[str, float]
"""One person's build by name: lengths in units, grey values 0..1."""


@dataclass(frozen=True)
class Lesion:
    """One finding as it is to be drawn."""

    finding: Finding
    shape: dict[str, float] = field(default_factory=dict)
    """Where and how large within the body; lengths in units."""
    seed: int = 0


@dataclass(frozen=True)
class Phantom:
    """One picture before it is drawn."""

    view: str
    """PA, AP, LL or AX."""
    sex: str
    pose: Pose
    body: Body
    lesions: tuple[Lesion, ...]
    overlay: int
    """Seed of what lies over the picture: markers, words, leads, collimation."""
    noise_seed: int
    noise: float
    exposure: float
    """Exponent on the grey values."""

    @property
    def kind(self) -> str:
        """The view in words: frontal, lateral, ct."""
        return told.VIEWS[self.view]


Sampler = Callable[[Rng], tuple[Lesion, ...]]

SEVERE = {
    "heart": ((0.48, 0.51), (0.54, 0.57), (0.60, 0.64)),
    "lateral heart": ((0.315, 0.34), (0.37, 0.395), (0.425, 0.46)),
    "effusion": ((0.15, 0.22), (0.36, 0.45), (0.62, 0.76)),
    "pneumothorax": ((0.16, 0.22), (0.34, 0.43), (0.60, 0.74)),
    "slice fluid": ((0.11, 0.16), (0.25, 0.32), (0.42, 0.52)),
    "slice air": ((0.11, 0.16), (0.25, 0.32), (0.42, 0.52)),
    "emphysema": ((0.08, 0.13), (0.25, 0.32), (0.48, 0.58)),
}
"""Ranges of a severity, continuous within; the gaps between keep the words decidable."""
NORMAL_HEART = {"heart": (0.36, 0.44), "lateral heart": (0.25, 0.285)}
ZONE_LEVEL = {"upper": -0.42, "middle": -0.10, "lower": 0.22}
NODULE_MM = (8, 34)
TUBE_MM = (15, 60)


def between(rng: Rng, low: float, high: float) -> float:
    """Return a number drawn evenly."""
    return float(rng.uniform(low, high))


def sample(rng: Rng, kind: str = "frontal", combinations: str = "any") -> Phantom:
    """Return a phantom drawn from `rng`; `combinations` of findings: any, seen (in training), unseen."""
    sex = str(rng.choice(("F", "M")))
    view = {"frontal": str(rng.choice(("PA", "AP"), p=(0.7, 0.3))), "lateral": "LL", "ct": "AX"}[kind]
    return Phantom(
        view=view,
        sex=sex,
        pose=_pose(rng, kind),
        body=BODIES[kind](rng, sex),
        lesions=sample_lesions(rng, kind, combinations),
        overlay=int(rng.integers(1 << 32)),
        noise_seed=int(rng.integers(1 << 32)),
        noise=between(rng, 0.006, 0.028),
        exposure=between(rng, 0.85, 1.18),
    )


def sample_lesions(rng: Rng, kind: str, combinations: str = "any") -> tuple[Lesion, ...]:
    """Return lesions that the eye can tell apart, in a combination that is wanted."""
    while True:
        lesions = SAMPLERS[kind](rng)
        unseen = told.held_out(lesion.finding for lesion in lesions)
        if combinations == "any" or unseen == (combinations == "unseen"):
            return lesions


def _pose(rng: Rng, kind: str) -> Pose:
    low, high = (0.95, 1.05) if kind == "ct" else (0.90, 1.06)
    shift = between(rng, -0.07, 0.07), between(rng, -0.06, 0.06)
    return Pose(shift, between(rng, low, high), math.radians(between(rng, -6, 6)))


def _frontal_body(rng: Rng, sex: str) -> Body:
    return {
        "lung_x": between(rng, 0.42, 0.46),
        "lung_y": between(rng, -0.05, 0.04),
        "lung_w": between(rng, 0.30, 0.34),
        "lung_h": between(rng, 0.62, 0.70),
        "air": between(rng, 0.38, 0.50),
        "heart": between(rng, *NORMAL_HEART["heart"]),
        "heart_h": between(rng, 0.265, 0.295),
        "mediastinum": between(rng, 0.085, 0.115),
        "carina": between(rng, -0.23, -0.17),
        "rib_phase": between(rng, 0, 2 * math.pi),
        "rib_pitch": between(rng, 12.5, 15.5),
        "rib_contrast": between(rng, 0.03, 0.06),
        "breast": between(rng, 0.02, 0.08) if sex == "F" else 0.0,
        "dome_right": between(rng, 0.56, 0.64),
        "dome_left": between(rng, 0.59, 0.67),
        "vessels": between(rng, 0.2, 1.0),
        "texture": float(rng.integers(1 << 24)),
    }


def _lateral_body(rng: Rng, sex: str) -> Body:
    return {
        "width": between(rng, 0.66, 0.76),
        "lung_w": between(rng, 0.50, 0.56),
        "lung_h": between(rng, 0.68, 0.75),
        "air": between(rng, 0.36, 0.48),
        "heart": between(rng, *NORMAL_HEART["lateral heart"]),
        "heart_h": between(rng, 0.27, 0.31),
        "dome": between(rng, 0.50, 0.58),
        "spine": between(rng, 0.46, 0.52),
        "spine_pitch": between(rng, 24, 30),
        "rib_phase": between(rng, 0, 2 * math.pi),
        "rib_contrast": between(rng, 0.02, 0.05),
        "texture": float(rng.integers(1 << 24)),
    }


def _ct_body(rng: Rng, sex: str) -> Body:
    return {
        "height": between(rng, 0.15, 0.85),
        "body_w": between(rng, 0.84, 0.92),
        "body_h": between(rng, 0.60, 0.68),
        "fat": between(rng, 0.03, 0.08),
        "lung_x": between(rng, 0.40, 0.44),
        "lung_w": between(rng, 0.28, 0.32),
        "lung_h": between(rng, 0.42, 0.47),
        "lung_hu": between(rng, -870, -810),
        "heart_w": between(rng, 0.26, 0.32),
        "aorta": between(rng, 0.065, 0.085),
        "table": between(rng, 0.70, 0.78),
        "ribs": between(rng, 0, math.pi),
        "texture": float(rng.integers(1 << 24)),
    }


BODIES: dict[str, Callable[[Rng, str], Body]] = {
    "frontal": _frontal_body,
    "lateral": _lateral_body,
    "ct": _ct_body,
}


def _graded(rng: Rng, name: str, words: tuple[str, ...] = told.SEVERITIES) -> tuple[str, float]:
    """Return a severity in words and its measure."""
    grade = int(rng.integers(3))
    return words[grade], between(rng, *SEVERE[name][grade])


def _seed(rng: Rng) -> int:
    return int(rng.integers(1 << 32))


def _frontal(rng: Rng) -> tuple[Lesion, ...]:
    ill = float(rng.choice((0.0, 0.6, 1.0, 1.6), p=(0.08, 0.35, 0.37, 0.2)))
    lesions: list[Lesion] = []
    if rng.random() < 0.28 * ill:
        severity, measure = _graded(rng, "heart")
        lesions.append(Lesion(Finding("cardiomegaly", severity=severity), {"half": measure}))
    if rng.random() < 0.18 * ill:
        lesions.append(Lesion(Finding("mediastinal widening"), {"half": between(rng, 0.175, 0.24)}))
    for side in told.SIDES:
        lesions += _frontal_side(rng, side, ill)
    if rng.random() < 0.22 * ill:
        side, position = str(rng.choice(told.SIDES, p=(0.65, 0.35))), str(rng.choice(told.POSITIONS))
        tip = between(rng, -0.10, -0.02) if position == told.POSITIONS[0] else between(rng, 0.14, 0.26)
        lesions.append(Lesion(Finding("central venous line", side, position=position), {"tip": tip}, _seed(rng)))
    if rng.random() < 0.18 * ill:
        mm = int(rng.integers(TUBE_MM[0], TUBE_MM[1] + 1))
        lesions.append(Lesion(Finding("endotracheal tube", mm=mm)))
    return tuple(lesions)


def _frontal_side(rng: Rng, side: str, ill: float) -> list[Lesion]:
    """Return what one lung has; nothing lies where something else hides it."""
    lesions: list[Lesion] = []
    hidden: set[str] = set()
    if rng.random() < 0.22 * ill:
        size, measure = _graded(rng, "effusion", told.SIZES)
        lesions.append(Lesion(Finding("pleural effusion", side, severity=size), {"depth": measure}))
        hidden |= {"small": {"lower"}, "moderate": {"lower"}, "large": {"middle", "lower"}}[size]
    if rng.random() < 0.14 * ill:
        size, measure = _graded(rng, "pneumothorax", told.SIZES)
        gone = {"small": {"upper"}, "moderate": {"upper"}, "large": {"upper", "middle"}}[size]
        if not (size == "large" and "lower" in hidden) and not gone & hidden:
            lesions.append(Lesion(Finding("pneumothorax", side, severity=size), {"depth": measure}))
            hidden |= gone
    for name, chance in (("consolidation", 0.18), ("nodule", 0.20)):
        free = [zone for zone in told.ZONES if zone not in hidden]
        if free and rng.random() < chance * ill:
            zone = str(rng.choice(free))
            lesions.append(_frontal_focus(rng, name, side, zone))
            hidden.add(zone)
    free = [zone for zone in told.ZONES if zone not in hidden]
    if free and rng.random() < 0.14 * ill:
        y = ZONE_LEVEL[str(rng.choice(free))] + between(rng, -0.06, 0.06)
        shape = {"dx": between(rng, 0.08, 0.20), "y": y, "length": between(rng, 0.07, 0.09)}
        lesions.append(Lesion(Finding("rib fracture", side), shape))
    return lesions


def _frontal_focus(rng: Rng, name: str, side: str, zone: str) -> Lesion:
    """Return a consolidation or a nodule in one zone of one lung."""
    y = ZONE_LEVEL[zone] + between(rng, -0.06, 0.06)
    if name == "consolidation":
        shape = {"dx": between(rng, -0.06, 0.08), "y": y, "w": between(rng, 0.12, 0.19), "h": between(rng, 0.10, 0.16)}
        return Lesion(Finding(name, side, zone), shape | {"strength": between(rng, 0.24, 0.36)}, _seed(rng))
    return _nodule(rng, {"dx": between(rng, -0.12, 0.14), "y": y}, side=side, zone=zone)


def _nodule(rng: Rng, at: dict[str, float], **words: str) -> Lesion:
    """Return a nodule whose size is evenly spread and told in whole millimetres."""
    mm = between(rng, *NODULE_MM)
    shape = at | {"radius": mm / 2 / UNIT_MM, "strength": between(rng, 0.24, 0.40)}
    return Lesion(Finding("nodule", mm=round(mm), **words), shape, _seed(rng))


def _lateral(rng: Rng) -> tuple[Lesion, ...]:
    ill = float(rng.choice((0.0, 0.7, 1.3), p=(0.1, 0.5, 0.4)))
    lesions: list[Lesion] = []
    free = list(told.DEPTHS)
    if rng.random() < 0.35 * ill:
        severity, measure = _graded(rng, "lateral heart")
        lesions.append(Lesion(Finding("cardiomegaly", severity=severity), {"half": measure}))
    if rng.random() < 0.4 * ill:
        size, measure = _graded(rng, "effusion", told.SIZES)
        lesions.append(Lesion(Finding("pleural effusion", severity=size), {"depth": measure}))
    for name in ("consolidation", "nodule"):
        if free and rng.random() < 0.35 * ill:
            zone = str(rng.choice(free))
            free.remove(zone)
            large = any(lesion.finding.severity == "large" for lesion in lesions)
            lesions.append(_lateral_focus(rng, name, zone, deepest=-0.12 if large else 0.08))
    return tuple(lesions)


def _lateral_focus(rng: Rng, name: str, zone: str, deepest: float) -> Lesion:
    x = between(rng, -0.30, -0.20) if zone == "anterior" else between(rng, 0.16, 0.28)
    y = between(rng, -0.34, -0.18 if zone == "anterior" else deepest)
    if name == "consolidation":
        shape = {"x": x, "y": y, "w": between(rng, 0.11, 0.16), "h": between(rng, 0.10, 0.15)}
        return Lesion(Finding(name, zone=zone), shape | {"strength": between(rng, 0.24, 0.34)}, _seed(rng))
    return _nodule(rng, {"x": x, "y": y}, zone=zone)


def _slice(rng: Rng) -> tuple[Lesion, ...]:
    ill = float(rng.choice((0.0, 0.7, 1.3), p=(0.1, 0.5, 0.4)))
    lesions: list[Lesion] = []
    for side in told.SIDES:
        lesions += _slice_side(rng, side, ill)
    if rng.random() < 0.25 * ill:
        severity, measure = _graded(rng, "emphysema")
        lesions.append(Lesion(Finding("emphysema", severity=severity), {"share": measure}, _seed(rng)))
    return tuple(lesions)


def _slice_side(rng: Rng, side: str, ill: float) -> list[Lesion]:
    lesions: list[Lesion] = []
    low, high = -0.22, 0.20
    if rng.random() < 0.26 * ill:
        size, measure = _graded(rng, "slice fluid", told.SIZES)
        lesions.append(Lesion(Finding("pleural effusion", side, severity=size), {"depth": measure}))
        high = {"small": 0.14, "moderate": 0.0, "large": -0.16}[size]
    if rng.random() < 0.16 * ill:
        size, measure = _graded(rng, "slice air", told.SIZES)
        if size != "large" and not (size == "moderate" and high < 0.1):
            lesions.append(Lesion(Finding("pneumothorax", side, severity=size), {"depth": measure}))
            low = {"small": -0.12, "moderate": 0.02}[size]
    dx = between(rng, 0.0, 0.11)
    if high > low and rng.random() < 0.2 * ill:
        y, high = between(rng, low, low + (high - low) * 0.4), low - 1
        shape = {"dx": dx, "y": y, "w": between(rng, 0.09, 0.15), "h": between(rng, 0.08, 0.13)}
        lesions.append(Lesion(Finding("consolidation", side), shape, _seed(rng)))
    if high > low and rng.random() < 0.3 * ill:
        lesions.append(_nodule(rng, {"dx": dx, "y": between(rng, low, high)}, side=side))
    return lesions


SAMPLERS: dict[str, Sampler] = {"frontal": _frontal, "lateral": _lateral, "ct": _slice}


def series(rng: Rng, slices: int, combinations: str = "any") -> list[Phantom]:
    """Return the slices of one patient from top to bottom; a nodule is cut where the slice meets its sphere."""
    first = sample(rng, "ct", combinations)
    heights = np.linspace(0.2, 0.8, slices) if slices > 1 else np.array([first.body["height"]])
    middle = {lesion.seed: between(rng, 0.2, 0.8) for lesion in first.lesions}
    made = []
    for number, height in enumerate(heights):
        kept = [_cut(lesion, float(height) - middle[lesion.seed]) for lesion in first.lesions]
        body = {**first.body, "height": float(height)}
        lesions = tuple(lesion for lesion in kept if lesion)
        made.append(replace(first, body=body, lesions=lesions, noise_seed=first.noise_seed + number))
    return made


SCAN_UNITS = 1.2
"""How far the heights 0 to 1 are apart, in units."""


def _cut(lesion: Lesion, away: float) -> Lesion | None:
    """Return `lesion` as a slice `away` of its middle (in heights) shows it; None where it does not reach."""
    name, shape = lesion.finding.name, lesion.shape
    if name == "consolidation":
        return lesion if abs(away) < 0.15 else None
    if name != "nodule":
        return lesion
    inside: Any = shape["radius"] ** 2 - (away * SCAN_UNITS) ** 2
    radius = math.sqrt(inside) if inside > 0 else 0.0
    mm = 2 * radius * UNIT_MM
    if mm < NODULE_MM[0]:
        return None
    return replace(lesion, finding=replace(lesion.finding, mm=round(mm)), shape={**shape, "radius": radius})
