"""Code: one coded concept (PS3.3 8.8), and every concept in use, once, by name."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Code:
    """Value, coding scheme designator and meaning; two codes are equal by value and scheme."""

    value: str
    scheme: str
    meaning: str

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Code) and (self.value, self.scheme) == (other.value, other.scheme)

    def __hash__(self) -> int:
        return hash((self.value, self.scheme))


# Findings of the chest radiograph (SNOMED CT; CID 6101, 6102)
CARDIOMEGALY = Code("8186001", "SCT", "Cardiomegaly")
PLEURAL_EFFUSION = Code("60046008", "SCT", "Pleural effusion")
PNEUMOTHORAX = Code("36118008", "SCT", "Pneumothorax")
NODULE = Code("27925004", "SCT", "Nodule")
CONSOLIDATION = Code("95436008", "SCT", "Lung consolidation")
RIB_FRACTURE = Code("33737001", "SCT", "Fracture of rib")
EMPHYSEMA = Code("87433001", "SCT", "Pulmonary emphysema")
ENLARGED = Code("260376009", "SCT", "Enlarged")
"""Says of its site what no concept of its own says: a widened mediastinum is "Enlarged" at "Mediastinum" (CID 6107)."""

# Devices seen in the chest (CID 6138, CID 74)
CENTRAL_VENOUS_CATHETER = Code("52124006", "SCT", "Central venous catheter")
ENDOTRACHEAL_TUBE = Code("26412008", "SCT", "Endotracheal tube")

# Presence (CID 240 "Present-Absent") and the concept that asks for it
PRESENT = Code("52101004", "SCT", "Present")
ABSENT = Code("2667000", "SCT", "Absent")
PRESENCE = Code("705057003", "SCT", "Presence")

# Severity (CID 3716)
SEVERITY = Code("246112005", "SCT", "Severity")
MILD = Code("255604002", "SCT", "Mild")
MODERATE = Code("6736007", "SCT", "Moderate")
SEVERE = Code("24484000", "SCT", "Severe")

# Sites (CID 4, CID 6171 for the zones of the lung), what modifies them (CID 2) and laterality (CID 244)
CHEST = Code("51185008", "SCT", "Chest")
HEART = Code("80891009", "SCT", "Heart")
LUNG = Code("39607008", "SCT", "Lung")
UPPER_ZONE = Code("281392002", "SCT", "Upper zone of lung")
MIDDLE_ZONE = Code("281393007", "SCT", "Middle zone of lung")
LOWER_ZONE = Code("281394001", "SCT", "Lower zone of lung")
PLEURA = Code("3120008", "SCT", "Pleura")
RIB = Code("113197003", "SCT", "Rib")
MEDIASTINUM = Code("72410000", "SCT", "Mediastinum")
SUPERIOR_VENA_CAVA = Code("48345005", "SCT", "Superior vena cava")
RIGHT_ATRIUM = Code("73829009", "SCT", "Right atrium")
CARINA = Code("28700002", "SCT", "Carina")
UNPAIRED = frozenset({HEART, MEDIASTINUM, SUPERIOR_VENA_CAVA, RIGHT_ATRIUM, CARINA})
"""Sites without a left and a right: a side beside one of them is the finding's own (a line from the right)."""
ANTERIOR = Code("255549009", "SCT", "Anterior")
POSTERIOR = Code("255551008", "SCT", "Posterior")
RIGHT = Code("24028007", "SCT", "Right")
LEFT = Code("7771000", "SCT", "Left")

# Measurements (UCUM units)
DISTANCE = Code("121206", "DCM", "Distance")
DIAMETER = Code("81827009", "SCT", "Diameter")
MILLIMETER = Code("mm", "UCUM", "millimeter")
AREA = Code("42798000", "SCT", "Area")
SQUARE_MILLIMETER = Code("mm2", "UCUM", "square millimeter")
VOLUME = Code("118565006", "SCT", "Volume")
MILLILITER = Code("ml", "UCUM", "milliliter")
SLICE_THICKNESS = Code("112225", "DCM", "Slice Thickness")
SLICE_SPACING = Code("112226", "DCM", "Spacing between slices")
ATTENUATION = Code("112031", "DCM", "Attenuation Coefficient")
HOUNSFIELD_UNIT = Code("[hnsf'U]", "UCUM", "Hounsfield unit")
LOW_ATTENUATION_AREA = Code("laa-950", "99PREREAD", "Low attenuation area, voxels below -950 HU")
PERCENT = Code("%", "UCUM", "percent")
CERTAINTY = Code("111012", "DCM", "Certainty of Finding")

# How a number was derived from many (CID 7464)
MEAN = Code("373098007", "SCT", "Mean")
STANDARD_DEVIATION = Code("386136009", "SCT", "Standard Deviation")
MEDIAN = Code("373099004", "SCT", "Median")

# What a group of measurements is of, where it is no finding of disease
QUALITY_FINDING = Code("111052", "DCM", "Quality Finding")
BODY_ATTENUATION = Code("body-attenuation", "99PREREAD", "Attenuation of the body")
LUNG_MEASUREMENTS = Code("lung-measurements", "99PREREAD", "Volume and attenuation of the lungs")

# Procedure reported (CID 100)
XR_PROCEDURE = Code("43468-8", "LN", "XR unspecified body region")
CT_PROCEDURE = Code("25045-6", "LN", "CT unspecified body region")
MR_PROCEDURE = Code("25056-3", "LN", "MRI unspecified body region")
UNKNOWN_PROCEDURE = Code("363679005", "SCT", "Imaging procedure")

PROCEDURES = {
    "CR": XR_PROCEDURE, "DX": XR_PROCEDURE, "CT": CT_PROCEDURE, "MR": MR_PROCEDURE,
}  # fmt: skip
