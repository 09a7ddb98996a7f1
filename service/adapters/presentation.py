"""From stored values to what a reader would see: modality, VOI and presentation transforms (PS3.3 C.11).

Runs in the bounded child. Numbers in, numbers out; `Dataset` only carries attributes.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut, apply_voi
from pydicom.uid import CTImageStorage, EnhancedCTImageStorage

from service.domain.errors import Unsupported

Values = NDArray[Any]
Shown = NDArray[np.uint16]

WHITE = 65535
_PERCENTILES = (0.5, 99.5)
"""Without a usable window the picture is stretched between these, so that a few burnt-in or dead pixels do not
flatten it. (A window that an author stored is always preferred.)"""
_GROUPS = (
    "PixelValueTransformationSequence", "FrameVOILUTSequence", "PixelMeasuresSequence", "PlanePositionSequence",
    "PlaneOrientationSequence",
)  # fmt: skip


def flattened(dataset: Dataset, frame: int) -> Dataset:
    """The attributes of one frame: functional groups over the top level (PS3.3 C.7.6.16); `frame` counts from 1."""
    flat = Dataset()
    if hasattr(dataset, "file_meta"):
        flat.file_meta = dataset.file_meta  # lookup tables are words in the byte order of the object
    flat.update({element.tag: element for element in dataset if element.tag.group in {0x0018, 0x0020, 0x0028, 0x2050}})
    for group in _groups(dataset, frame):
        for name in _GROUPS:
            if items := group.get(name):
                flat.update(items[0])
    return flat


def _groups(dataset: Dataset, frame: int) -> Iterator[Dataset]:
    if shared := dataset.get("SharedFunctionalGroupsSequence"):
        yield shared[0]
    per_frame = dataset.get("PerFrameFunctionalGroupsSequence") or ()
    if frame <= len(per_frame):
        yield per_frame[frame - 1]


def shown(stored: Values, attributes: Dataset) -> Shown:
    """One decoded frame as MONOCHROME2 over 0..65535. Raises Unsupported for a colour space without a rule."""
    photometric = _photometric(attributes)
    if photometric == "PALETTE COLOR":
        return _luminance(apply_color_lut(stored, attributes))
    if stored.ndim == 3 and photometric in {"RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT"}:
        return _luminance(stored)  # the decoder has made RGB of YBR
    if stored.ndim != 2 or photometric not in {"MONOCHROME1", "MONOCHROME2", ""}:
        raise Unsupported(f"Pictures in {photometric or 'an unnamed colour space'} cannot be shown to a model.")
    grey = _voi(apply_modality_lut(stored, attributes), stored, attributes)
    if photometric == "MONOCHROME1":
        grey = WHITE - grey
    padding = _padding(stored, attributes)
    return cast(Shown, grey if padding is None else np.where(padding, np.uint16(0), grey))


def rescaled(stored: Values, attributes: Dataset) -> NDArray[np.float32]:
    """One decoded frame in modality units (Rescale, Modality LUT), NaN for padding. Raises Unsupported for colours."""
    photometric = str(attributes.get("PhotometricInterpretation", "")).strip()
    if stored.ndim != 2 or photometric not in {"MONOCHROME1", "MONOCHROME2", ""}:
        raise Unsupported(f"Pictures in {photometric or 'an unnamed colour space'} have no modality units.")
    values = np.asarray(apply_modality_lut(stored, attributes), np.float32)
    padding = _padding(stored, attributes)
    return values if padding is None else np.where(padding, np.float32(np.nan), values)


def measured(stored: Values, attributes: Dataset) -> NDArray[np.int16]:
    """The same in whole numbers, cut to what int16 holds; padding becomes the least value of the rest."""
    values = rescaled(stored, attributes)
    known = values[np.isfinite(values)]
    least = float(known.min()) if known.size else 0.0
    limits = np.iinfo(np.int16)
    whole = np.clip(np.rint(np.nan_to_num(values, nan=least)), limits.min, limits.max)
    units: NDArray[np.int16] = whole.astype(np.int16)
    return units


def unit(header: Dataset, attributes: Dataset) -> str:
    """Rescale Type; CT values with a slope are Hounsfield units where it is missing (PS3.3 C.8.2.1.1.2)."""
    stated = str(attributes.get("RescaleType", "") or "").strip()
    if stated or header.get("SOPClassUID") not in {CTImageStorage, EnhancedCTImageStorage}:
        return "" if stated == "US" else stated
    return "HU" if "RescaleSlope" in attributes else ""


def _luminance(rgb: Values) -> Shown:
    """Rec. 601 luma; the picture's own full scale is white."""
    full = np.iinfo(rgb.dtype).max if rgb.dtype.kind in "ui" else max(float(rgb.max(initial=0.0)), 1.0)
    return _scaled(rgb[..., :3].astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32), 0.0, float(full))


def _voi(values: Values, stored: Values, attributes: Dataset) -> Shown:
    """VOI LUT, else window, else percentiles; also percentiles where the former give an empty picture."""
    picture = _by_table(values, attributes)
    if picture is None and (window := _window(attributes)):
        picture = windowed(values, *window)
    if picture is not None and (picture.min() != picture.max() or values.min() == values.max()):
        return picture
    return _scaled(values, *_stretch(values, stored, attributes))


