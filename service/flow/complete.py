"""Complete: a model goes on with a person's report; what its own reading of the study does not carry is named (C05).

Nothing before the cursor is changed: what comes back is only what would follow it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from service.domain.algorithm import Algorithm, adapters_of
from service.domain.completion import Begun, unsupported
from service.domain.edit import History, Revision, Suggestion, text_digest
from service.domain.errors import Refused, Unavailable, Unclear, Unsupported
from service.domain.job import Job, JobState
from service.domain.report import Report, Section
from service.domain.study import StoredInstance, Study
from service.flow.record import read_report
from service.flow.review import HEADINGS, draft_text
from service.ports.catalogue import StudyRecord
from service.ports.edits import EditLog
from service.ports.finish import Finish
from service.ports.halt import Halt
from service.ports.models import Answer, Models
from service.ports.prompts import Prompt, Prompts

_RACES = 5
NO_IMAGE = "the study has no image {}; only images of the study at hand are looked at, and no others"


@dataclass(frozen=True, kw_only=True, slots=True)
class Completion:
    """What a model would write after the cursor."""

    text: str
    """Empty where it has nothing to add."""
    unsupported: tuple[str, ...]
    """Why the unprompted reading of the study does not carry it; empty if it does."""
    algorithm: Algorithm


@dataclass(frozen=True, slots=True)
class Place:
    """Where a completion stands: its section, and the characters before the cursor."""

    section: Section
    start: int


@dataclass(frozen=True, slots=True)
class Reading:
    """A draft of a study, and the job that read it."""

    job: Job
    report: Report
    log: str
    """What the edit log calls it: the identifier of the reading, which an encoding of it keeps."""


def reading_of(record: StudyRecord, job_id: str = "") -> Reading:
    """The reading of that job, or the newest that says something.

    Raises Unsupported where there is none, or none that looked at an image; Unreadable.
    """
    newest = sorted(record.jobs, key=lambda job: job.created_at)
    jobs = [each for each in newest if each.report and job_id in {"", each.job.job_id, each.reading}]
    read = [
        Reading(each.job, report, each.reading) for each in jobs if (report := read_report(each.report)) is not None
    ]
    if not read:
        raise Unsupported("there is no such draft of this study" if job_id else "no draft of this study was made yet")
    if not (said := [each for each in read if not each.report.outcome.unread]):
        raise Unsupported(f"no model read this study: {read[-1].report.reason}")
    standing = [each for each in said if each.job.state is not JobState.RECALLED]
    if not standing:
        raise Unsupported("the draft of this study was withdrawn, and its model is not asked to go on with it")
    return standing[-1]


def begun(text: str, cursor: int | None = None) -> Begun:
    """A report's text up to `cursor` (characters; its end if left out); words before any heading are findings.

    Raises ValueError for a cursor outside of the text.
    """
    if cursor is not None and not 0 <= cursor <= len(text):
        raise ValueError(f"the cursor stands at {cursor}, the text has {len(text)} characters")
    *whole, line = text[:cursor].split("\n")
    section, lines = Section.FINDINGS, []
    for each in whole:
        if each in HEADINGS:
            section = HEADINGS[each]
        elif each.strip():
            lines.append((section, each))
    return Begun(lines=tuple(lines), section=section, line=line)


def prompt_of(reading: Reading, study: Study, prompts: Prompts, *, begun: Begun, image: str = "") -> Prompt:
    """The question to the model, about `image` (a SOP Instance UID of the study) or the images that were read.

    Raises Refused for an image of another study, and as `Prompts.of`.
    """
    images = images_of(reading.report, study, image)
    return prompts.of(reading.job, reading.report, begun, images, study.identity)


def complete(
    prompt: Prompt, reading: Reading, models: Models, *, begun: Begun, on_text: Callable[[str], None], halt: Halt
) -> Completion:
    """Ask; `on_text` hears what follows the cursor, piece by piece, before it has been checked.

    Raises Unsupported (an image the model is not made for), Unavailable, Refused, Unclear, Halted.
    """
    written = seen = ""

    def hear(piece: str) -> None:
        nonlocal written, seen
        written, before = written + piece, seen
        if (seen := prompt.shown(written)) != before:
            on_text(seen[len(before) :])

    answer = whole(models.ask(prompt.question, on_text=hear, halt=halt), prompt)
    text = prompt.shown(answer.text)
    reasons = unsupported(begun.sentence + text, prompt.told(answer.text), reading.report.findings) if text else ()
    return Completion(text=text, unsupported=reasons, algorithm=prompt.algorithm)


def answered(
    log: EditLog, completion: Completion, reading: Reading, *, place: Place, taken: int, reviewer: str, now: datetime
) -> str:
    """Keep how many characters of a completion a person took; returns the log's place and digest.

    Raises Unavailable where others save the same report too often meanwhile.
    """
    who = completion.algorithm
    suggestion = Suggestion(
        section=place.section,
        start=place.start,
        text=completion.text,
        taken=taken,
        unsupported=completion.unsupported,
    )
    model = f"{who.name} {who.version} {who.digest}"
    adapter = adapters_of([who])
    return keep(log, suggestion, reading, model=model, adapter=adapter, reviewer=reviewer, now=now)


def keep(
    log: EditLog,
    suggestion: Suggestion,
    reading: Reading,
    *,
    model: str,
    adapter: str = "",
    reviewer: str,
    now: datetime,
) -> str:
    """Keep what became of a suggestion of `model`, or of rules that are named as one. Raises and returns as
    `answered`."""
    draft, job = draft_text(reading.report), reading.job
    for _ in range(_RACES):
        as_it_stands = text_digest((log.history(reading.log) or History(draft=draft)).text)
        revision = Revision(
            study_instance_uid=str(job.study_instance_uid),
            job_id=reading.log,
            model=model,
            adapter=adapter,
            reviewer=reviewer,
            at=now,
            seconds=0.0,
            before_sha256=as_it_stands,
            after_sha256=as_it_stands,
            edits=(),
            suggestion=suggestion,
        )
        if kept := log.record(revision, draft=draft):
            return kept
    raise Unavailable("the report is being saved by too many at once")


def whole(answer: Answer, prompt: Prompt) -> Answer:
    """The answer, if it is a whole one of the model that the card describes. Raises Unsupported, Refused, Unclear."""
    if answer.finish is Finish.OUTSIDE_DOMAIN:
        raise Unsupported("the image is not of the kind the model was made for")
    if answer.digest != prompt.algorithm.digest:
        model = prompt.question.model
        raise Refused(f"the served {model} is not the model of its card: load the one that was verified")
    if answer.finish not in {Finish.STOP, Finish.LENGTH}:
        raise Unclear(f"the model did not finish its answer ({answer.finish})")
    return answer


def images_of(report: Report, study: Study, image: str) -> Sequence[StoredInstance]:
    """`image`, else those that were read and are here. Raises Refused for an image of another study."""
    known = {str(stored.instance.sop_instance_uid): stored for stored in study.instances}
    if not image:
        return [known[uid] for each in report.images if (uid := str(each.sop_instance_uid)) in known]
    if image not in known:
        raise Refused(NO_IMAGE.format(image))
    return [known[image]]
