"""Concepts that structure a report: titles, headings and names of content items (PS3.16).

What a finding is called stands in service.domain.code; this is the grammar around it. The meanings are
written as in the standard and never translated: some viewers read them literally.
"""

from __future__ import annotations

from service.domain.code import Code

# Document titles (CID 7000, CID 7021)
DIAGNOSTIC_IMAGING_REPORT = Code("18748-4", "LN", "Diagnostic Imaging Report")
IMAGING_MEASUREMENT_REPORT = Code("126000", "DCM", "Imaging Measurement Report")
OF_INTEREST = Code("113000", "DCM", "Of Interest")
"""Title of a key object selection (CID 7010)."""
KEY_OBJECT_DESCRIPTION = Code("113012", "DCM", "Key Object Description")

# Headings and elements of a report (CID 7001, CID 7002). PS3.16 has since moved the headings to LOINC; CID 7001
# is extensible, and validators and workstations know these.
SUMMARY = Code("121111", "DCM", "Summary")
FINDINGS = Code("121070", "DCM", "Findings")
FINDING = Code("121071", "DCM", "Finding")
CONCLUSIONS = Code("121076", "DCM", "Conclusions")
CONCLUSION = Code("121077", "DCM", "Conclusion")
PROCEDURE_DESCRIPTIONS = Code("121064", "DCM", "Current Procedure Descriptions")
PROCEDURE_DESCRIPTION = Code("121065", "DCM", "Procedure Description")
COMMENT = Code("121106", "DCM", "Comment")

# Why an image, or a region of it, is referenced (CID 7003)
BEST_ILLUSTRATION = Code("121080", "DCM", "Best illustration of finding")
SOURCE_OF_MEASUREMENT = Code("121112", "DCM", "Source of Measurement")

# Context: language (TID 1204), procedure, observer (TID 1002, TID 1004)
LANGUAGE = Code("121049", "DCM", "Language of Content Item and Descendants")
PROCEDURE_REPORTED = Code("121058", "DCM", "Procedure reported")
OBSERVER_TYPE = Code("121005", "DCM", "Observer Type")
DEVICE = Code("121007", "DCM", "Device")
DEVICE_OBSERVER_UID = Code("121012", "DCM", "Device Observer UID")
DEVICE_OBSERVER_NAME = Code("121013", "DCM", "Device Observer Name")
DEVICE_OBSERVER_MANUFACTURER = Code("121014", "DCM", "Device Observer Manufacturer")
DEVICE_OBSERVER_MODEL = Code("121015", "DCM", "Device Observer Model Name")
DEVICE_OBSERVER_SERIAL = Code("121016", "DCM", "Device Observer Serial Number")

# Algorithm identification (TID 4019; family from CID 7162)
ALGORITHM_FAMILY = Code("111000", "DCM", "Algorithm Family")
ALGORITHM_NAME = Code("111001", "DCM", "Algorithm Name")
ALGORITHM_PARAMETERS = Code("111002", "DCM", "Algorithm Parameters")
ALGORITHM_VERSION = Code("111003", "DCM", "Algorithm Version")
ARTIFICIAL_INTELLIGENCE = Code("123110", "DCM", "Artificial Intelligence")
PROCESSING_EQUIPMENT = Code("109102", "DCM", "Processing Equipment")

# Image library (TID 1600, TID 1601, TID 1602)
IMAGE_LIBRARY = Code("111028", "DCM", "Image Library")
IMAGE_LIBRARY_GROUP = Code("126200", "DCM", "Image Library Group")
MODALITY = Code("121139", "DCM", "Modality")

# Measurement groups (TID 1500, TID 1501)
IMAGING_MEASUREMENTS = Code("126010", "DCM", "Imaging Measurements")
DERIVATION = Code("121401", "DCM", "Derivation")
MEASUREMENT_GROUP = Code("125007", "DCM", "Measurement Group")
TRACKING_IDENTIFIER = Code("112039", "DCM", "Tracking Identifier")
TRACKING_UID = Code("112040", "DCM", "Tracking Unique Identifier")
FINDING_SITE = Code("363698007", "SCT", "Finding Site")
LATERALITY = Code("272741003", "SCT", "Laterality")
TOPOGRAPHICAL_MODIFIER = Code("106233006", "SCT", "Topographical modifier")

# Segmentation (CID 7150, 7203, 7202)
ABNORMAL_STRUCTURE = Code("49755003", "SCT", "Morphologically Abnormal Structure")
ANATOMICAL_STRUCTURE = Code("91723000", "SCT", "Anatomical Structure")
SEGMENTATION = Code("113076", "DCM", "Segmentation")
SOURCE_IMAGE = Code("121322", "DCM", "Source image for image processing operation")

AREA = Code("42798000", "SCT", "Area")

MODALITIES = {
    code.value: code
    for code in (
        Code("CR", "DCM", "Computed Radiography"),
        Code("CT", "DCM", "Computed Tomography"),
        Code("DX", "DCM", "Digital Radiography"),
        Code("MG", "DCM", "Mammography"),
        Code("MR", "DCM", "Magnetic Resonance"),
        Code("NM", "DCM", "Nuclear Medicine"),
        Code("PT", "DCM", "Positron emission tomography"),
        Code("RF", "DCM", "Radiofluoroscopy"),
        Code("US", "DCM", "Ultrasound"),
        Code("XA", "DCM", "X-Ray Angiography"),
    )
}
"""Acquisition modality (CID 29) by Modality (0008,0060)."""

LANGUAGES = {
    "de": "German", "en": "English", "es": "Spanish", "fr": "French", "it": "Italian", "ja": "Japanese",
    "nl": "Dutch", "pl": "Polish", "pt": "Portuguese", "ru": "Russian", "tr": "Turkish", "zh": "Chinese",
}  # fmt: skip
"""English names of languages by primary subtag (CID 5000); others stand as their tag."""
