"""What kind of object a SOP class is: an image that may trigger a reading, or not (PS3.4 Annex B.5)."""

from __future__ import annotations

from pydicom._uid_dict import UID_dictionary
from pydicom.uid import UID

_STORAGE = "Storage"
_NOT_IMAGES = (
    "SR", "Structured Report", "Presentation State", "Key Object", "Segmentation", "Encapsulated", "Document",
    "Secondary Capture", "Waveform", "RT ", "Raw Data", "Registration", "Fiducials", "Spectroscopy",
    "Hanging Protocol", "Color Palette", "Surface Scan", "Real World Value", "Measurements", "Report",
    "Stereometric", "Tractography", "Content Assessment", "Template", "Parametric Map", "Procedure Log",
    "Dose", "Lens", "Refraction", "Keratometry", "Visual Acuity", "Annotation", "Inventory", "Storage Commitment",
    "Performed Procedure", "Protocol", "Media",
)  # fmt: skip


def is_image(sop_class_uid: UID) -> bool:
    """Whether instances of this storage class are images that trigger by default (invariant 6).

    SR, PR, KO, SEG, SC, PDF and everything that is not acquired pixels need an explicit rule.
    """
    name = UID_dictionary.get(sop_class_uid, ("",))[0]
    return _STORAGE in name and not any(word in name for word in _NOT_IMAGES)


def has_pixels(sop_class_uid: UID) -> bool:
    """Whether instances of this storage class are images of any kind, acquired or made."""
    name = UID_dictionary.get(sop_class_uid, ("",))[0]
    return is_image(sop_class_uid) or "Secondary Capture" in name or "Segmentation Storage" in name
