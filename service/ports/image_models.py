"""Questions to models that read images, and their answers (deploy/docs/model-contract.md, "Images in")."""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.domain.image_model import Task
from service.ports.finish import Finish


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ImageQuestion:
    """One image or volume for a model to look at."""

    model: str
    task: Task
    pixels: NDArray[np.uint16] | NDArray[np.int16]
    """(slices, rows, columns): uint16 as presented, int16 in modality units; one slice for an image."""
    sources: tuple[str, ...]
    """SOP Instance UID of each slice."""
    spacing_mm: tuple[float, float] | None = None
    """Between rows and between columns, where it is known."""
    slice_spacing_mm: float | None = None
    priority: int = 2
    """0 (STAT) goes first."""
    timeout_s: float = 120.0
    """After so long nobody waits for the answer any more, and the model stops."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelMap:
    """The label of each pixel of an image or volume, 0 for none, compressed (zlib)."""

    slices: int
    rows: int
    columns: int
    packed: bytes

    @classmethod
    def of(cls, labels: NDArray[np.uint8]) -> LabelMap:
        """`labels` is (slices, rows, columns)."""
        slices, rows, columns = labels.shape
        return cls(slices=slices, rows=rows, columns=columns, packed=zlib.compress(labels.tobytes(), 6))

    @classmethod
    def from_plain(cls, told: Mapping[str, Any]) -> LabelMap:
        """`LabelMap.from_plain(label_map.plain) == label_map`."""
        return cls(**{**told, "packed": base64.b64decode(told["packed"])})

    @property
    def plain(self) -> dict[str, Any]:
        """In JSON's types."""
        return {**asdict(self), "packed": base64.b64encode(self.packed).decode()}

    @property
    def labels(self) -> NDArray[np.uint8]:
        """(slices, rows, columns)."""
        flat = np.frombuffer(zlib.decompress(self.packed), np.uint8)
        return flat.reshape(self.slices, self.rows, self.columns)

    @property
    def sha256(self) -> str:
        """Of the labels, whatever they are compressed with."""
        return hashlib.sha256(zlib.decompress(self.packed)).hexdigest()


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageAnswer:
    """A finished answer; what its model does not do is empty."""

    finish: Finish
    model: str
    version: str
    digest: str
    classes_digest: str
    """Of the classes, thresholds and calibration that it was given with."""
    names: tuple[str, ...] = ()
    """The class of each probability or box; of a label map: of the labels from 1 on."""
    probabilities: tuple[float, ...] = ()
    """Calibrated, 0..1."""
    boxes: tuple[tuple[float, float, float, float], ...] = ()
    """Left, top, right, bottom in source pixels (PS3.3 C.18.6)."""
    mask: LabelMap | None = None
    domain_score: float | None = None
    domain_threshold: float | None = None
    usage: Mapping[str, Any] = field(default_factory=dict)


def reading_digest(question: ImageQuestion, classes_digest: str) -> str:
    """SHA-256 over everything that decides the answer but the pixels and the model's files."""
    told = [question.task, question.spacing_mm, question.slice_spacing_mm, classes_digest]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()
