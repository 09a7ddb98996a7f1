"""Content Assessment Results read by pydicom (PS3.3 A.81, C.33.1). Runs in the bounded child only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError

from service.domain.errors import Unreadable

MAX_ASSESSED = 1000
MAX_REMARKS = 50
MAX_REMARK = 300
"""Characters of one remark that are kept."""


def assessment_of(file: BinaryIO) -> Mapping[str, Any]:
    """The fields of `service.domain.returned.Assessment` as JSON has them."""
    try:
        dataset = dcmread(file, force=True, stop_before_pixels=True)
    except InvalidDicomError as error:
        raise Unreadable("The object is not DICOM.") from error
    assessed = [
        str(one.get("ReferencedSOPInstanceUID", "")) for one in dataset.get("AssessedSOPInstanceSequence") or ()
    ]
    if not assessed:
        raise Unreadable("It does not say what was assessed.")
    people = [
        *(str(one.get("PersonName", "")) for one in dataset.get("AssessmentRequesterSequence") or ()),
        *(str(one) for one in _names(dataset)),
    ]
    return {
        "person": next(filter(None, people), "")[:64],
        "verdict": str(dataset.get("AssessmentSummary", ""))[:16],
        "assessed": list(dict.fromkeys(assessed))[:MAX_ASSESSED],
        "remarks": [words[:MAX_REMARK] for words in _remarks(dataset)][:MAX_REMARKS],
    }


def _names(dataset: Dataset) -> list[Any]:
    names = dataset.get("OperatorsName") or []
    return [names] if isinstance(names, str) or not hasattr(names, "__len__") else list(names)


def _remarks(dataset: Dataset) -> Iterator[str]:
    if summary := str(dataset.get("AssessmentSummaryDescription", "")).strip():
        yield summary
    for one in dataset.get("AssessmentObservationsSequence") or ():
        if words := str(one.get("ObservationDescription", "")).strip():
            significance = str(one.get("ObservationSignificance", "")).lower()
            yield f"{significance}: {words}" if significance else words
