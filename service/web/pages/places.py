"""Places: what a finding rests on, as the page's viewer shows it: images, boxes, and the pixels of masks."""

from __future__ import annotations

import math
from typing import Any

from fastapi import HTTPException, Request
from fastapi.responses import Response

from service.domain.errors import Unreadable
from service.domain.report import Evidence, Finding, Report
from service.domain.said import say
from service.flow.earlier import kept_steps
from service.web.dicomweb.resources import looked
from service.web.pages.study import record_of
from service.web.services import services_of


def places(finding: Finding) -> list[dict[str, Any]]:
    """Each image of a finding, with its box; every one names the finding's mask."""
    return [_place(evidence, finding) for evidence in finding.evidence]


def masks(report: Report) -> dict[str, Any]:
    """The label maps of a report's findings, by digest: their size, and the images under them in their order."""
    found = (finding.mask for finding in report.findings if finding.mask)
    return {mask.sha256: {"rows": mask.rows, "columns": mask.columns, "images": mask.images} for mask in found}


def mask(request: Request, study_uid: str, job_id: str, sha256: str) -> Response:
    """One label map of a reading: a byte a pixel, slice by slice and row by row, as a zlib stream. Raises 404."""
    steps = kept_steps(record_of(request, study_uid), job_id)
    looked(request, study_uid)
    try:
        found = services_of(request).exhibits.label_map(steps, sha256)
    except Unreadable as error:
        raise HTTPException(410, say("This mask cannot be shown: {why}.", why=str(error))) from error
    if found is None:
        raise HTTPException(404, say("This mask is not kept here. The segmentation in the archive has it."))
    return Response(found.packed, media_type="application/octet-stream")


def _place(evidence: Evidence, finding: Finding) -> dict[str, Any]:
    region = evidence.region
    box = [region.left, region.top, region.right, region.bottom] if region else None
    return {
        "series": str(evidence.series_instance_uid),
        "instance": str(evidence.sop_instance_uid),
        "frame": evidence.frame or 1,
        "box": box if box and all(map(math.isfinite, box)) else None,
        "mask": {"sha256": finding.mask.sha256, "label": finding.mask.label} if finding.mask else None,
        "label": " ".join(code.meaning for code in (finding.laterality, finding.concept) if code),
        "present": finding.present,
    }
