"""Answers in the forms of the demo model, written by hand, and the images they are of."""

from __future__ import annotations

from collections.abc import Sequence

from pydicom.uid import UID, CTImageStorage, DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian

from service.domain.study import Instance, StoredInstance
from service.ports.finish import Finish
from service.ports.models import Answer, Piece

FRONTAL = (
    "The heart size is normal.", "The mediastinum is not widened.", "No pleural effusion.", "No pneumothorax.",
    "No consolidation.", "No pulmonary nodule.", "No rib fracture.", "No central venous line.", "No endotracheal tube.",
)  # fmt: skip
LATERAL = ("The heart size is normal.", "No pleural effusion.", "No consolidation.", "No pulmonary nodule.")
CT = ("No pleural effusion.", "No pneumothorax.", "No consolidation.", "No pulmonary nodule.", "No emphysema.")


def narrative(absent: Sequence[str], impression: str = "normal study", **said: str) -> str:
    """`absent` with the sentences `said` in the place of those that begin as their keys name them.

    `effusion="There is ..."` takes the place of "No pleural effusion.".
    """
    findings = [next((new for word, new in said.items() if word in old), old) for old in absent]
    return f"FINDINGS: {' '.join(findings)} IMPRESSION: {impression}."


NORMAL = narrative(FRONTAL)
ILL = narrative(
    FRONTAL,
    "moderate cardiomegaly, widened mediastinum, small left pleural effusion, large right pneumothorax, "
    "right lower zone consolidation, right upper zone nodule, left rib fracture, right central venous line, "
    "endotracheal tube",
    heart="There is moderate cardiomegaly [50 60 110 120].",
    mediastinum="The mediastinum is widened [60 20 100 70].",
    effusion="There is a small left pleural effusion [100 120 140 150].",
    pneumothorax="There is a large right pneumothorax [10 20 60 90].",
    consolidation="There is a right lower zone consolidation [20 100 60 130].",
    nodule="There is a 14 mm nodule in the right upper zone [30 30 38 38].",
    rib="There is a left rib fracture [120 60 130 66].",
    line="A right central venous line ends in the superior vena cava [60 10 80 60].",
    tube="An endotracheal tube ends 35 mm above the carina [76 0 84 50].",
)
"""Everything that a frontal radiograph may show."""


def radiograph(number: int = 1, view: str = "PA", **attributes: str) -> Instance:
    """A chest radiograph of 1600 x 1600 pixels: a bin is 10 pixels."""
    known = {"Modality": "DX", "BodyPartExamined": "CHEST", "ViewPosition": view, "Rows": "1600", "Columns": "1600"}
    return Instance(
        sop_class_uid=DigitalXRayImageStorageForPresentation,
        sop_instance_uid=UID(f"1.2.{number}"),
        series_instance_uid=UID("1.3"),
        study_instance_uid=UID("1.4"),
        transfer_syntax_uid=ExplicitVRLittleEndian,
        attributes={**known, **attributes},
    )


def ct_slice(number: int = 1, *, z_mm: float | None = None, series: str = "1.3", **attributes: str) -> Instance:
    """An axial slice of 320 x 320 pixels, 5 mm above the one before it: a bin is 2 pixels."""
    known = {
        "Modality": "CT", "BodyPartExamined": "CHEST", "Rows": "320", "Columns": "320", "InstanceNumber": str(number),
        "ImagePositionPatient": f"-160\\-160\\{5.0 * number if z_mm is None else z_mm}",
        "ImageOrientationPatient": "1\\0\\0\\0\\1\\0", "SliceThickness": "5",
    }  # fmt: skip
    return Instance(
        sop_class_uid=CTImageStorage,
        sop_instance_uid=UID(f"{series}.{number}"),
        series_instance_uid=UID(series),
        study_instance_uid=UID("1.4"),
        transfer_syntax_uid=ExplicitVRLittleEndian,
        attributes={**known, **attributes},
    )


def stored(instance: Instance) -> StoredInstance:
    return StoredInstance(instance=instance, location="main:x", sha256="0", size=1)


def answer(text: str = NORMAL, *, pieces: tuple[Piece, ...] = (), finish: Finish = Finish.STOP) -> Answer:
    return Answer(text=text, finish=finish, model="chest_demo", version="2", digest="d", pieces=pieces)
