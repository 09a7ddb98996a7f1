"""A chest radiograph that nobody had: what is in it, and how it looks. NumPy only.

The picture is one continuous function of the place in millimetres, so the same phantom can be rendered at any
size; only the noise is drawn per pixel. Grey values are 0..1, MONOCHROME2 (bone bright, air dark). Image left
is the patient's right. The field of view has a fixed long side, hence a finding's size in millimetres can be
read off the picture.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

FIELD_MM = 360.0
"""Long side of every picture."""
UNIT_MM = FIELD_MM / 2
"""The anatomy's unit of length; the long side runs from -1 to 1."""

SIDES = ("right", "left")
ZONES = ("upper", "middle", "lower")
EFFUSION_SIZES = ("small", "moderate", "large")
NODULE_MM = (10, 15, 20, 30)
VIEWS = ("PA", "AP")

EFFUSION_LEVEL = {"small": 0.42, "moderate": 0.20, "large": -0.08}
ZONE_LEVEL = {"upper": -0.42, "middle": -0.10, "lower": 0.20}
HIDDEN_BY_EFFUSION = {"small": (), "moderate": ("lower",), "large": ("middle", "lower")}
HEART_WIDTH = {False: 0.43, True: 0.60}
AP_MAGNIFICATION = 1.05

Grey = NDArray[np.float32]


@dataclass(frozen=True)
class Effusion:
    """Fluid at the base of one lung."""

    side: str
    size: str


@dataclass(frozen=True)
class Nodule:
    """A round opacity in one lung."""

    side: str
    zone: str
    diameter_mm: int


@dataclass(frozen=True)
class Findings:
    """What a reader should find."""

    cardiomegaly: bool = False
    effusion: Effusion | None = None
    pneumothorax: str | None = None
    """The side."""
    nodule: Nodule | None = None


@dataclass(frozen=True)
class Body:
    """The build of one person and how they stood; lengths in units, angles in radians."""

    shift: tuple[float, float]
    scale: float
    tilt: float
    lung_at: tuple[float, float]
    lung_half: tuple[float, float]
    lung_air: float
    heart: tuple[float, float]
    """Factors on the heart's half width and half height."""
    rib_phase: float
    rib_pitch: float
    rib_contrast: float
    breast: float
    diaphragm: tuple[float, float]
    nodule_offset: tuple[float, float]


@dataclass(frozen=True)
class Phantom:
    """One picture before it is drawn."""

    findings: Findings
    body: Body
    view: str
    sex: str
    noise_seed: int


def sample(rng: np.random.Generator) -> Phantom:
    """Return a phantom drawn from `rng`; all variety comes from there."""
    findings = sample_findings(rng)
    sex = str(rng.choice(("F", "M")))
    return Phantom(
        findings=findings,
        body=sample_body(rng, sex),
        view=str(rng.choice(VIEWS, p=(0.7, 0.3))),
        sex=sex,
        noise_seed=int(rng.integers(1 << 32)),
    )


def sample_findings(rng: np.random.Generator) -> Findings:
    """Return findings; none lies where another would hide it."""
    effusion = pneumothorax = nodule = None
    cardiomegaly = bool(rng.random() < 0.35)
    if rng.random() < 0.4:
        effusion = Effusion(str(rng.choice(SIDES)), str(rng.choice(EFFUSION_SIZES)))
    if rng.random() < 0.3:
        pneumothorax = str(rng.choice(SIDES))
    if rng.random() < 0.4:
        side = str(rng.choice(SIDES))
        hidden = set(HIDDEN_BY_EFFUSION[effusion.size]) if effusion and effusion.side == side else set()
        hidden |= {"upper"} if pneumothorax == side else set()
        if zones := [zone for zone in ZONES if zone not in hidden]:
            nodule = Nodule(side, str(rng.choice(zones)), int(rng.choice(NODULE_MM)))
    return Findings(cardiomegaly, effusion, pneumothorax, nodule)


def sample_body(rng: np.random.Generator, sex: str) -> Body:
    """Return an adult's build and position."""

    def between(low: float, high: float) -> float:
        return float(rng.uniform(low, high))

    return Body(
        shift=(between(-0.06, 0.06), between(-0.06, 0.06)),
        scale=between(0.93, 1.05),
        tilt=math.radians(between(-3, 3)),
        lung_at=(between(0.42, 0.46), between(-0.05, 0.05)),
        lung_half=(between(0.30, 0.34), between(0.62, 0.70)),
        lung_air=between(0.40, 0.50),
        heart=(between(0.95, 1.05), between(0.95, 1.05)),
        rib_phase=between(0, 2 * math.pi),
        rib_pitch=between(12.5, 15.5),
        rib_contrast=between(0.03, 0.06),
        breast=between(0.03, 0.08) if sex == "F" else 0.0,
        diaphragm=(between(0.62, 0.68), between(0.65, 0.71)),
        nodule_offset=(between(-0.09, 0.11), between(-0.05, 0.05)),
    )


