"""Pixels out of every transfer syntax are those of a decoder that others wrote (deploy/docs/knowledge.md, "pixels")."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import UID

from service.adapters.pixels_pydicom import PydicomPixels
from service.domain.errors import Unsupported
from service.domain.study import Instance, StoredInstance
from tests.support import decoders

DATA = Path(os.environ.get("PREREAD_TEST_DATA", "/nowhere")) / "ts"
FILES = sorted(DATA.glob("*.dcm"))
TWELVE_BITS = "JPEG Extended (Process 2 and 4)"
ROUNDED = 1
"""By how much a sample may differ after the irreversible colour transform of JPEG 2000, whose rounding the standard
leaves to the decoder (ITU-T T.800 G.3)."""

pytestmark = pytest.mark.skipif(not FILES, reason="PREREAD_TEST_DATA has no folder ts")


def ours(path: Path, dataset: Dataset) -> NDArray[Any]:
    """By the service's own way, through the bounded child: modality units, or the luminance of colours."""
    instance = Instance(
        sop_class_uid=dataset.SOPClassUID, sop_instance_uid=dataset.SOPInstanceUID, series_instance_uid=UID("1.2"),
        study_instance_uid=UID("1.2"), transfer_syntax_uid=dataset.file_meta.TransferSyntaxUID,
    )  # fmt: skip
    stored = StoredInstance(instance=instance, location=str(path), sha256="", size=path.stat().st_size)
    pixels = PydicomPixels(lambda location: Path(location).open("rb"))
    try:
        if dataset.SamplesPerPixel == 1:
            return pixels.rescaled(stored).values
        return pixels.read(stored).pixels
    finally:
        pixels.close()


def theirs(path: Path, dataset: Dataset, folder: Path) -> NDArray[Any]:
    """The same from the judge's stored values, by arithmetic alone."""
    stored = decoders.decoded(path, folder)
    if dataset.SamplesPerPixel == 1:
        values = stored * float(dataset.get("RescaleSlope", 1)) + float(dataset.get("RescaleIntercept", 0))
        padding = dataset.get("PixelPaddingValue")
        return values if padding is None else np.where(stored == padding, np.nan, values)
    return stored @ np.array([0.299, 0.587, 0.114]) * 257


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_pixels_equal_those_of_another_decoder(path: Path, tmp_path: Path) -> None:
    dataset = dcmread(path, stop_before_pixels=True)
    syntax = dataset.file_meta.TransferSyntaxUID
    colour = dataset.SamplesPerPixel > 1
    if syntax.name.startswith(TWELVE_BITS) and dataset.BitsStored > 8:
        with pytest.raises(Unsupported, match=r"Nothing here decodes JPEG Extended .* \(12 bits\)"):
            ours(path, dataset)
        return
    mine, other = ours(path, dataset).astype(float), theirs(path, dataset, tmp_path)
    assert mine.shape == other.shape
    assert (np.isnan(mine) == np.isnan(other)).all()
    difference = np.nan_to_num(np.abs(mine - other)) / (257 if colour else 1)
    print(f"| {path.name} | {syntax.name} | {decoders.judge(syntax)} | {difference.max():.2g} |")
    assert difference.max() <= (ROUNDED if colour else 0)
