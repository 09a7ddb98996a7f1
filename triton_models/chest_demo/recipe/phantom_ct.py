"""How an axial CT slice of the chest looks, in Hounsfield units: the patient's right at image left. NumPy only."""

import math
from typing import Any

import numpy as np
from phantom_model import Lesion, Phantom
from phantom_shapes import disc, ellipse, field, plane, step

AIR, FAT, FLUID, MUSCLE, BONE = -1000.0, -95.0, 8.0, 45.0, 420.0
WINDOW = (-1100.0, 400.0)
"""The Hounsfield units that grey 0 and grey 1 stand for."""
VESSELS = 26


def draw(phantom: Phantom, rows: int, columns: int) -> tuple[Any, list[Any]]:
    """Return the slice over the window as grey 0..1, and each lesion's layer, both (rows, columns)."""
    scene = _Scene(phantom, rows, columns)
    layers = [PAINTERS[lesion.finding.name](scene, lesion) for lesion in _deep_first(phantom.lesions)]
    order = {id(lesion): layer for lesion, layer in zip(_deep_first(phantom.lesions), layers, strict=True)}
    grey = (scene.hu - WINDOW[0]) / (WINDOW[1] - WINDOW[0])
    return grey, [order[id(lesion)] for lesion in phantom.lesions]


def _deep_first(lesions: tuple[Lesion, ...]) -> list[Lesion]:
    """Emphysema is painted first: the others replace the lung it has destroyed."""
    return sorted(lesions, key=lambda lesion: lesion.finding.name != "emphysema")


class _Scene:
    """The slice while it is painted."""

    def __init__(self, phantom: Phantom, rows: int, columns: int) -> None:
        self.phantom, self.body = phantom, phantom.body
        body, height = phantom.body, phantom.body["height"]
        self.x, self.y = plane(rows, columns, phantom.pose)
        self.size = 0.80 + 0.20 * math.sin(math.pi * min(1.0, 0.15 + height))
        """Of the lungs in this slice, as a share of their largest."""
        self.lungs = {"right": self._lung(-1), "left": self._lung(1)}
        inside = ellipse(self.x, self.y, (0, 0), (body["body_w"], body["body_h"]), 40)
        self.hu = np.full(self.x.shape, AIR, np.float32)
        self._table()
        self.put(inside, FAT)
        thick = body["fat"]
        self.put(ellipse(self.x, self.y, (0, 0), (body["body_w"] - thick, body["body_h"] - thick), 40), MUSCLE)
        self._ribs()
        for lung in self.lungs.values():
            self.put(lung, body["lung_hu"])
        self._vessels()
        middle = self._middle(height)
        self.lungs = {side: lung * (1 - middle) for side, lung in self.lungs.items()}

    def put(self, layer: Any, hu: Any) -> None:
        """Replace what is where `layer` is 1."""
        self.hu = self.hu + layer * (hu - self.hu)

    def _lung(self, sign: int) -> Any:
        body = self.body
        at_x, half = sign * body["lung_x"], (body["lung_w"] * self.size, body["lung_h"] * self.size)
        return ellipse(self.x, self.y, (at_x, 0.0), half, 25)

    def _table(self) -> None:
        below = self.y - self.body["table"] + 0.12 * self.x**2
        self.put(step(0.02 - np.abs(below), 200) * step(0.75 - np.abs(self.x), 60), 60.0)

    def _ribs(self) -> None:
        body = self.body
        for number in range(10):
            angle = body["ribs"] / 10 + 2 * math.pi * number / 10 + 0.31
            at = (body["body_w"] - 0.12) * math.cos(angle), (body["body_h"] - 0.10) * math.sin(angle)
            along = (self.x - at[0]) * -math.sin(angle) + (self.y - at[1]) * math.cos(angle)
            across = (self.x - at[0]) * math.cos(angle) + (self.y - at[1]) * math.sin(angle)
            self.put(step(1 - (along / 0.075) ** 2 - (across / 0.026) ** 2, 12), BONE)

    def _vessels(self) -> None:
        """Small round and long cuts through vessels, all thinner than the smallest nodule."""
        rng = np.random.default_rng(int(self.body["texture"]) + round(1000 * self.body["height"]))
        air = self.lungs["right"] + self.lungs["left"]
        for _ in range(VESSELS):
            sign = -1 if rng.random() < 0.5 else 1
            at = sign * (self.body["lung_x"] + rng.uniform(-0.22, 0.22)), rng.uniform(-0.3, 0.3)
            self.put(disc(self.x, self.y, at, float(rng.uniform(0.006, 0.013)), 0.004) * air, -60.0)

    def _middle(self, height: float) -> Any:
        """Paint spine, sternum, heart or great vessels, aorta, airways by the slice's height; return where they are."""
        body, x, y = self.body, self.x, self.y
        between = ellipse(x, y, (0, 0.0), (0.13, 0.40), 15)
        self.put(between, MUSCLE)
        self.put(disc(x, y, (0, 0.34), 0.105), BONE - 120)
        self.put(disc(x, y, (0, 0.47), 0.045), 30.0)
        self.put(ellipse(x, y, (0, 0.55), (0.035, 0.06), 15), BONE)
        self.put(ellipse(x, y, (0, -body["body_h"] + 0.16), (0.12, 0.035), 15), BONE - 150)
        self.put(disc(x, y, (0.10, 0.22), body["aorta"]), MUSCLE + 15)
        if height > 0.45:
            grown = min(1.0, (height - 0.45) / 0.2 + 0.5)
            heart = ellipse(x, y, (0.09, -0.10), (body["heart_w"] * grown, 0.24 * grown), 15)
            self.put(heart, MUSCLE + 5)
            return np.maximum(heart, between)
        vessels = ellipse(x, y, (0.02, -0.12), (0.17, 0.17), 15)
        self.put(vessels, MUSCLE)
        for at in ((0, 0.03),) if height < 0.35 else ((-0.08, 0.06), (0.08, 0.06)):
            self.put(disc(x, y, at, 0.045 if height < 0.35 else 0.035), AIR)
        return np.maximum(vessels, between)


