"""Review: a drafted report as the lines that a radiologist accepts, edits or rejects, and what was made of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from service.domain.algorithm import Algorithm, adapters_of
from service.domain.aligned import edits
from service.domain.edit import History, Provenance, Revision, Span, marked, text_digest
from service.domain.report import Report, Section
from service.domain.submitted import Submitted
from service.domain.wording import sentences
from service.ports.edits import EditLog

HEADINGS = {f"{section.value.capitalize()}:": section for section in Section}
NEW = -1
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One line of a report."""

    section: Section
    text: str
    provenance: Provenance = Provenance.HUMAN
    findings: tuple[str, ...] = ()
    """Tracking ids of what the drafted sentence, or the form's, rests on; none for a line that a person wrote."""
    was: int | None = None
    """Number of the line that it was when it was last saved, from 0 and without headings; NEW for one that was added,
    None where nobody says."""


def draft_text(report: Report) -> str:
    """The text that a model drafted: a heading for each section that has sentences, a line for each sentence."""
    return text_of(Line(section=sentence.section, text=sentence.text) for sentence in report.sentences)


def text_of(lines: Iterable[Line]) -> str:
    """Lines as one text, by section; line breaks and control characters inside of one become spaces."""
    parts = []
    section = None
    for line in _in_order(lines):
        parts += (
            [one_line(line.text)]
            if line.section is section
            else [f"{line.section.value.capitalize()}:", one_line(line.text)]
        )
        section = line.section
    return "".join(f"{part}\n" for part in parts)


def _in_order(lines: Iterable[Line]) -> list[Line]:
    """Those that say something, section by section."""
    order = list(HEADINGS.values())
    return sorted((line for line in lines if one_line(line.text)), key=lambda line: order.index(line.section))


def lines_of(report: Report, history: History | None) -> tuple[Line, ...]:
    """The lines as they stand now, each with who wrote it and what it rests on. Raises ValueError for a history of
    another draft."""
    history = history or History(draft=draft_text(report))
    cited = rests_on(report, history.draft)
    found, section = [], Section.FINDINGS
    for spans in _by_line(history.spans):
        text = "".join(span.text for span in spans).rstrip("\n")
        if text in HEADINGS:
            section = HEADINGS[text]
        else:
            found.append(_line(section, text, spans, cited))
    return tuple(found)


def save(
    log: EditLog,
    *,
    report: Report,
    job_id: str,
    study_instance_uid: str,
    lines: Sequence[Line],
    base_sha256: str,
    reviewer: str,
    seconds: float,
    accepted: int,
    now: datetime,
    form: Submitted | None = None,
) -> str | None:
    """Keep what a person made of the text with the digest `base_sha256`; returns the log's place and digest. `form` is
    what new lines are of that say by themselves who wrote them.

    None if the text is another by now: somebody else saved it meanwhile, and nothing is lost or kept.
    """
    draft = draft_text(report)
    before, after = (log.history(job_id) or History(draft=draft)).text, text_of(lines)
    if text_digest(before) != base_sha256:
        return None
    revision = Revision(
        study_instance_uid=study_instance_uid,
        job_id=job_id,
        model="; ".join(map(named, report.algorithms)),
        adapter=adapters_of(report.algorithms),
        reviewer=reviewer,
        at=now,
        seconds=seconds,
        before_sha256=base_sha256,
        after_sha256=text_digest(after),
        edits=marked(edits(before, after, _may(before, after, _in_order(lines))), _wrote(after, _in_order(lines))),
        accepted=accepted,
        form=form,
    )
    return log.record(revision, draft=draft)


def _may(before: str, after: str, lines: Sequence[Line]) -> Callable[[int, int], bool]:
    """Whether a sentence of `before` can have become one of `after`, by what its lines say that they were."""
    old, new = _line_numbers(before), _line_numbers(after)

    def may(one: int, other: int) -> bool:
        if old[one] is None or (at := new[other]) is None:
            return old[one] == new[other]
        return lines[at].was in (None, old[one])

    return may


def _wrote(after: str, lines: Sequence[Line]) -> Mapping[int, tuple[Provenance, tuple[str, ...]]]:
    """Of each sentence of `after` in a new line that rests on something: who says it, and on what."""
    numbers = enumerate(_line_numbers(after))
    of = {number: lines[at] for number, at in numbers if at is not None}
    return {n: (line.provenance, line.findings) for n, line in of.items() if line.was == NEW and line.findings}


def _line_numbers(text: str) -> list[int | None]:
    """For each sentence of a text the number of its line; None for a heading."""
    found: list[int | None] = []
    number, fresh = -1, True
    for sentence in sentences(text):
        heading = fresh and sentence.rstrip("\n") in HEADINGS
        number += fresh and not heading
        found.append(None if heading else number)
        fresh = sentence.endswith("\n")
    return found


def named(algorithm: Algorithm) -> str:
    """A model as the edit log names it: name, version and digest."""
    return f"{algorithm.name} {algorithm.version} {algorithm.digest}"


def one_line(text: str) -> str:
    """A line as it stands in a text: one, which no heading is mistaken for."""
    plain = " ".join(_UNSEEN.sub(" ", text).split())
    return plain.rstrip(":") if plain in HEADINGS else plain


def rests_on(report: Report, draft: str) -> Mapping[int, tuple[str, ...]]:
    """What each sentence of the draft's text rests on, by its number: those of one line rest on the same."""
    cited = iter([each for of in Section for each in report.sentences if each.section is of and one_line(each.text)])
    found: dict[int, tuple[str, ...]] = {}
    fresh = True
    findings: tuple[str, ...] = ()
    for number, text in enumerate(sentences(draft)):
        if fresh:
            findings = () if text.rstrip("\n") in HEADINGS else next(cited).findings
        found[number] = findings
        fresh = text.endswith("\n")
    return found


def _by_line(spans: Sequence[Span]) -> Iterator[list[Span]]:
    line: list[Span] = []
    for span in spans:
        line.append(span)
        if span.text.endswith("\n"):
            yield line
            line = []
    if line:
        yield line


def _line(section: Section, text: str, spans: Sequence[Span], by_number: Mapping[int, tuple[str, ...]]) -> Line:
    drafted = (span.findings if span.origin is None else by_number.get(span.origin, ()) for span in spans)
    cited = (each for findings in drafted for each in findings)
    wrote = {span.provenance for span in spans}
    return Line(
        section=section,
        text=text,
        provenance=wrote.pop() if len(wrote) == 1 else Provenance.EDITED,
        findings=tuple(dict.fromkeys(cited)),
    )
