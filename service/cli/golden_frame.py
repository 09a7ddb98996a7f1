"""The frame of a DICOM file for a model's goldens: from the file to pixels the way every study goes."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import numpy as np

from service.adapters.part10 import Part10Headers
from service.adapters.pixels_pydicom import PydicomPixels
from service.cli.drive import BUNDLED
from service.domain.study import StoredInstance

SOURCE = BUNDLED / "phantom.dcm"
FRAME = "frame.npy"


def write_frame(folder: Path, source: Path = SOURCE) -> Path | None:
    """Write the frame of `source` into `folder` as a model is shown it; None where there is no such file."""
    if not source.is_file():
        return None
    headers, pixels = Part10Headers(children=1), PydicomPixels(_open)
    try:
        with source.open("rb") as part10:
            instance = headers.read(part10).instance
        stored = StoredInstance(instance=instance, location=str(source), sha256="", size=0)
        np.save(folder / FRAME, pixels.read(stored).pixels)
    finally:
        headers.close()
        pixels.close()
    return (folder / FRAME).absolute()


def _open(location: str) -> BinaryIO:
    return Path(location).open("rb")
