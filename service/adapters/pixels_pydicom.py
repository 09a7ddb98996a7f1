"""Pixels: every frame is decoded by pydicom in a bounded child, whatever its transfer syntax."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, BinaryIO

import numpy as np

from service.adapters.bounded import PIXEL_BOUNDS, Bounded
from service.domain.errors import Unreadable
from service.domain.geometry import Plane
from service.domain.image_model import Values
from service.domain.study import StoredInstance
from service.ports.pixels import Frame, Greys, Rescaled

_DTYPES = {Values.PRESENTED: "<u2", Values.MODALITY: "<i2"}


class PydicomPixels:
    """`service.ports.pixels.Pixels`; children are started at the first frame and live as long as this object."""

    def __init__(self, opener: Callable[[str], BinaryIO], *, children: int = 1) -> None:
        self._opener = opener
        self._bounded = Bounded(PIXEL_BOUNDS, children=children)

    def read(self, stored: StoredInstance, frame: int = 1, *, values: Values = Values.PRESENTED) -> Frame:
        with self._opener(stored.location) as part10:
            reply = self._bounded.ask("frame", part10, {"frame": frame, "values": values})
        told = ("rows", "columns", "spacing_mm", "plane", "greys")
        rows, columns, spacing, plane, greys = (reply.head[name] for name in told)
        if len(reply.body) != rows * columns * 2:
            raise Unreadable("The decoded picture has another size than it says.")
        pixels = np.frombuffer(reply.body, dtype=_DTYPES[values]).reshape(rows, columns)
        return Frame(
            pixels=pixels,
            frame=frame,
            source=stored.instance.sop_instance_uid,
            spacing_mm=(spacing[0], spacing[1]) if spacing else None,
            plane=_plane(plane),
            greys=Greys(**greys) if greys else None,
        )

    def rescaled(self, stored: StoredInstance, frame: int = 1) -> Rescaled:
        with self._opener(stored.location) as part10:
            reply = self._bounded.ask("rescaled", part10, {"frame": frame})
        rows, columns = reply.head["rows"], reply.head["columns"]
        if len(reply.body) != rows * columns * 4:
            raise Unreadable("The decoded picture has another size than it says.")
        lower, upper = reply.head["clipped"]
        return Rescaled(
            values=np.frombuffer(reply.body, dtype="<f4").reshape(rows, columns),
            plane=_plane(reply.head["plane"]),
            modality=stored.instance.modality,
            frame=frame,
            source=stored.instance.sop_instance_uid,
            number=stored.instance.number,
            unit=reply.head["unit"],
            clipped=(lower, upper),
            stated=frozenset(reply.head["stated"]),
        )

    def close(self) -> None:
        """End the children."""
        self._bounded.close()


def _plane(told: Mapping[str, Any]) -> Plane:
    """The plane that the child described; JSON knows lists alone."""
    arguments: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in told.items()}
    return Plane(**arguments)
