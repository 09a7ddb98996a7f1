"""What our measures say of every real series and radiograph, beside what is computed apart (`recomputed`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from service.adapters.part10 import Part10Headers
from service.adapters.pixels_pydicom import PydicomPixels
from service.domain.errors import Unsupported
from service.domain.study import StoredInstance
from tests.support import recomputed
from workers.measures import measures

SERIES = ("ct_series_ge_head", "mr_series")
SINGLE = ("chest_dicom", "radiograph", "ct_other", "mr_compressed")
"""Folders whose every file is looked at by itself."""


@dataclass(frozen=True)
class Compared:
    """One series by both."""

    name: str
    ours: dict[str, Any]
    apart: dict[str, Any]
    refused: str = ""
    """Why ours say no more than they do; empty where they say all."""

    @property
    def differing(self) -> dict[str, tuple[Any, Any]]:
        """Every value that is not the same, and, where nothing was refused, every one that is missing."""
        names = self.ours.keys() if self.refused else self.ours.keys() | self.apart.keys()
        return {
            name: (self.ours.get(name), self.apart.get(name))
            for name in sorted(names)
            if self.ours.get(name) != self.apart.get(name)
        }


def real_series(data: Path) -> Iterator[tuple[str, tuple[Path, ...]]]:
    """The two series, and every single image, with a name."""
    for folder in SERIES:
        yield folder, tuple(sorted((data / folder).glob("*.dcm")))
    for folder in SINGLE:
        yield from ((f"{folder}/{file.name}", (file,)) for file in sorted((data / folder).glob("*.dcm")))


class Measurer:
    """Measures files as the service does: its header reader, its bounded decoder, its measures."""

    def __init__(self) -> None:
        self._headers, self._pixels = Part10Headers(children=1), PydicomPixels(_open)

    def close(self) -> None:
        self._headers.close()
        self._pixels.close()

    def compared(self, name: str, files: Sequence[Path]) -> Compared:
        stored = [self._stored(file) for file in files]
        ct = stored[0].instance.modality == "CT"
        apart = recomputed.acquisition(files) | (recomputed.body(files) if ct else {})
        ours: dict[str, Any] = {}
        try:
            frames = [self._pixels.rescaled(each) for each in stored]
            ours |= measures()["acquisition-quality"].measure(frames)
            ours["faults"] = sorted(str(remark["fault"]) for remark in ours.pop("remarks"))
            ours |= measures()["ct-attenuation"].measure(frames) if ct else {}
        except Unsupported as why:
            return Compared(name, ours, apart, str(why))
        return Compared(name, ours, apart)

    def _stored(self, file: Path) -> StoredInstance:
        with file.open("rb") as part10:
            instance = self._headers.read(part10).instance
        return StoredInstance(instance=instance, location=str(file), sha256="0" * 64, size=file.stat().st_size)


def _open(location: str) -> BinaryIO:
    return Path(location).open("rb")