def render(phantom: Phantom, rows: int, columns: int) -> Grey:
    """Return the picture, (rows, columns), 0..1, with the noise of a detector of that size."""
    body = phantom.body
    x, y = _coordinates(body, rows, columns)
    outline = _step(1 - ((x / 0.95) ** 2 + (y / 1.15) ** 4), 12)
    lungs = [_lung(x, y, sign, body) for sign in (-1, 1)]
    air = np.clip(lungs[0] + lungs[1], 0, 1)
    heart = _heart(x, y, phantom)
    grey = 0.75 * outline - body.lung_air * air
    grey = grey + _breasts(x, y, body) * outline
    grey = np.maximum(grey, 0.72 * heart)
    grey = grey + 0.18 * _step(0.10 - np.abs(x), 30) * outline - 0.10 * _trachea(x, y)
    grey = grey + body.rib_contrast * _ribs(x, y, body) * air + 0.10 * _clavicles(x, y) * outline
    for sign, side, lung in zip((-1, 1), SIDES, lungs, strict=True):
        grey = grey + _side_findings(x, y, sign, side, lung, heart, phantom)
    return np.clip(0.04 + 0.84 * grey + _noise(phantom.noise_seed, rows, columns), 0, 1).astype(np.float32)


def spacing_mm(rows: int, columns: int) -> float:
    """Return the distance of two pixels of a picture of that size."""
    return FIELD_MM / max(rows, columns)


def _coordinates(body: Body, rows: int, columns: int) -> tuple[Any, Any]:
    step = spacing_mm(rows, columns) / UNIT_MM
    across = ((np.arange(columns) - (columns - 1) / 2) * step - body.shift[0]).astype(np.float32)[None, :]
    down = ((np.arange(rows) - (rows - 1) / 2) * step - body.shift[1]).astype(np.float32)[:, None]
    cos, sin = math.cos(body.tilt) / body.scale, math.sin(body.tilt) / body.scale
    return across * cos + down * sin, down * cos - across * sin


def _step(value: Any, steepness: float) -> Any:
    """Return a smooth step from 0 to 1 where `value` passes 0."""
    return 1 / (1 + np.exp(np.clip(-steepness * value, -30, 30)))


def _lung(x: Any, y: Any, sign: int, body: Body) -> Any:
    (at_x, at_y), (half_x, half_y) = body.lung_at, body.lung_half
    whole = _step(1 - (((x - sign * at_x) / half_x) ** 2 + ((y - at_y) / half_y) ** 2), 8)
    dome = body.diaphragm[0 if sign < 0 else 1] - 0.10 + 0.55 * (x - sign * at_x) ** 2
    return whole * _step(dome - y + 0.06, 40)


def _heart(x: Any, y: Any, phantom: Phantom) -> Any:
    width = HEART_WIDTH[phantom.findings.cardiomegaly] * phantom.body.heart[0]
    width *= AP_MAGNIFICATION if phantom.view == "AP" else 1
    return _step(1 - (((x - 0.10) / width) ** 2 + ((y - 0.30) / (0.28 * phantom.body.heart[1])) ** 2), 12)


def _ribs(x: Any, y: Any, body: Body) -> Any:
    return np.cos(y * body.rib_pitch * 1.6 + np.abs(x) * 6.0 + body.rib_phase)


def _clavicles(x: Any, y: Any) -> Any:
    line = y + 0.66 - 0.22 * (np.abs(x) - 0.35)
    return np.exp(-((line / 0.028) ** 2)) * _step(0.72 - np.abs(x), 25) * _step(np.abs(x) - 0.06, 25)


def _trachea(x: Any, y: Any) -> Any:
    return _step(0.045 - np.abs(x), 60) * _step(-0.25 - y, 20)


def _breasts(x: Any, y: Any, body: Body) -> Any:
    if not body.breast:
        return np.float32(0)
    half = ((np.abs(x) - 0.42) / 0.30) ** 2 + ((y - 0.32) / 0.26) ** 2
    return body.breast * _step(1 - half, 8)


def _side_findings(x: Any, y: Any, sign: int, side: str, lung: Any, heart: Any, phantom: Phantom) -> Any:
    """Return what the findings on one side add to the picture."""
    findings, added = phantom.findings, np.zeros_like(x * y)
    if findings.effusion and findings.effusion.side == side:
        meniscus = EFFUSION_LEVEL[findings.effusion.size] - 0.22 * ((x * sign - 0.42) / 0.34) ** 2
        added = added + 0.42 * _step(y - meniscus, 25) * lung * (1 - heart)
    if findings.pneumothorax == side:
        edge = y + 0.12 + 0.25 * np.clip(0.42 - x * sign, 0, None)
        added = added - 0.17 * _step(-edge, 25) * lung + 0.22 * np.exp(-((edge / 0.03) ** 2)) * lung
    if findings.nodule and findings.nodule.side == side:
        added = added + 0.38 * _nodule(x, y, sign, findings.nodule, phantom.body)
    return added


def _nodule(x: Any, y: Any, sign: int, nodule: Nodule, body: Body) -> Any:
    """Return the nodule's opacity; its diameter does not follow the body's scale."""
    at_x = sign * (body.lung_at[0] + body.nodule_offset[0])
    at_y = ZONE_LEVEL[nodule.zone] + body.nodule_offset[1]
    distance = np.hypot(x - at_x, y - at_y) * body.scale
    return _step(nodule.diameter_mm / 2 / UNIT_MM - distance, 180)


def _noise(seed: int, rows: int, columns: int) -> Any:
    """Return quantum mottle: fine per pixel, and coarse with a grain of 2 mm whatever the picture's size."""
    rng = np.random.default_rng(seed)
    cells = math.ceil(FIELD_MM / 2) + 1
    grain = rng.standard_normal((cells, cells), np.float32)
    step = spacing_mm(rows, columns) / 2
    down, across = (np.arange(rows) * step).astype(int), (np.arange(columns) * step).astype(int)
    fine = rng.standard_normal((rows, columns), np.float32)
    return 0.015 * grain[down[:, None], across[None, :]] + 0.012 * fine
