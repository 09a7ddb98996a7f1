"""Key images and what is marked on them: which, numbered how, and in grey at the size a page has room for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from dicom_nodes.objects.evidence import images_of
from service.domain.report import Evidence, Finding, Region, Report
from service.ports.pixels import Frame

KEY_IMAGES = 4
"""Images that one page or picture shows; it says how many more there are."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One box on one image, under the number that its finding has in the whole report."""

    number: int
    finding: Finding
    region: Region


def present(report: Report) -> tuple[Finding, ...]:
    """The findings that are there; the first is number 1 wherever findings are numbered."""
    return tuple(finding for finding in report.findings if finding.present)


def images_with_findings(report: Report) -> tuple[Evidence, ...]:
    """Every whole image or frame that shows a finding, once, in the order of the findings."""
    return tuple(replace(image, region=None) for image in images_of(present(report)))


def key_images(report: Report) -> tuple[Evidence, ...]:
    """The images that a reader is shown: those with findings, else the first that was read; none if none was."""
    if report.outcome.unread:
        return ()
    return (images_with_findings(report) or report.images[:1])[:KEY_IMAGES]


def findings_on(report: Report, image: Evidence) -> tuple[tuple[int, Finding], ...]:
    """The present findings that rest on `image`, with or without a box, each with its number."""
    return tuple(
        (number, finding)
        for number, finding in enumerate(present(report), 1)
        if any(same_frame(evidence, image) for evidence in finding.evidence)
    )


def marks(report: Report, image: Evidence) -> tuple[Mark, ...]:
    """The boxes on `image`."""
    return tuple(_marks(report, image))


def _marks(report: Report, image: Evidence) -> Iterator[Mark]:
    for number, finding in enumerate(present(report), 1):
        for evidence in finding.evidence:
            if evidence.region and same_frame(evidence, image):
                yield Mark(number, finding, evidence.region)


def same_frame(one: Evidence, other: Evidence) -> bool:
    """Whether both name the same frame of the same image; no frame is the first."""
    return (one.sop_instance_uid, one.frame or 1) == (other.sop_instance_uid, other.frame or 1)


@dataclass(frozen=True, slots=True)
class Shown:
    """A frame as it is shown: 8 bit grey, pixels square, at most so large."""

    image: Image.Image
    scale: tuple[float, float]
    """Shown pixels for one source pixel: along a row, along a column."""

    def box(self, region: Region) -> tuple[float, float, float, float]:
        """`region` in pixels of the shown image, kept inside it: left, top, right, bottom."""
        across, down = self.scale
        width, height = self.image.size
        return (
            min(max(region.left * across, 0.0), width),
            min(max(region.top * down, 0.0), height),
            min(max(region.right * across, 0.0), width),
            min(max(region.bottom * down, 0.0), height),
        )


def show(frame: Frame, *, longest: int) -> Shown:
    """`frame` with its longer side at most `longest` pixels; oblong pixels become square."""
    rows, columns = frame.pixels.shape
    between_rows, between_columns = frame.spacing_mm or (1.0, 1.0)
    height, width = rows * between_rows, columns * between_columns
    fit = min(longest, max(rows, columns)) / max(height, width)
    size = max(1, round(width * fit)), max(1, round(height * fit))
    grey = Image.fromarray((frame.pixels >> 8).astype(np.uint8))
    shown = grey if grey.size == size else grey.resize(size, Image.Resampling.LANCZOS)
    return Shown(shown, (size[0] / columns, size[1] / rows))