def _stretch(values: Values, stored: Values, attributes: Dataset) -> tuple[float, float]:
    """The values that become black and white where no window says so."""
    padding = _padding(stored, attributes)
    meant = values if padding is None or padding.all() else values[~padding]
    low, high = (float(limit) for limit in np.percentile(meant, _PERCENTILES))
    return (low, high) if low < high else (float(meant.min()), float(meant.max()))


def greys(stored: Values, attributes: Dataset) -> dict[str, Any] | None:
    """The arguments of `service.ports.pixels.Greys`; None for colour and for a modality lookup table.

    A VOI lookup table is answered with the window that shows about the same.
    """
    if stored.ndim != 2 or attributes.get("ModalityLUTSequence") or "PALETTE" in _photometric(attributes):
        return None
    values = apply_modality_lut(stored, attributes)
    window = None if attributes.get("VOILUTSequence") else _window(attributes)
    if window is None:
        low, high = _stretch(values, stored, attributes)
        window = (low + high) / 2 + 0.5, high - low + 1, "LINEAR"  # the one that every viewer knows
    slope, intercept = number(attributes, "RescaleSlope"), number(attributes, "RescaleIntercept")
    rescaled = slope is not None and intercept is not None
    return {
        "slope": slope if rescaled else 1.0,
        "intercept": intercept if rescaled else 0.0,
        "centre": window[0],
        "width": window[1],
        "function": window[2],
        "inverted": _photometric(attributes) == "MONOCHROME1",
    }


def _photometric(attributes: Dataset) -> str:
    return str(attributes.get("PhotometricInterpretation", "")).strip()


def _by_table(values: Values, attributes: Dataset) -> Shown | None:
    """The VOI LUT's output over its own full scale; None without a table that can be read."""
    if not attributes.get("VOILUTSequence") or values.dtype.kind not in "ui":
        return None
    try:
        bits = int(attributes.VOILUTSequence[0].LUTDescriptor[2])
        return _scaled(apply_voi(values, attributes), 0.0, float(2**bits - 1))
    except (AttributeError, IndexError, NotImplementedError, TypeError, ValueError, struct.error):
        return None  # packed bytes, missing or odd tables: the window or the percentiles show the picture, too


def _window(attributes: Dataset) -> tuple[float, float, str] | None:
    """Centre, width and function of the first window; None without a usable one (PS3.3 C.11.2.1.2)."""
    centre, width = number(attributes, "WindowCenter"), number(attributes, "WindowWidth")
    function = str(attributes.get("VOILUTFunction", "") or "LINEAR").strip()
    if centre is None or width is None or width < (1 if function == "LINEAR" else 1e-9):
        return None
    return centre, width, function


def windowed(values: Values, centre: float, width: float, function: str) -> Shown:
    """Modality values through one window: LINEAR, LINEAR_EXACT or SIGMOID (PS3.3 C.11.2.1.2)."""
    if function == "SIGMOID":
        exponent = np.clip(-4.0 * (values.astype(np.float64) - centre) / width, -60, 60)
        return _scaled(1.0 / (1.0 + np.exp(exponent)), 0.0, 1.0)
    if function == "LINEAR_EXACT":
        return _scaled(values, centre - width / 2, centre + width / 2)
    return _scaled(values, centre - 0.5 - (width - 1) / 2, centre - 0.5 + (width - 1) / 2)


def _scaled(values: Values, low: float, high: float) -> Shown:
    """`low` and below becomes black, `high` and above white."""
    if not high > low:
        return np.where(values > low, np.uint16(WHITE), np.uint16(0))
    span = np.clip((values.astype(np.float64) - low) / (high - low), 0.0, 1.0)
    return np.round(span * WHITE).astype(np.uint16)


def _padding(stored: Values, attributes: Dataset) -> NDArray[np.bool_] | None:
    """Which stored values are padding (PS3.3 C.7.5.1.1.2); None if the object names none."""
    first = number(attributes, "PixelPaddingValue")
    if first is None:
        return None
    last = number(attributes, "PixelPaddingRangeLimit")
    low, high = sorted((first, first if last is None else last))
    return (stored >= low) & (stored <= high)


def spacing_mm(attributes: Dataset) -> tuple[float, float] | None:
    """Row and column spacing: Pixel Spacing, else Imager Pixel Spacing."""
    for keyword in ("PixelSpacing", "ImagerPixelSpacing"):
        value = attributes.get(keyword)
        if value is not None and not isinstance(value, str) and len(value) == 2:
            row, column = (float(part) for part in value)
            if row > 0 and column > 0 and math.isfinite(row + column):
                return row, column
    return None


def number(attributes: Dataset, keyword: str) -> float | None:
    """The first value of a numeric attribute; None if there is none or it is not finite."""
    value = attributes.get(keyword)
    if value is not None and not isinstance(value, str | bytes | int | float):
        value = value[0] if len(value) else None
    try:
        found = float(value) if value is not None else math.nan
    except ValueError:
        return None
    return found if math.isfinite(found) else None
