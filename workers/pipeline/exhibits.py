"""Exhibits: label maps and earlier images, out of the answers that steps kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from service.domain.errors import Unreadable
from service.domain.job import Step
from service.domain.protocol import StepKind
from service.ports.exhibits import Compared
from service.ports.image_models import LabelMap
from workers.measures import measures
from workers.pipeline.compare import compared
from workers.pipeline.kept_looks import masks_seen
from workers.pipeline.measure import masks_measured


class KeptExhibits:
    """The port `Exhibits`."""

    def label_map(self, steps: Sequence[Step], sha256: str) -> LabelMap | None:
        try:
            return next((each for step in steps for each in _maps(step) if each.sha256 == sha256), None)
        except (KeyError, TypeError, ValueError) as error:
            raise Unreadable(f"what this reading kept is not of the form that this version reads ({error})") from error

    def compared(self, steps: Sequence[Step]) -> Compared | None:
        try:
            return next((found for step in steps if step.kind == StepKind.COMPARE and (found := compared(step))), None)
        except (KeyError, TypeError, ValueError) as error:
            raise Unreadable(f"what this reading kept is not of the form that this version reads ({error})") from error


def _maps(step: Step) -> Iterator[LabelMap]:
    if step.algorithm in measures():
        return masks_measured(step.answer)
    return masks_seen(step.answer) if step.kind == StepKind.SEGMENT else iter(())
