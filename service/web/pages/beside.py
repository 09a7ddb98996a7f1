"""Beside: the earlier study that Review shows next to the current one, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import Request

from service.domain.errors import Unreadable
from service.domain.said import Said, say, say_many
from service.flow.earlier import earlier_here, kept_steps
from service.ports.catalogue import JobRecord, StudyRecord
from service.web.dicomweb.resources import ROOT, prior_root
from service.web.services import services_of


@dataclass(frozen=True, kw_only=True, slots=True)
class Beside:
    """An earlier study, or words; one of `study` and `words` is empty."""

    study: str = ""
    root: str = ""
    """Where its images are served."""
    day: str = ""
    description: str = ""
    compared: bool = False
    """Whether the reading was compared with it."""
    words: str = ""


def beside(request: Request, record: StudyRecord, job: JobRecord) -> Beside:
    """What the reading was compared with; else the newest that is here and certainly of the same patient."""
    services = services_of(request)
    try:
        compared = services.exhibits.compared(kept_steps(record, job.reading))
    except Unreadable as error:
        return Beside(words=say("The earlier study is not shown: {why}.", why=str(error)))
    if compared is not None:
        study = compared.study_instance_uid
        here = services.catalogue.record(study)
        root = ROOT if here else prior_root(record.row.study_instance_uid, job.reading)
        description = here.row.identity.study_description if here else ""
        return Beside(study=study, root=root, day=compared.day, description=description, compared=True)
    chosen = earlier_here(services.catalogue, record.row)
    if chosen.study is None:
        return Beside(words=_none(chosen.possible))
    identity = chosen.study.identity
    return Beside(
        study=chosen.study.study_instance_uid, root=ROOT, day=chosen.study.day, description=identity.study_description
    )


def _none(possible: int) -> Said:
    if not possible:
        return say("No earlier study of this patient is here.")
    return say_many(
        "No earlier study is certainly of this patient; {number} that is here is possibly, and not shown.",
        "No earlier study is certainly of this patient; {number} that are here are possibly, and not shown.",
        possible,
    )
