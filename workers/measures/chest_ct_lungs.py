"""Both lungs on a chest CT: volume, mean density, low attenuation area; refused where geometry forbids it."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from pydicom.uid import UID

from service.domain import code
from service.domain.errors import Unsupported
from service.domain.geometry import volume
from service.domain.report import Finding, Mask, Measurement, Section, Sentence
from service.domain.study import Instance
from service.domain.uids import derive_uid
from service.ports.image_models import LabelMap
from service.ports.pixels import Rescaled
from workers.algorithms.base import Draft
from workers.measures.attenuation import AIR_BELOW_HU, EMPHYSEMA_BELOW_HU
from workers.measures.base import Numbers, Series

ALGORITHM = "chest-ct-lungs"
METHOD = f"connected air below {AIR_BELOW_HU} HU inside of the body, central airways included"
BODY_PARTS = frozenset({"CHEST", "THORAX", "LUNG", "CHESTABDOMEN", "CHESTABDPELVIS"})
"""Body Part Examined (0018,0015), PS3.16 Annex L."""
HU = np.iinfo(np.int16)
MILLION = 1_000_000
MAX_VOXELS = 200 * MILLION
"""About 760 slices of 512 x 512, which take 3 GB while their lungs are found; a larger series is refused early."""


def accepts(instance: Instance) -> str | None:
    if instance.modality != "CT":
        return f"modality is {instance.modality or 'not stated'}; lungs are measured on CT"
    if instance.body_part not in BODY_PARTS:
        return f"body part is {instance.body_part or 'not stated'}; lungs are measured on the chest"
    return "it has several frames; series of single images are measured" if instance.frames != 1 else None


def measure(frames: Iterable[Rescaled]) -> Numbers:
    from workers.measures.lungs import lungs  # its library is large, and most processes never measure

    planes, slices, sources, room = [], [], [], MAX_VOXELS
    for frame in frames:
        if frame.unit != "HU":
            raise Unsupported(f"its values are no Hounsfield units ({frame.unit or 'no unit'})")
        if (room := room - frame.values.size) < 0:
            raise Unsupported(f"the series has more than {MAX_VOXELS // MILLION} million voxels, too many to measure")
        planes.append(frame.plane)
        sources.append(frame.source)
        slices.append(np.nan_to_num(frame.values, nan=-1024).clip(HU.min, HU.max).astype(np.int16))
    stacked = volume(planes)
    spacings = {plane.spacing_mm for plane in planes}
    if len(spacings) != 1 or (spacing := spacings.pop()) is None or len({each.shape for each in slices}) != 1:
        raise Unsupported("its slices differ in size or pixel spacing, or state none")
    hu = np.stack([slices[index] for index in stacked.order])
    found = lungs(hu, (stacked.mean_spacing_mm, *spacing))
    return {
        "volume_ml": round(found.volume_ml),
        "mean_hu": round(found.mean_hu, 1),
        "below_950_percent": round(found.below_950_percent, 1),
        "mask": {
            "images": [sources[index] for index in stacked.order],
            "map": LabelMap.of(found.mask.astype(np.uint8)).plain,
        },
    }


def draft(numbers: Numbers, series: Series, *, namespace: str) -> Draft:
    tracking = f"lungs-{series.number}" if series.of > 1 else "lungs"
    size = Measurement(concept=code.VOLUME, value=numbers["volume_ml"], unit=code.MILLILITER)
    density = Measurement(
        concept=code.ATTENUATION,
        value=numbers["mean_hu"],
        unit=code.HOUNSFIELD_UNIT,
        derivation=code.MEAN,
    )
    low = Measurement(concept=code.LOW_ATTENUATION_AREA, value=numbers["below_950_percent"], unit=code.PERCENT)
    finding = Finding(
        tracking_id=tracking,
        tracking_uid=derive_uid(namespace, tracking),
        concept=code.LUNG_MEASUREMENTS,
        present=True,
        site=code.LUNG,
        measurements=(size, density, low),
        evidence=series.ends,
        mask=_mask(numbers),
    )
    text = (
        f"{series.where}Lungs: volume {size.text}, mean density {density.text}, "
        f"{low.text} below {EMPHYSEMA_BELOW_HU} HU ({METHOD})."
    )
    return Draft(findings=(finding,), sentences=(Sentence(section=Section.FINDINGS, text=text, findings=(tracking,)),))


def _mask(numbers: Numbers) -> Mask:
    """The lungs' pixels, label 1 of the map that was kept with the numbers."""
    told = numbers["mask"]
    marked = LabelMap.from_plain(told["map"])
    return Mask(
        sha256=marked.sha256,
        label=1,
        rows=marked.rows,
        columns=marked.columns,
        images=tuple(UID(uid) for uid in told["images"]),
        structure=code.LUNG,
    )
