"""A report that a person has begun, as the beginning of a narrative; and what its continuation shows people.

Findings:                       FINDINGS: The heart size is normal. There is a small
The heart size is normal.   ->
There is a small|               left pleural effusion [12 40 60 88].   ->   left pleural effusion.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from service.domain.completion import Begun, Told
from service.domain.report import Section
from service.ports.models import Guidance
from workers.narrative.completion import told
from workers.narrative.forms import Form

ONE_SENTENCE = Guidance(kind="regex", value=r"[^.\[]*(\[[^\]]*\])?\.")
"""Up to the next full stop; a box may stand before it."""
_HEADINGS = {Section.FINDINGS: "FINDINGS:", Section.CONCLUSIONS: "IMPRESSION:"}
_PLACES = re.compile(r"^(?:All|Images?|Slices?)\b[^.:]*: ")
"""What `merge` puts before a sentence of several images; a model of one image knows nothing of it."""
_BOX = re.compile(r"\s*\[[^\]]*(?:\]|$)")
_HEADING = re.compile(r"\s*\b(?:IMPRESSION.*|I[MPRESION]*$)", re.DOTALL)


def opening(begun: Begun) -> str:
    """Everything before the cursor in the model's form; ends with a blank where a new sentence begins."""
    text = ""
    for section, heading in _HEADINGS.items():
        whole = "".join(_whole(text, section) for of, text in begun.lines if of is section and text)
        if section is begun.section:
            return f"{text}{heading} {whole}{_line(begun, begun.line)}"
        text += f"{heading} {whole}" if whole else ""
    raise AssertionError("every section has a heading")


def shown(begun: Begun, answer: str) -> str:
    """What people see of `answer`, which goes on after `opening(begun)`: no box, no heading; a line of the
    conclusions begins with a capital."""
    seen = _HEADING.sub("", _BOX.sub("", answer)).rstrip()
    fresh = begun.section is Section.CONCLUSIONS and not begun.line.strip()
    return f"{seen[:1].upper()}{seen[1:]}" if fresh else seen


def stated(begun: Begun, answer: str, forms: Sequence[Form]) -> tuple[Told, ...]:
    """What the sentence that `answer` completes states."""
    return told(f"{_HEADINGS[begun.section]} {_line(begun, begun.sentence)}", answer.partition("IMPRESSION:")[0], forms)


def _line(begun: Begun, text: str) -> str:
    return _lowered(text) if begun.section is Section.CONCLUSIONS else _PLACES.sub("", text)


def _whole(line: str, section: Section) -> str:
    """A line as the model writes it, and what stands between it and the next."""
    if section is Section.CONCLUSIONS:
        return f"{_lowered(line.rstrip(' .'))}, "
    text = _PLACES.sub("", line).rstrip()
    return f"{text} " if text.endswith((".", "!", "?")) else f"{text}. "


def _lowered(text: str) -> str:
    """Without the capital that only its place in a sentence gave it."""
    return text if text[1:2].isupper() else f"{text[:1].lower()}{text[1:]}"
