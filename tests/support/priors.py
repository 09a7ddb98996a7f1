"""Earlier studies of one patient, and what a question about them brings from any archive."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydicom.uid import UID

from dicom_nodes.sources import PriorSources
from service.adapters.part10 import Part10Headers
from service.adapters.spool_files import FileSpool
from service.domain.prior import PriorNode
from service.domain.study import Identity, Patient
from service.flow.priors import Brought, bring
from tests.support.instances import instance, part10

JANE = Patient(patient_id="P-77", issuer="CLINIC", name="Doe^Jane", birth_date="19600102", sex="F")
TODAY = Identity(patient=JANE, study_date="20260301", study_time="120000")
HERE = UID("1.2.826.0.1.3680043.10.77.1")


def an_image(name: str, **attributes: Any) -> bytes:
    """A small radiograph of Jane, in a study of its own unless told otherwise."""
    usual = {
        "PatientID": JANE.patient_id, "IssuerOfPatientID": JANE.issuer, "PatientName": JANE.name,
        "PatientBirthDate": JANE.birth_date, "PatientSex": JANE.sex, "StudyDate": "20250301", "StudyTime": "0900",
        "Modality": "CR", "StudyInstanceUID": UID(f"1.2.826.0.1.3680043.10.77.{len(name)}{ord(name[0])}"),
        "SeriesInstanceUID": UID(f"1.2.826.0.1.3680043.10.77.{len(name)}{ord(name[0])}.1"),
    }  # fmt: skip
    return part10(instance(name, **usual | attributes))


def a_node(url: str, **what: Any) -> PriorNode:
    return PriorNode(**{"name": "archive", "url": url, "wait": timedelta(seconds=30), **what})


def brought(
    where: PriorNode, folder: Path, headers: Part10Headers, current: Identity = TODAY,
    monotonic: Callable[[], float] = time.monotonic,
) -> Brought:  # fmt: skip
    """Today's question to `where`, with a spool in `folder`."""
    return bring(
        current, HERE, modality="CR", stat=False, node=where, source=PriorSources().source(where),
        spool=FileSpool(folder), headers=headers, monotonic=monotonic,
    )  # fmt: skip


def left_in(folder: Path) -> list[str]:
    """Files of the spool in `folder`."""
    return [path.name for path in folder.rglob("*") if path.is_file()]
