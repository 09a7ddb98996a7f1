"""Review: a drafted report as the lines that a radiologist accepts, edits or rejects, and what was made of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from service.domain.algorithm import adapters_of
from service.domain.edit import History, Provenance, Revision, Span, edits, text_digest
from service.domain.report import Report, Section
from service.domain.wording import sentences
from service.ports.edits import EditLog

HEADINGS = {f"{section.value.capitalize()}:": section for section in Section}
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One line of a report."""

    section: Section
    text: str
    provenance: Provenance = Provenance.HUMAN
    findings: tuple[str, ...] = ()
    """Tracking ids of what the drafted sentence rests on; none for a line that a person wrote."""


def draft_text(report: Report) -> str:
    """The text that a model drafted: a heading for each section that has sentences, a line for each sentence."""
    return text_of(Line(section=sentence.section, text=sentence.text) for sentence in report.sentences)


def text_of(lines: Iterable[Line]) -> str:
    """Lines as one text, by section; line breaks and control characters inside of one become spaces."""
    kept = [(line.section, plain) for line in lines if (plain := _plain(line.text))]
    parts = []
    for heading, section in HEADINGS.items():
        texts = [text for of, text in kept if of is section]
        parts += [heading, *texts] if texts else []
    return "".join(f"{part}\n" for part in parts)


def lines_of(report: Report, history: History | None) -> tuple[Line, ...]:
    """The lines as they stand now, each with who wrote it and what it rests on. Raises ValueError for a history of
    another draft."""
    history = history or History(draft=draft_text(report))
    rests_on = _rests_on(report, history.draft)
    found, section = [], Section.FINDINGS
    for spans in _by_line(history.spans):
        text = "".join(span.text for span in spans).rstrip("\n")
        if text in HEADINGS:
            section = HEADINGS[text]
        else:
            found.append(_line(section, text, spans, rests_on))
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
) -> str | None:
    """Keep what a person made of the text with the digest `base_sha256`; returns the log's place and digest.

    None if the text is another by now: somebody else saved it meanwhile, and nothing is lost or kept.
    """
    draft = draft_text(report)
    before, after = (log.history(job_id) or History(draft=draft)).text, text_of(lines)
    if text_digest(before) != base_sha256:
        return None
    revision = Revision(
        study_instance_uid=study_instance_uid,
        job_id=job_id,
        model="; ".join(f"{each.name} {each.version} {each.digest}" for each in report.algorithms),
        adapter=adapters_of(report.algorithms),
        reviewer=reviewer,
        at=now,
        seconds=seconds,
        before_sha256=base_sha256,
        after_sha256=text_digest(after),
        edits=edits(before, after),
        accepted=accepted,
    )
    return log.record(revision, draft=draft)


def _plain(text: str) -> str:
    """One line, which no heading is mistaken for."""
    plain = " ".join(_UNSEEN.sub(" ", text).split())
    return plain.rstrip(":") if plain in HEADINGS else plain


def _rests_on(report: Report, draft: str) -> Mapping[int, tuple[str, ...]]:
    """What each sentence of the draft's text rests on, by its number: those of one line rest on the same."""
    cited = iter([each for of in Section for each in report.sentences if each.section is of and _plain(each.text)])
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


def _line(section: Section, text: str, spans: Sequence[Span], rests_on: Mapping[int, tuple[str, ...]]) -> Line:
    cited = (each for span in spans if span.origin is not None for each in rests_on.get(span.origin, ()))
    wrote = {span.provenance for span in spans}
    return Line(
        section=section,
        text=text,
        provenance=wrote.pop() if len(wrote) == 1 else Provenance.EDITED,
        findings=tuple(dict.fromkeys(cited)),
    )
