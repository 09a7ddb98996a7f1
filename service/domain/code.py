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

# Presence (CID 240 "Present-Absent") and the concept that asks for it
PRESENT = Code("52101004", "SCT", "Present")
ABSENT = Code("2667000", "SCT", "Absent")
PRESENCE = Code("705057003", "SCT", "Presence")

# Severity (CID 3716)
SEVERITY = Code("246112005", "SCT", "Severity")
MILD = Code("255604002", "SCT", "Mild")
MODERATE = Code("6736007", "SCT", "Moderate")
SEVERE = Code("24484000", "SCT", "Severe")

# Sites (CID 4, CID 6103) and laterality (CID 244)
CHEST = Code("51185008", "SCT", "Chest")
HEART = Code("80891009", "SCT", "Heart")
LUNG = Code("39607008", "SCT", "Lung")
PLEURA = Code("3120008", "SCT", "Pleura")
RIGHT = Code("24028007", "SCT", "Right")
LEFT = Code("7771000", "SCT", "Left")

# Measurements (UCUM units)
DIAMETER = Code("81827009", "SCT", "Diameter")
MILLIMETER = Code("mm", "UCUM", "millimeter")
AREA = Code("42798000", "SCT", "Area")
SQUARE_MILLIMETER = Code("mm2", "UCUM", "square millimeter")
VOLUME = Code("118565006", "SCT", "Volume")
MILLILITER = Code("ml", "UCUM", "milliliter")
PERCENT = Code("%", "UCUM", "percent")
CERTAINTY = Code("111012", "DCM", "Certainty of Finding")

# Procedure reported (CID 100)
XR_PROCEDURE = Code("43468-8", "LN", "XR unspecified body region")
CT_PROCEDURE = Code("25045-6", "LN", "CT unspecified body region")
MR_PROCEDURE = Code("25056-3", "LN", "MRI unspecified body region")
UNKNOWN_PROCEDURE = Code("363679005", "SCT", "Imaging procedure")

PROCEDURES = {
    "CR": XR_PROCEDURE, "DX": XR_PROCEDURE, "CT": CT_PROCEDURE, "MR": MR_PROCEDURE,
}  # fmt: skip