def _sign(lesion: Lesion) -> int:
    return -1 if lesion.finding.side == "right" else 1


def _lung_of(scene: _Scene, lesion: Lesion) -> Any:
    return scene.lungs[lesion.finding.side or ""]


def _effusion(scene: _Scene, lesion: Lesion) -> Any:
    """Fluid runs to the back of the one who lies on it."""
    sign, lung = _sign(lesion), _lung_of(scene, lesion)
    back = scene.body["lung_h"] * scene.size
    outward = scene.x * sign - scene.body["lung_x"]
    layer = step(scene.y - back + lesion.shape["depth"] + 0.6 * np.clip(outward, 0, None) ** 2, 60) * lung
    scene.put(layer, FLUID)
    return layer


def _pneumothorax(scene: _Scene, lesion: Lesion) -> Any:
    lung = _lung_of(scene, lesion)
    edge = scene.y + scene.body["lung_h"] * scene.size - lesion.shape["depth"]
    layer = step(-edge, 60) * lung
    scene.put(layer, AIR + 5)
    scene.put(0.75 * np.exp(-((edge / 0.014) ** 2)) * lung, 0.0)
    return layer


def _consolidation(scene: _Scene, lesion: Lesion) -> Any:
    shape = lesion.shape
    at = _sign(lesion) * (scene.body["lung_x"] + shape["dx"]), shape["y"]
    ragged = 0.5 * (field(scene.x, scene.y, lesion.seed, 11) - 0.5)
    inside = 1 - ((scene.x - at[0]) / shape["w"]) ** 2 - ((scene.y - at[1]) / shape["h"]) ** 2
    layer = step(inside + ragged, 8) * _lung_of(scene, lesion)
    scene.put(layer, -330.0 + 360 * field(scene.x, scene.y, lesion.seed + 1, 18))
    return layer


def _nodule(scene: _Scene, lesion: Lesion) -> Any:
    shape = lesion.shape
    at = _sign(lesion) * (scene.body["lung_x"] + shape["dx"]), shape["y"]
    distance = np.hypot(scene.x - at[0], scene.y - at[1]) * scene.phantom.pose.scale
    layer = step(shape["radius"] - distance, 200)
    scene.put(layer, 25.0)
    return layer


def _emphysema(scene: _Scene, lesion: Lesion) -> Any:
    """Holes of air in both lungs, taking a share of them."""
    holes = field(scene.x, scene.y, lesion.seed, 17)
    cut = np.quantile(holes, lesion.shape["share"])
    layer = step(cut - holes, 40) * (scene.lungs["right"] + scene.lungs["left"])
    scene.put(layer, AIR + 15)
    return layer


PAINTERS = {
    "pleural effusion": _effusion,
    "pneumothorax": _pneumothorax,
    "consolidation": _consolidation,
    "nodule": _nodule,
    "emphysema": _emphysema,
}
