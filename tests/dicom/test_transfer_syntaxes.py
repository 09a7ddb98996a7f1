"""Pixels out of every transfer syntax are those of a decoder that others wrote (deploy/docs/knowledge.md, "pixels")."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import JPEG2000, UID

from service.adapters.pixels_pydicom import PydicomPixels
from service.domain.errors import Unsupported
from service.domain.study import Instance, StoredInstance
from tests.support import decoders

DATA = Path(os.environ.get("PREREAD_TEST_DATA", "/nowhere")) / "ts"
FILES = sorted(DATA.glob("*.dcm"))
TWELVE_BITS = "JPEG Extended (Process 2 and 4)"
LUMINANCE = 0.01
"""Grey levels of 255 by which a luminance may differ: it is kept in 1/257 of a level."""
ROUNDED = 1 + LUMINANCE
"""The same after the irreversible colour transform of JPEG 2000, whose rounding the standard leaves to the decoder
(ITU-T T.800 G.3)."""

pytestmark = pytest.mark.skipif(not FILES, reason="PREREAD_TEST_DATA has no folder ts")


@pytest.fixture(scope="module")
def pixels() -> Iterator[PydicomPixels]:
    found = PydicomPixels(_open)
    yield found
    found.close()


def _open(location: str) -> BinaryIO:
    return Path(location).open("rb")


def ours(path: Path, dataset: Dataset, pixels: PydicomPixels) -> NDArray[Any]:
    """By the service's own way, through the bounded child: modality units, or the luminance of colours."""
    instance = Instance(
        sop_class_uid=dataset.SOPClassUID, sop_instance_uid=dataset.SOPInstanceUID, series_instance_uid=UID("1.2"),
        study_instance_uid=UID("1.2"), transfer_syntax_uid=dataset.file_meta.TransferSyntaxUID,
    )  # fmt: skip
    stored = StoredInstance(instance=instance, location=str(path), sha256="", size=path.stat().st_size)
    return pixels.rescaled(stored).values if dataset.SamplesPerPixel == 1 else pixels.read(stored).pixels


def theirs(path: Path, dataset: Dataset, folder: Path) -> NDArray[Any]:
    """The same from the judge's stored values, by arithmetic alone."""
    stored = decoders.decoded(path, folder)
    if dataset.SamplesPerPixel == 1:
        values = stored * float(dataset.get("RescaleSlope", 1)) + float(dataset.get("RescaleIntercept", 0))
        padding = dataset.get("PixelPaddingValue")
        return values if padding is None else np.where(stored == padding, np.nan, values)
    return stored @ np.array([0.299, 0.587, 0.114]) * 257


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_pixels_equal_those_of_another_decoder(path: Path, pixels: PydicomPixels, tmp_path: Path) -> None:
    dataset = dcmread(path, stop_before_pixels=True)
    syntax = dataset.file_meta.TransferSyntaxUID
    colour = dataset.SamplesPerPixel > 1
    if syntax.name.startswith(TWELVE_BITS) and dataset.BitsStored > 8:
        with pytest.raises(Unsupported, match=r"Nothing here decodes JPEG Extended .* \(12 bits\)"):
            ours(path, dataset, pixels)
        return
    mine, other = ours(path, dataset, pixels).astype(float), theirs(path, dataset, tmp_path)
    assert mine.shape == other.shape
    assert (np.isnan(mine) == np.isnan(other)).all()
    difference = np.nan_to_num(np.abs(mine - other)) / (257 if colour else 1)
    print(f"{path.name}: {syntax.name}, judged by {decoders.judge(syntax)}: differs by {difference.max():.2g} at most")
    assert difference.max() <= _allowed(syntax, colour=colour)


def _allowed(syntax: UID, *, colour: bool) -> float:
    if not colour:
        return 0
    return ROUNDED if syntax == JPEG2000 else LUMINANCE
