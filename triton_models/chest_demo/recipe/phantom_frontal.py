"""How a frontal chest radiograph looks. NumPy only."""

import math
from typing import Any

import numpy as np
from phantom_model import Lesion, Phantom
from phantom_shapes import UNIT_MM, ellipse, field, line, plane, step

HEART_AT = (0.10, 0.30)
AP_MAGNIFICATION = 1.03
LINE_WIDTH = 0.016


def draw(phantom: Phantom, rows: int, columns: int) -> tuple[Any, list[Any]]:
    """Return the grey picture and each lesion's layer, both (rows, columns); layers over 0..1."""
    scene = _Scene(phantom, rows, columns)
    layers = [PAINTERS[lesion.finding.name](scene, lesion) for lesion in phantom.lesions]
    return scene.grey, layers


class _Scene:
    """The picture while it is painted."""

    def __init__(self, phantom: Phantom, rows: int, columns: int) -> None:
        self.phantom, self.body = phantom, phantom.body
        self.x, self.y = x, y = plane(rows, columns, phantom.pose)
        body = self.body
        found = {lesion.finding.name: lesion.shape for lesion in phantom.lesions}
        wide = AP_MAGNIFICATION if phantom.view == "AP" else 1.0
        half = found.get("cardiomegaly", {}).get("half", body["heart"]) * wide
        self.outline = step(1 - ((x / 0.95) ** 2 + (y / 1.15) ** 4), 12)
        self.lungs = {"right": self._lung(-1), "left": self._lung(1)}
        self.air = np.clip(self.lungs["right"] + self.lungs["left"], 0, 1)
        self.heart = ellipse(x, y, HEART_AT, (half, body["heart_h"]))
        self.band = found.get("mediastinal widening", {}).get("half", body["mediastinum"])
        self.mediastinum = step(self.band - np.abs(x), 40) * step(y + 0.52, 20) * step(0.12 - y, 20)
        self.grey = self._anatomy()

    def _lung(self, sign: int) -> Any:
        body, x, y = self.body, self.x, self.y
        at_x = sign * body["lung_x"]
        whole = ellipse(x, y, (at_x, body["lung_y"]), (body["lung_w"], body["lung_h"]), 8)
        return whole * step(self.dome(sign) - y, 40)

    def dome(self, sign: int) -> Any:
        """Return y of the diaphragm over x."""
        at_x = sign * self.body["lung_x"]
        return self.body["dome_right" if sign < 0 else "dome_left"] + 0.55 * (self.x - at_x) ** 2

    def apex(self) -> float:
        """Return y of the top of both lungs."""
        return self.body["lung_y"] - self.body["lung_h"]

    def _anatomy(self) -> Any:
        body, x, y = self.body, self.x, self.y
        grey = 0.75 * self.outline - body["air"] * self.air
        if body["breast"]:
            half = ((np.abs(x) - 0.42) / 0.30) ** 2 + ((y - 0.32) / 0.26) ** 2
            grey = grey + body["breast"] * step(1 - half, 8) * self.outline
        grey = np.maximum(grey, 0.72 * self.heart)
        grey = np.maximum(grey, 0.66 * self.mediastinum * self.outline)
        grey = grey + 0.14 * step(0.085 - np.abs(x), 30) * self.outline - 0.10 * self._airways()
        near = np.exp(-(((np.abs(x) - 0.16) / 0.2) ** 2) - ((y - 0.02) / 0.3) ** 2)
        texture = field(x, y, int(body["texture"]), 14) - 0.5
        grey = grey + body["vessels"] * near * (0.08 + 0.16 * texture) * self.air
        return grey + body["rib_contrast"] * self._ribs() * self.air + 0.10 * self._clavicles() * self.outline

    def rib_phase(self, x: Any, y: Any) -> Any:
        """Return the angle of the rib pattern; a rib is where its cosine is 1."""
        return y * self.body["rib_pitch"] * 1.6 + np.abs(x) * 6.0 + self.body["rib_phase"]

    def _ribs(self) -> Any:
        return np.cos(self.rib_phase(self.x, self.y))

    def _clavicles(self) -> Any:
        x, y = self.x, self.y
        ridge = y + 0.66 - 0.22 * (np.abs(x) - 0.35)
        return np.exp(-((ridge / 0.028) ** 2)) * step(0.72 - np.abs(x), 25) * step(np.abs(x) - 0.06, 25)

    def _airways(self) -> Any:
        x, y, carina = self.x, self.y, self.body["carina"]
        trachea = step(0.045 - np.abs(x), 60) * step(carina + 0.02 - y, 60)
        ends = [(-0.17, carina + 0.13), (0.0, carina), (0.17, carina + 0.13)]
        return np.maximum(trachea, line(x, y, ends, 0.05))


def _sign(lesion: Lesion) -> int:
    return -1 if lesion.finding.side == "right" else 1


def _lung_of(scene: _Scene, lesion: Lesion) -> Any:
    return scene.lungs[lesion.finding.side or ""]


