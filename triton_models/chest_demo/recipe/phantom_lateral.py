"""How a lateral chest radiograph looks: the front at image left. NumPy only."""

from typing import Any

import numpy as np
from phantom_model import Lesion, Phantom
from phantom_shapes import ellipse, field, plane, step

HEART_AT = (-0.16, 0.20)


def draw(phantom: Phantom, rows: int, columns: int) -> tuple[Any, list[Any]]:
    """Return the grey picture and each lesion's layer, both (rows, columns); layers over 0..1."""
    scene = _Scene(phantom, rows, columns)
    layers = [PAINTERS[lesion.finding.name](scene, lesion) for lesion in phantom.lesions]
    return scene.grey, layers


class _Scene:
    """The picture while it is painted."""

    def __init__(self, phantom: Phantom, rows: int, columns: int) -> None:
        self.phantom, self.body = phantom, phantom.body
        body = phantom.body
        self.x, self.y = x, y = plane(rows, columns, phantom.pose)
        found = {lesion.finding.name: lesion.shape for lesion in phantom.lesions}
        half = found.get("cardiomegaly", {}).get("half", body["heart"])
        self.outline = step(1 - ((x / body["width"]) ** 2 + (y / 1.15) ** 4), 12)
        self.dome = body["dome"] + 0.35 * (x + 0.12) ** 2
        self.lung = ellipse(x, y, (0.0, -0.04), (body["lung_w"], body["lung_h"]), 9) * step(self.dome - y, 40)
        self.heart = ellipse(x, y, HEART_AT, (half, body["heart_h"]))
        self.grey = self._anatomy()

    def _anatomy(self) -> Any:
        body, x, y = self.body, self.x, self.y
        grey = 0.72 * self.outline - body["air"] * self.lung
        grey = np.maximum(grey, 0.66 * self.heart)
        grey = grey + body["rib_contrast"] * np.cos(24 * y - 10 * x + body["rib_phase"]) * self.lung
        spine = body["spine"] + 0.06 * np.cos(2.2 * y)
        column = step(0.09 - np.abs(x - spine), 40)
        grey = grey + (0.16 + 0.05 * np.cos(body["spine_pitch"] * y)) * column * self.outline
        front = -body["lung_w"] + 0.10 * (y + 0.2) ** 2
        grey = grey + 0.14 * np.exp(-(((x - front) / 0.025) ** 2)) * step(0.25 - y, 20) * step(y + 0.6, 20)
        hilum = np.exp(-(((x - 0.02) / 0.13) ** 2) - ((y + 0.08) / 0.16) ** 2)
        texture = field(x, y, int(body["texture"]), 14) - 0.5
        return grey + hilum * (0.10 + 0.2 * texture) * self.lung


def _cardiomegaly(scene: _Scene, lesion: Lesion) -> Any:
    return scene.heart


def _effusion(scene: _Scene, lesion: Lesion) -> Any:
    meniscus = scene.body["dome"] + 0.04 - lesion.shape["depth"] - 0.30 * np.clip(scene.x, 0, None) ** 2
    layer = step(scene.y - meniscus, 25) * scene.lung * step(scene.x + 0.12, 14)
    scene.grey = scene.grey + 0.40 * layer * (1 - 0.75 * scene.heart)
    return layer


def _consolidation(scene: _Scene, lesion: Lesion) -> Any:
    shape = lesion.shape
    ragged = 0.5 * (field(scene.x, scene.y, lesion.seed, 9) - 0.5)
    inside = 1 - ((scene.x - shape["x"]) / shape["w"]) ** 2 - ((scene.y - shape["y"]) / shape["h"]) ** 2
    layer = step(inside + ragged, 6) * scene.lung
    scene.grey = scene.grey + shape["strength"] * layer * (0.7 + 0.6 * field(scene.x, scene.y, lesion.seed + 1, 16))
    return layer


def _nodule(scene: _Scene, lesion: Lesion) -> Any:
    shape = lesion.shape
    distance = np.hypot(scene.x - shape["x"], scene.y - shape["y"]) * scene.phantom.pose.scale
    layer = step(shape["radius"] - distance, 180)
    scene.grey = scene.grey + shape["strength"] * layer
    return layer


PAINTERS = {
    "cardiomegaly": _cardiomegaly,
    "pleural effusion": _effusion,
    "consolidation": _consolidation,
    "nodule": _nodule,
}
