"""Finding, Measurement, Region, Evidence and Report: what was seen, where, how surely, and on what.

The domain form is the truth; DICOM is encoded from it and never parsed back.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pydicom.uid import UID

from service.domain.algorithm import Algorithm
from service.domain.code import ENLARGED, Code
from service.domain.study import Instance


@dataclass(frozen=True, kw_only=True, slots=True)
class Region:
    """A rectangle in source pixels of one frame: column, row from the upper left corner (PS3.3 C.18.6)."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """The image a statement rests on; `frame` counts from 1, None for a single-frame image."""

    sop_class_uid: UID
    sop_instance_uid: UID
    series_instance_uid: UID
    frame: int | None = None
    region: Region | None = None

    @classmethod
    def of(cls, instance: Instance) -> Evidence:
        """The whole image."""
        return cls(
            sop_class_uid=instance.sop_class_uid,
            sop_instance_uid=instance.sop_instance_uid,
            series_instance_uid=instance.series_instance_uid,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Mask:
    """The pixels of a finding: one label of a label map over one image, or over the slices of one series.

    The map itself is kept with the step's answer; here is which one, and what it covers.
    """

    sha256: str
    """Of the map's labels, one byte each, slice by slice and row by row."""
    label: int
    rows: int
    columns: int
    images: tuple[UID, ...]
    """SOP Instance UIDs of its slices, in their order."""
    structure: Code | None = None
    """What of the body the pixels are, where the finding measures an organ; None where they are the finding itself."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Measurement:
    """A number with its UCUM unit; `name` and `text` are the one way in which it is written anywhere."""

    concept: Code
    value: float
    unit: Code
    derivation: Code | None = None
    """Mean, median, ... of the values measured; None for a single one."""

    @property
    def name(self) -> str:
        """What was measured, with what it was derived by: "mean attenuation coefficient"."""
        return " ".join(each.meaning.lower() for each in (self.derivation, self.concept) if each)

    @property
    def text(self) -> str:
        return f"{self.value:g} {_PRINTED.get(self.unit.value, self.unit.value)}"


_PRINTED = {"[hnsf'U]": "HU"}
"""UCUM symbols that nobody writes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One coded finding, present or looked for and absent, with what it rests on."""

    tracking_id: str
    """Stable within the report, such as "pleural-effusion-left"."""
    tracking_uid: UID
    concept: Code
    present: bool
    site: Code | None = None
    topography: Code | None = None
    """Where in the site, such as anterior (CID 2)."""
    laterality: Code | None = None
    severity: Code | None = None
    probability: float | None = None
    """0..1, calibrated, that it is present; None for a model without calibration."""
    measurements: tuple[Measurement, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    """The image that shows it best, then every other that shows it."""
    mask: Mask | None = None
    algorithm_uid: UID | None = None
    """Device UID of the algorithm that made it; None where the report has only one."""

    @property
    def named(self) -> str:
        """The words of its concept, with the site where they say nothing without one: "Enlarged (mediastinum)"."""
        meaning = self.concept.meaning
        return f"{meaning} ({self.site.meaning.lower()})" if self.concept == ENLARGED and self.site else meaning


class Section(StrEnum):
    """Where a sentence stands in a report (TID 2000; CID 7001)."""

    FINDINGS = "findings"
    CONCLUSIONS = "conclusions"


@dataclass(frozen=True, kw_only=True, slots=True)
class Sentence:
    """A sentence and the findings it states, by tracking id."""

    section: Section
    text: str
    findings: tuple[str, ...]


class Outcome(StrEnum):
    """What became of the reading; it decides the first visible line and the completion flag."""

    ANALYSED = "analysed"
    PARTIAL = "partial"
    NOT_ANALYSED = "not analysed"  #: outside of what rule and models read: right as it is
    FAILED = "failed"  #: no reading could be had, for a reason that a person may remedy

    @property
    def unread(self) -> bool:
        """Whether no image was read: the report is one line that says why."""
        return self in {Outcome.NOT_ANALYSED, Outcome.FAILED}


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """A preliminary report by algorithms. Built only in a form that is true to invariant 9.

    Raises ValueError for a sentence without evidence, for findings in a report that was not
    analysed, and for a report that is silent about why.
    """

    outcome: Outcome
    algorithms: tuple[Algorithm, ...]
    procedure: Code
    images: tuple[Evidence, ...]
    """What was looked at, or would have been."""
    findings: tuple[Finding, ...] = ()
    sentences: tuple[Sentence, ...] = ()
    notes: tuple[str, ...] = ()
    """What a reader must know of how it was read, such as "12 of 118 slices were read"."""
    reason: str = ""
    """Why the reading is missing or partial; empty for a complete one."""
    language: str = "en"

    def __post_init__(self) -> None:
        known = {finding.tracking_id: finding for finding in self.findings}
        for sentence in self.sentences:
            cited = [known.get(tracking_id) for tracking_id in sentence.findings]
            if not cited or any(finding is None or not finding.evidence for finding in cited):
                raise ValueError("a sentence without evidence cannot stand in a report")
        if self.outcome.unread and (self.findings or self.sentences):
            raise ValueError("a report that was not analysed holds no finding")
        if self.outcome is not Outcome.ANALYSED and not self.reason:
            raise ValueError("a missing or partial reading names its reason")
        if self.outcome is Outcome.ANALYSED and not (self.sentences or self.findings):
            raise ValueError("an analysed report says something")

    @property
    def demo(self) -> bool:
        return any(algorithm.demo for algorithm in self.algorithms)

    def maker(self, finding: Finding) -> Algorithm | None:
        """The algorithm that `finding` names, or the report's only one; None if that cannot be said."""
        if finding.algorithm_uid is None:
            return self.algorithms[0] if len(self.algorithms) == 1 else None
        return next((each for each in self.algorithms if each.device_uid == finding.algorithm_uid), None)


DRAFT_NOTICE = "AI DRAFT - not read by a radiologist."
UNREAD_NOTICE = "NOT ANALYSED BY AI"
NOTICES = (DRAFT_NOTICE, UNREAD_NOTICE)
"""How the first visible line of every object begins."""
DEMO_NOTICE = "Demo model trained on phantoms, not for clinical use."


def first_line(report: Report) -> str:
    """The first visible line of every object made from `report` (invariant 8)."""
    notice = f"{DRAFT_NOTICE} {DEMO_NOTICE}" if report.demo else DRAFT_NOTICE
    if report.outcome.unread:
        return f"{UNREAD_NOTICE}: {report.reason.rstrip('.')}. No radiologist has read this."
    if report.outcome is Outcome.PARTIAL:
        return f"{notice} INCOMPLETE: {report.reason}"
    return notice
