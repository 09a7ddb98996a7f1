"""The domain form of a report as JSON text: how the ledger keeps it, and how pages and scripts read it back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from pydicom.uid import UID

from service.domain.algorithm import Algorithm
from service.domain.code import Code
from service.domain.errors import Unreadable
from service.domain.report import (
    Evidence,
    Finding,
    Mask,
    Measurement,
    Outcome,
    Region,
    Report,
    Section,
    Sentence,
    first_line,
)

_Json = Mapping[str, Any]


def report_json(report: Report) -> str:
    """The report with its first visible line; enums and UIDs as text, keys in a stable order."""
    return json.dumps({"first_line": first_line(report), **asdict(report)}, sort_keys=True, ensure_ascii=False)


def read_report(text: str) -> Report | None:
    """The report of a finished job; None if there is none yet. Raises Unreadable."""
    if not text:
        return None
    try:
        return _report(json.loads(text))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Unreadable(f"the recorded report is not of the form that this version reads ({error})") from error


def _report(data: _Json) -> Report:
    return Report(
        outcome=Outcome(data["outcome"]),
        algorithms=tuple(_algorithm(item) for item in data["algorithms"]),
        procedure=_code(data["procedure"]),
        images=tuple(_evidence(item) for item in data["images"]),
        findings=tuple(_finding(item) for item in data["findings"]),
        sentences=tuple(_sentence(item) for item in data["sentences"]),
        notes=tuple(data.get("notes", ())),
        reason=data["reason"],
        language=data["language"],
    )


def _algorithm(data: _Json) -> Algorithm:
    return Algorithm(**{**data, "device_uid": UID(data["device_uid"])})


def _code(data: _Json) -> Code:
    return Code(data["value"], data["scheme"], data["meaning"])


def _optional_code(data: _Json | None) -> Code | None:
    return _code(data) if data else None


def _sentence(data: _Json) -> Sentence:
    return Sentence(section=Section(data["section"]), text=data["text"], findings=tuple(data["findings"]))


def _evidence(data: _Json) -> Evidence:
    return Evidence(
        sop_class_uid=UID(data["sop_class_uid"]),
        sop_instance_uid=UID(data["sop_instance_uid"]),
        series_instance_uid=UID(data["series_instance_uid"]),
        frame=data["frame"],
        region=Region(**data["region"]) if data["region"] else None,
    )


def _finding(data: _Json) -> Finding:
    return Finding(
        tracking_id=data["tracking_id"],
        tracking_uid=UID(data["tracking_uid"]),
        concept=_code(data["concept"]),
        present=data["present"],
        site=_optional_code(data["site"]),
        topography=_optional_code(data.get("topography")),
        laterality=_optional_code(data["laterality"]),
        severity=_optional_code(data["severity"]),
        probability=data["probability"],
        measurements=tuple(_measurement(item) for item in data["measurements"]),
        evidence=tuple(_evidence(item) for item in data["evidence"]),
        mask=_mask(data.get("mask")),
        algorithm_uid=UID(data["algorithm_uid"]) if data.get("algorithm_uid") else None,
    )


def _measurement(data: _Json) -> Measurement:
    return Measurement(
        concept=_code(data["concept"]),
        value=data["value"],
        unit=_code(data["unit"]),
        derivation=_optional_code(data["derivation"]),
    )


def _mask(data: _Json | None) -> Mask | None:
    if data is None:
        return None
    images, structure = tuple(UID(uid) for uid in data["images"]), _optional_code(data["structure"])
    return Mask(**{**data, "images": images, "structure": structure})