def _cardiomegaly(scene: _Scene, lesion: Lesion) -> Any:
    return scene.heart


def _widening(scene: _Scene, lesion: Lesion) -> Any:
    return scene.mediastinum


def _effusion(scene: _Scene, lesion: Lesion) -> Any:
    sign, body, lung = _sign(lesion), scene.body, _lung_of(scene, lesion)
    base = body["dome_right" if sign < 0 else "dome_left"]
    meniscus = base - lesion.shape["depth"] - 0.22 * ((scene.x * sign - 0.42) / 0.34) ** 2
    layer = step(scene.y - meniscus, 25) * lung
    scene.grey = scene.grey + 0.42 * layer * (1 - 0.75 * scene.heart)
    return layer


def _pneumothorax(scene: _Scene, lesion: Lesion) -> Any:
    sign, lung = _sign(lesion), _lung_of(scene, lesion)
    level = scene.apex() + lesion.shape["depth"]
    edge = scene.y - level + 0.25 * np.clip(0.42 - scene.x * sign, 0, None)
    layer = step(-edge, 25) * lung
    scene.grey = scene.grey - 0.15 * layer + 0.20 * np.exp(-((edge / 0.025) ** 2)) * lung
    return layer


def _consolidation(scene: _Scene, lesion: Lesion) -> Any:
    shape = lesion.shape
    at = _sign(lesion) * (scene.body["lung_x"] + shape["dx"]), shape["y"]
    ragged = 0.5 * (field(scene.x, scene.y, lesion.seed, 9) - 0.5)
    inside = 1 - ((scene.x - at[0]) / shape["w"]) ** 2 - ((scene.y - at[1]) / shape["h"]) ** 2
    layer = step(inside + ragged, 6) * _lung_of(scene, lesion)
    cloudy = 0.7 + 0.6 * field(scene.x, scene.y, lesion.seed + 1, 16)
    scene.grey = scene.grey + shape["strength"] * layer * cloudy
    return layer


def _nodule(scene: _Scene, lesion: Lesion) -> Any:
    """A ball; its diameter does not follow the body's scale."""
    shape = lesion.shape
    at = _sign(lesion) * (scene.body["lung_x"] + shape["dx"]), shape["y"]
    distance = np.hypot(scene.x - at[0], scene.y - at[1]) * scene.phantom.pose.scale
    layer = step(shape["radius"] - distance, 180)
    scene.grey = scene.grey + shape["strength"] * layer
    return layer


def _fracture(scene: _Scene, lesion: Lesion) -> Any:
    """A broken rib: a dark slit between two bright ends, along the rib that is next."""
    sign, shape = _sign(lesion), lesion.shape
    x0 = sign * (scene.body["lung_x"] + shape["dx"])
    pitch = scene.body["rib_pitch"] * 1.6
    turns = round(float(scene.rib_phase(np.float32(x0), np.float32(shape["y"]))) / (2 * math.pi))
    y0 = (2 * math.pi * turns - abs(x0) * 6.0 - scene.body["rib_phase"]) / pitch
    slope = -6.0 * sign / pitch
    long = (scene.x - x0 + slope * (scene.y - y0)) / math.hypot(1, slope)
    across = (scene.y - y0 - slope * (scene.x - x0)) / math.hypot(1, slope)
    layer = step(1 - (long / shape["length"]) ** 4 - (across / 0.036) ** 4, 6)
    slit = np.exp(-((long / 0.016) ** 2))
    scene.grey = scene.grey + (0.26 - 0.50 * slit) * layer
    return layer


def _venous_line(scene: _Scene, lesion: Lesion) -> Any:
    sign, tip = _sign(lesion), lesion.shape["tip"]
    wobble = (lesion.seed % 97) / 97 * 0.06
    path = [(sign * (0.50 + wobble), -0.60), (sign * 0.22, -0.58 - wobble), (-0.03 * sign - 0.03, -0.44),
            (-0.085, -0.34), (-0.095, -0.15), (-0.085, tip)]  # fmt: skip
    layer = line(scene.x, scene.y, path, LINE_WIDTH)
    scene.grey = scene.grey + 0.30 * layer
    return layer


def _tube(scene: _Scene, lesion: Lesion) -> Any:
    """A tube from above the picture; its tip's distance from the carina does not follow the body's scale."""
    above = (lesion.finding.mm or 0) / UNIT_MM / scene.phantom.pose.scale
    path = [(0.012, -1.3), (0.0, scene.body["carina"] - above)]
    layer = line(scene.x, scene.y, path, 1.7 * LINE_WIDTH)
    scene.grey = scene.grey + 0.34 * layer
    return layer


PAINTERS = {
    "cardiomegaly": _cardiomegaly,
    "mediastinal widening": _widening,
    "pleural effusion": _effusion,
    "pneumothorax": _pneumothorax,
    "consolidation": _consolidation,
    "nodule": _nodule,
    "rib fracture": _fracture,
    "central venous line": _venous_line,
    "endotracheal tube": _tube,
}
