"""Take back what is no report: a segmentation, and an assessment of whole objects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from service.domain.edit import Edit, EditClass
from service.domain.errors import Unreadable, Unsupported
from service.domain.report import Finding
from service.domain.returned import Arrived, Returned
from service.domain.segmented import Marks, Overlap, Segmentation, compared
from service.domain.sop import is_segmentation
from service.flow.compare_marks import mark_edits, told
from service.flow.log_returned import counted, log_beside
from service.flow.match_returned import Match, match_objects, match_segmentation, results_of
from service.ports.catalogue import ResultObject
from service.ports.services import Services

_NOTHING = Segmentation(person="", studies=(), references=frozenset(), segments=())
_VERDICTS = {
    "PASSED": EditClass.ACCEPTED, "INCONCLUSIVE": EditClass.INCONCLUSIVE, "FAILED": EditClass.REJECTED,
}  # fmt: skip
"""Assessment Summary (PS3.3 C.33.1)."""
_PIXELS = frozenset({"segmentation"})
_BOXES = frozenset({"coordinates-sr", "presentation-state"})
"""Roles of objects that tell only the findings with a mask, or with a box."""


def segmentation_back(arrived: Arrived, services: Services) -> Returned:
    """Raises Unreadable, Unsupported."""
    with services.spool.open(arrived.location) as part10:
        theirs = services.headers.segmentation(part10)
    about = Returned(arrived=arrived, words="", person=theirs.person if theirs.by_person else "")
    match = match_segmentation(arrived, theirs, services)
    if match is None:
        return about
    about = replace(about, job_id=match.record.reading, matched_by=match.by)
    begun = (
        f"a segmentation from {arrived.source} was matched by its {match.by} to job {match.record.reading}: "
        f"{'edited by a person' if theirs.by_person else 'edited'}"
    )
    try:
        found, voxel_ml = _overlaps(arrived, theirs, match, services)
    except (Unreadable, Unsupported) as reason:
        return replace(about, words=f"{begun}; its pixels are compared with nothing, because {str(reason).rstrip('.')}")
    changed = mark_edits(found, voxel_ml)
    logged = log_beside(about, match, changed, services)
    words = "; ".join(filter(None, (f"{begun}, {counted(changed)}", told(found, voxel_ml), _beside(logged))))
    return replace(about, words=words, edits=changed)


def _overlaps(
    arrived: Arrived, theirs: Segmentation, match: Match, services: Services
) -> tuple[tuple[Overlap, ...], float | None]:
    """Every segment before and after, and the volume of a voxel."""
    made = _ours(match, theirs)
    if made is None:
        drawn = _marks(arrived.location, services)
        return compared(_NOTHING, Marks(grid=drawn.grid, frames=()), theirs, drawn), drawn.grid.voxel_ml
    with services.spool.open(made.location) as part10:
        ours = services.headers.segmentation(part10)
    drawn = _marks(made.location, services)
    with services.spool.open(arrived.location) as part10:
        redrawn = services.headers.marks(part10, drawn.grid)
    return compared(ours, drawn, theirs, redrawn), drawn.grid.voxel_ml


def _ours(match: Match, theirs: Segmentation) -> ResultObject | None:
    """The segmentation that it was made of, if it names one, else the reading's newest; None without any."""
    made = [one for one in results_of(match) if is_segmentation(one.sop_class_uid)]
    named = [one for one in made if one.sop_instance_uid in theirs.references]
    return max(named or made, key=lambda one: one.created_at, default=None)


def _marks(location: str, services: Services) -> Marks:
    with services.spool.open(location) as part10:
        return services.headers.marks(part10)


def assessment_back(arrived: Arrived, services: Services) -> Returned:
    """Content Assessment Results of objects of ours: a verdict on each finding that they tell. Raises Unreadable."""
    with services.spool.open(arrived.location) as part10:
        said = services.headers.assessment(part10)
    about = Returned(arrived=arrived, words="", person=said.person)
    record = services.catalogue.record(arrived.study_instance_uid)
    match = match_objects(record, said.assessed, services) if record else None
    if match is None:
        return about
    about = replace(about, job_id=match.record.reading, matched_by=match.by)
    begun = (
        f"an assessment from {arrived.source} was matched by the objects it is of to job {match.record.reading}: "
        f"{said.verdict or 'no verdict'}"
    )
    verdict = _VERDICTS.get(said.verdict)
    if verdict is None:
        return replace(about, words=f"{begun}, which is none of {', '.join(_VERDICTS)} (PS3.3 C.33.1): it is kept only")
    assessed = {one.role for one in results_of(match) if one.sop_instance_uid in said.assessed}
    changed = tuple(_verdicts(match, assessed, verdict))
    logged = log_beside(about, match, changed, services)
    remarks = f"{len(said.remarks)} {'remark' if len(said.remarks) == 1 else 'remarks'}" if said.remarks else ""
    words = "; ".join(filter(None, (f"{begun}, {counted(changed)}", remarks, _beside(logged))))
    return replace(about, words=words, text="\n".join(said.remarks), edits=changed)


def _verdicts(match: Match, roles: set[str], verdict: EditClass) -> Iterator[Edit]:
    for at, finding in enumerate(match.report.findings):
        if any(_tells(role, finding) for role in roles):
            said = _sentence(finding)
            yield Edit(at=at, before=said, after="" if verdict is EditClass.REJECTED else said, classes=(verdict,))


def _tells(role: str, finding: Finding) -> bool:
    if role in _PIXELS:
        return finding.present and finding.mask is not None
    if role in _BOXES:
        return finding.present and any(evidence.region for evidence in finding.evidence)
    return True


def _sentence(finding: Finding) -> str:
    place = " ".join(each.meaning for each in (finding.laterality, finding.site) if each).lower()
    return f"{'' if finding.present else 'No '}{finding.concept.meaning}{f' ({place})' if place else ''}."


def _beside(logged: bool) -> str:
    return "" if logged else "kept beside the report, which was signed here meanwhile"
