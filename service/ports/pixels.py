"""Pixels: a stored frame as the model wants it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from service.domain.geometry import Plane
from service.domain.image_model import Values
from service.domain.study import StoredInstance


@dataclass(frozen=True, kw_only=True, slots=True)
class Greys:
    """How stored values became the greys of a frame (PS3.3 C.11): a line, then a window, perhaps upside down."""

    slope: float = 1.0
    intercept: float = 0.0
    centre: float
    width: float
    function: str = "LINEAR"
    """VOI LUT Function (0028,1056)."""
    inverted: bool = False
    """MONOCHROME1: the lowest value is white."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Frame:
    """One frame, modality and VOI transformed, presented as MONOCHROME2; or in modality units, if asked for so.

    `pixels` is (rows, columns): uint16 over 0..65535, or int16 in modality units; `frame` counts from 1.
    """

    pixels: NDArray[Any]
    frame: int
    source: str = ""
    """SOP Instance UID of the object it is a frame of."""
    spacing_mm: tuple[float, float] | None = None
    """Row and column spacing (Pixel Spacing, else Imager Pixel Spacing)."""
    greys: Greys | None = None
    """None for colour, and where the image itself holds a modality lookup table."""
    plane: Plane | None = None
    """Where it lies in the patient; None where nobody asked."""

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Frame)
            and (self.source, self.frame) == (other.source, other.frame)
            and (self.spacing_mm, self.greys) == (other.spacing_mm, other.greys)
            and bool(np.array_equal(self.pixels, other.pixels))
        )

    def __hash__(self) -> int:
        return hash((self.source, self.frame, self.spacing_mm))


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Rescaled:
    """One frame in the unit of its modality transform (PS3.3 C.11.1), and its place in the patient."""

    values: NDArray[np.float32]
    """(rows, columns); NaN where the object says that a pixel is padding."""
    plane: Plane
    modality: str
    frame: int = 1
    source: str = ""
    """SOP Instance UID of the object it is a frame of."""
    number: int | None = None
    """Instance Number."""
    unit: str = ""
    """Rescale Type: "HU" for Hounsfield units; empty where the values have no unit."""
    clipped: tuple[float, float] = (0.0, 0.0)
    """Share of the pixels on the lowest and on the highest value that the stored bits can hold."""
    stated: frozenset[str] = frozenset()
    """Keywords of the attributes that the header gives a value."""


class Pixels(Protocol):
    """Decodes within bounds of time and memory (invariant 12)."""

    def read(self, stored: StoredInstance, frame: int = 1, *, values: Values = Values.PRESENTED) -> Frame:
        """Raises Unreadable for broken pixel data, Unsupported for a syntax that nobody here decodes."""
        ...

    def rescaled(self, stored: StoredInstance, frame: int = 1) -> Rescaled:
        """The same frame as numbers to measure on; raises as `read` does, Unsupported for colour."""
        ...


class MemoryPixels:
    """A fake for unit tests: frames by SOP Instance UID."""

    def __init__(self, frames: dict[str, Any] | None = None, measured: dict[str, Rescaled] | None = None) -> None:
        self.frames: dict[str, Frame] = dict(frames or {})
        self.measured: dict[str, Rescaled] = dict(measured or {})

    def read(self, stored: StoredInstance, frame: int = 1, *, values: Values = Values.PRESENTED) -> Frame:
        return self.frames[stored.instance.sop_instance_uid]

    def rescaled(self, stored: StoredInstance, frame: int = 1) -> Rescaled:
        return self.measured[stored.instance.sop_instance_uid]
