"""Body Part Examined and Laterality of a series of pictures (PS3.3 C.7.3.1)."""

from __future__ import annotations

from collections.abc import Iterable

from pydicom.dataset import Dataset

from dicom_nodes.objects.context import EncodingContext
from dicom_nodes.objects.evidence import known_instances
from dicom_nodes.objects.text import code_string
from service.domain.report import Evidence

UNPAIRED = frozenset({
    "ABDOMEN", "ABDOMENPELVIS", "AORTA", "BLADDER", "BRAIN", "CEREBELLUM", "CHEST", "CHESTABDOMEN", "CHESTABDPELVIS",
    "COCCYX", "COLON", "CSPINE", "CTSPINE", "DUODENUM", "ESOPHAGUS", "GALLBLADDER", "HEAD", "HEADNECK", "HEART",
    "JAW", "LARYNX", "LIVER", "LSPINE", "LSSPINE", "MEDIASTINUM", "NECK", "NECKCHEST", "NOSE", "PANCREAS", "PELVIS",
    "PENIS", "PHARYNX", "PROSTATE", "RECTUM", "SKULL", "SPINE", "SPLEEN", "SSPINE", "STERNUM", "STOMACH", "THYMUS",
    "THYROID", "TLSPINE", "TONGUE", "TRACHEA", "TSPINE", "URETHRA", "UTERUS", "VAGINA", "WHOLEBODY",
})  # fmt: skip
"""Body parts without a left and a right (PS3.16 Annex L)."""


def body_part(dataset: Dataset, images: Iterable[Evidence], context: EncodingContext) -> None:
    """Body Part Examined (0018,0015) that all `images` name, and of a paired part Laterality (0020,0060).

    The side has to be there unless the part has none; it is empty where it is not known.
    """
    known = known_instances(context)
    uids = {image.sop_instance_uid for image in images}
    seen = {(known[uid].body_part, known[uid].laterality) if uid in known else ("", "") for uid in uids}
    part, side = seen.pop() if len(seen) == 1 else ("", "")
    if code_string(part):
        dataset.BodyPartExamined = code_string(part)
    if part not in UNPAIRED:
        dataset.Laterality = side if side in {"L", "R"} else ""
