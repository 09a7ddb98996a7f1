"""Our SR and SEG of the bench's case."""

from __future__ import annotations

import hashlib
from functools import partial

import numpy as np

from dicom_nodes.objects import segmentation, tid1500
from service.domain import code
from service.domain.report import Evidence, Finding, Mask, Measurement, Report
from service.domain.uids import derive_uid
from service.ports.pixels import Frame
from tests.bench.objects import Write
from tests.bench.objects_case import SIZE, SPACING_MM, STUDY, ball, instances, labels
from tests.support.reports import a_context, a_report


def writers(findings: int, slices: int) -> tuple[Write, Write]:
    """What writes the report, and what writes the segmentation."""
    images, marked = instances(slices), labels(findings, slices)
    sha256 = hashlib.sha256(marked.tobytes()).hexdigest()
    sources = tuple(image.sop_instance_uid for image in images)

    def finding(number: int) -> Finding:
        return Finding(
            tracking_id=f"nodule-{number}",
            tracking_uid=derive_uid("bench", "nodule", number),
            concept=code.NODULE,
            present=True,
            site=code.LUNG,
            laterality=code.LEFT,
            probability=0.9,
            measurements=(Measurement(concept=code.DIAMETER, value=12.6, unit=code.MILLIMETER),),
            evidence=(Evidence.of(images[ball(number, slices)[0]]),),
            mask=Mask(sha256=sha256, label=number, rows=SIZE, columns=SIZE, images=sources),
        )

    found = tuple(finding(number) for number in range(1, findings + 1))
    report: Report = a_report(findings=found, sentences=(), images=tuple(Evidence.of(image) for image in images))
    first = Frame(pixels=np.zeros((SIZE, SIZE), np.uint16), frame=1, spacing_mm=(SPACING_MM, SPACING_MM))
    context = a_context(
        study_instance_uid=STUDY, instances=images, masks={sha256: marked}, pictures={(sources[0], 1): first}
    )
    return partial(tid1500.encode, report, context), partial(segmentation.encode, report, context)
