"""What a returned document changed: its words laid out as ours, so that only what was meant differently differs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from service.domain.aligned import edits
from service.domain.edit import Edit
from service.domain.report import Section
from service.domain.returned import Document
from service.domain.wording import sentences
from service.flow.review import Line, text_of


def narrative(document: Document, before: str, *, aside: Collection[str] = ()) -> str:
    """The document's narrative as a text that can be compared with `before`; empty if it has none.

    A sentence that stands in `before` keeps its place on its line, however the document breaks its lines. `aside` are
    lines of ours that no person wrote, such as what was looked for.
    """
    lines = [(section, line) for section, line in document.lines if line not in aside]
    if not lines:
        return ""
    ends = {sentence.strip(): sentence[len(sentence.rstrip()) :] for sentence in sentences(before)}
    return text_of(Line(section=section, text=line) for section, line in _laid_out(lines, ends))


def _laid_out(lines: Iterable[tuple[Section, str]], ends: dict[str, str]) -> Iterator[tuple[Section, str]]:
    """A line for each sentence; those that stood on one line before stand on one again."""
    open_in: Section | None = None
    held = ""
    for section, line in lines:
        for sentence in sentences(" ".join(line.split())):
            said = sentence.strip()
            if held and open_in is not section and open_in is not None:
                yield open_in, held
                held = ""
            held, open_in = f"{held} {said}".strip(), section
            if "\n" in ends.get(said, "\n"):
                yield section, held
                held = ""
    if held and open_in is not None:
        yield open_in, held


def tracked_edits(before: Document, after: Document) -> tuple[Edit, ...]:
    """What changed of the measurement groups, in the order of `before`; nothing where `after` has none at all."""
    if not after.tracked:
        return ()
    order = {uid: at for at, (uid, _) in enumerate(before.tracked)}
    known = sorted(after.tracked, key=lambda group: order.get(group[0], len(order)))
    return edits(_listed(before.tracked), _listed(known))


def _listed(groups: Sequence[tuple[str, str]]) -> str:
    return "".join(f"{words}\n" for _, words in groups)
