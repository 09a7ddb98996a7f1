"""What kind of object a SOP class is: an image that may trigger a reading, or not (PS3.4 Annex B.5)."""

from __future__ import annotations

from functools import lru_cache

from pydicom._uid_dict import UID_dictionary
from pydicom.uid import (
    UID,
    BasicTextSRStorage,
    Comprehensive3DSRStorage,
    ComprehensiveSRStorage,
    ContentAssessmentResultsStorage,
    EnhancedSRStorage,
    ExtensibleSRStorage,
    SegmentationStorage,
)

LABEL_MAP_SEGMENTATION_STORAGE = UID("1.2.840.10008.5.1.4.1.1.66.7")
"""Younger than pydicom's dictionary."""

_DOCUMENTS = frozenset(
    {BasicTextSRStorage, EnhancedSRStorage, ComprehensiveSRStorage, Comprehensive3DSRStorage, ExtensibleSRStorage}
)
_STORAGE = "Storage"
_NOT_IMAGES = (
    "SR", "Structured Report", "Presentation State", "Key Object", "Segmentation", "Encapsulated", "Document",
    "Secondary Capture", "Waveform", "RT ", "Raw Data", "Registration", "Fiducials", "Spectroscopy",
    "Hanging Protocol", "Color Palette", "Surface Scan", "Real World Value", "Measurements", "Report",
    "Stereometric", "Tractography", "Content Assessment", "Template", "Parametric Map", "Procedure Log",
    "Dose", "Lens", "Refraction", "Keratometry", "Visual Acuity", "Annotation", "Inventory", "Storage Commitment",
    "Performed Procedure", "Protocol", "Media",
)  # fmt: skip


@lru_cache(512)
def is_image(sop_class_uid: UID) -> bool:
    """Whether instances of this storage class are images that trigger by default (invariant 6).

    SR, PR, KO, SEG, SC, PDF and everything that is not acquired pixels need an explicit rule.
    """
    name = UID_dictionary.get(sop_class_uid, ("",))[0]
    return _STORAGE in name and not any(word in name for word in _NOT_IMAGES)


def is_document(sop_class_uid: UID) -> bool:
    """Whether instances of this storage class are structured reports in which a person's words may stand."""
    return sop_class_uid in _DOCUMENTS


def is_segmentation(sop_class_uid: UID) -> bool:
    """Whether instances of this storage class mark pixels of images (PS3.3 A.51)."""
    return sop_class_uid in {SegmentationStorage, LABEL_MAP_SEGMENTATION_STORAGE}


def comes_back(sop_class_uid: UID) -> bool:
    """Whether what a workstation makes of a result of ours may be of this storage class."""
    return (
        is_document(sop_class_uid) or is_segmentation(sop_class_uid) or sop_class_uid == ContentAssessmentResultsStorage
    )


def has_pixels(sop_class_uid: UID) -> bool:
    """Whether instances of this storage class are images of any kind, acquired or made."""
    name = UID_dictionary.get(sop_class_uid, ("",))[0]
    return is_image(sop_class_uid) or "Secondary Capture" in name or "Segmentation Storage" in name
