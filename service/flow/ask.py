"""Ask: a person's question about a study's images, answered by the model that read it and held against that (C12)."""

from __future__ import annotations

from dataclasses import dataclass

from service.domain.algorithm import Algorithm
from service.domain.completion import unsupported
from service.domain.errors import Gone
from service.domain.question.asked import Asked, asked
from service.domain.report import Finding, Report
from service.domain.study import Identity, Study
from service.flow.complete import Reading, images_of, whole
from service.flow.quality import name_of
from service.ports.halt import Halt
from service.ports.models import ImagePart, Models
from service.ports.prompts import Prompt, Prompts

GONE = (
    "the images of this study are no longer here: nothing can be asked of them; ask the report, or have the study sent "
    "again"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """What a model answered about one image. Always preliminary."""

    text: str
    """Empty where it said nothing."""
    unsupported: tuple[str, ...]
    """Why its unprompted reading and the measurements do not carry the answer; empty if they do."""
    algorithm: Algorithm
    image: str
    """SOP Instance UID of what it looked at."""
    frame: int
    findings: tuple[Finding, ...]
    """What the unprompted reading has of the same thing."""


def question_of(
    question: str, reading: Reading, study: Study, prompts: Prompts, *, image: str = ""
) -> tuple[Asked, Prompt]:
    """The question, read, and as the model hears it, about `image` or those that were read.

    Raises Gone with what to do where the images are no longer here, Refused for an image of another study, and as
    `Prompts.asking`.
    """
    what, images = asked(question), images_of(reading.report, study, image)
    if not images and reading.report.images:
        raise Gone(GONE)
    try:
        return what, prompts.asking(reading.job, reading.report, what, images, study.identity)
    except Gone as error:
        raise Gone(GONE) from error


def ask(prompt: Prompt, what: Asked, reading: Reading, models: Models, *, halt: Halt) -> Seen:
    """Raises Unsupported (an image that the model is not made for), Unavailable, Refused, Unclear, Halted."""
    answer = whole(models.ask(prompt.question, halt=halt), prompt)
    text, looked = prompt.shown(answer.text), prompt.question.parts
    shown = next((part for part in looked if isinstance(part, ImagePart)), None)
    return Seen(
        text=text,
        unsupported=unsupported(text, prompt.told(answer.text), reading.report.findings) if text else (),
        algorithm=prompt.algorithm,
        image=shown.source if shown else "",
        frame=shown.frame if shown else 1,
        findings=findings_about(what, reading.report),
    )


def findings_about(what: Asked, report: Report) -> tuple[Finding, ...]:
    """What a reading has, present or absent, of the findings and devices that a question names."""
    names = {*what.findings, *what.devices}
    return tuple(each for each in report.findings if name_of(each.concept, each.site) in names)


def own_words(identity: Identity, study: Study | None) -> frozenset[str]:
    """Names and numbers of this patient and study, which a question may say."""
    patient = identity.patient
    names = patient.name.replace("=", "^").replace("^", " ").split()
    uid = str(study.study_instance_uid) if study else ""
    numbers = (patient.patient_id, identity.accession_number, uid)
    return frozenset(filter(None, (*names, *numbers)))
