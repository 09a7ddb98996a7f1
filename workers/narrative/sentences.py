"""A whole narrative, `FINDINGS: ... IMPRESSION: ...`, to findings, each with its box and how surely it was stated.

An answer that holds any other sentence is not taken at all.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from service.domain.code import MILLIMETER, Code
from service.domain.errors import Unclear
from service.domain.report import Evidence, Finding, Measurement, Section, Sentence
from service.domain.uids import derive_uid
from service.ports.models import Answer
from workers.algorithms.base import Draft, Looked, Statement
from workers.narrative import boxes, certainty
from workers.narrative.forms import DEPTHS, GRADES, SIDES, SIZES, TIPS, ZONES, Form, filled

_WHOLE = re.compile(r"\s*FINDINGS: (?P<findings>.+?) IMPRESSION: (?P<impression>.+?)\s*", re.DOTALL)
_SENTENCE = re.compile(r"\S.*?\.(?=\s+[A-Z]|\s*$)", re.DOTALL)
"""Up to a full stop before a capital or the end: a broken box may hold a dot."""
NORMAL = "normal study"


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """One sentence that states something: its form, its words, and where it begins in its text."""

    form: Form
    present: bool
    words: Mapping[str, str]
    text: str
    start: int

    @property
    def shown(self) -> str:
        """The sentence for people: without its box."""
        return self.text.removesuffix(f" {self.words['box']}.") + "." if "box" in self.words else self.text

    @property
    def item(self) -> str:
        """How an impression names it; empty if it is absent."""
        return filled(self.form.item, self.words) if self.present else ""


def read(answer: Answer, forms: Sequence[Form], looked: Looked, *, namespace: str) -> Draft:
    """The findings, sentences and statements of one answer.

    What the impression does not say as the findings do is a doubt: neither is told, as nobody here can tell which is
    wrong. Raises Unclear for anything but the sentences of `forms`, for one that is missing, and for a contradiction
    among the findings themselves.
    """
    whole = _WHOLE.fullmatch(answer.text)
    if whole is None:
        raise Unclear("the model's answer has no FINDINGS and IMPRESSION")
    said = [_understood(each, forms) for each in sentences(whole["findings"], whole.start("findings"))]
    _say_each_thing_once(said, forms)
    doubts = _doubts(said, forms, whole["impression"])
    said = [one for one in said if one.form.name not in doubts]
    stated = [_statement(one, answer, looked, number) for number, one in enumerate(said, 1)]
    findings = [_finding(one, told, looked, namespace) for one, told in zip(said, stated, strict=True)]
    told = [Sentence(section=Section.FINDINGS, text=s.words, findings=(s.tracking_id,)) for s in stated]
    return Draft(
        findings=tuple(findings),
        sentences=(*told, *conclude(stated, doubts)),
        statements=tuple(stated),
        doubts=doubts,
    )


def sentences(text: str, start: int = 0) -> list[tuple[str, int]]:
    """The sentences of `text`, which begins at `start` of something longer, each with its place there.

    What does not end as a sentence is one, too: nothing of the text is left out.
    """
    found = [(match[0], start + match.start()) for match in _SENTENCE.finditer(text)]
    end = found[-1][1] - start + len(found[-1][0]) if found else 0
    rest = text[end:]
    return [*found, (rest.strip(), start + end + len(rest) - len(rest.lstrip()))] if rest.strip() else found


def understand(sentence: tuple[str, int], forms: Iterable[Form]) -> Said | None:
    """What one of `sentences` states; None if it is none of `forms`."""
    text, start = sentence
    for form in forms:
        if found := form.match(text):
            present, match = found
            words = {name: word for name, word in match.groupdict().items() if word is not None}
            return Said(form=form, present=present, words=words, text=text, start=start)
    return None


def conclude(stated: Sequence[Statement], doubts: Sequence[str]) -> tuple[Sentence, ...]:
    """The impression of `stated`: what is present, or that nothing is; none where that is in doubt."""
    present = [one for one in stated if one.item]
    if doubts and not present:
        return ()
    text = ", ".join(one.item for one in present) or NORMAL
    cited = tuple(one.tracking_id for one in present or stated)
    return (Sentence(section=Section.CONCLUSIONS, text=f"{text[0].upper()}{text[1:]}.", findings=cited),)


def _understood(sentence: tuple[str, int], forms: Sequence[Form]) -> Said:
    if said := understand(sentence, forms):
        return said
    raise Unclear("the model wrote a sentence that has no coded meaning for this view")


def _say_each_thing_once(said: Sequence[Said], forms: Sequence[Form]) -> None:
    both = {one.form.name for one in said if one.present} & {one.form.name for one in said if not one.present}
    once = Counter((one.form.name, one.words.get("side")) for one in said if not (one.present and one.form.several))
    texts = Counter(one.text for one in said)
    if both or max([*once.values(), *texts.values()], default=0) > 1:
        raise Unclear("the model states the same finding twice or both ways")
    if {one.form.name for one in said} != {form.name for form in forms}:
        raise Unclear("the model left out a finding that it always states")


def _doubts(said: Sequence[Said], forms: Sequence[Form], impression: str) -> tuple[str, ...]:
    """The names of `forms` whose findings and whose items in the impression are not the same.

    Raises Unclear for an item that has no coded meaning, and where nothing at all is left to agree on.
    """
    found = Counter((one.form.name, one.item) for one in said if one.present)
    items = impression.strip().removesuffix(".").split(", ")
    named = Counter() if items == [NORMAL] else Counter((_named(item, forms), item) for item in items)
    doubted = {name for name, _ in (found - named) + (named - found)}
    if doubted and (not named or len(doubted) == len(forms)):
        raise Unclear("the model's impression contradicts its own findings")
    return tuple(form.name for form in forms if form.name in doubted)


def _named(item: str, forms: Sequence[Form]) -> str:
    name = next((form.name for form in forms if form.item_words(item) is not None), None)
    if name is None:
        raise Unclear("the model's impression names what has no coded meaning for this view")
    return name


def _statement(said: Said, answer: Answer, looked: Looked, number: int) -> Statement:
    decided = said.start + len(said.form.deciding(said.present))
    return Statement(
        tracking_id=f"{said.form.name.replace(' ', '-')}-{looked.number}-{number}",
        name=said.form.name,
        words=said.shown,
        item=said.item,
        raw=certainty.raw(answer, said.start, decided),
    )


def _finding(said: Said, stated: Statement, looked: Looked, namespace: str) -> Finding:
    words, form = said.words, said.form
    return Finding(
        tracking_id=stated.tracking_id,
        tracking_uid=derive_uid(namespace, stated.tracking_id),
        concept=form.concept,
        present=said.present,
        site=site(said),
        topography=DEPTHS.get(words.get("depth", "")),
        laterality=SIDES.get(words.get("side", "")),
        severity={**SIZES, **GRADES}.get(words.get("size") or words.get("grade", "")),
        measurements=_measurements(said),
        evidence=(_evidence(words.get("box", ""), looked),),
    )


def site(said: Said) -> Code | None:
    """Where it is: its zone or where a device ends, else where it is looked for."""
    words = said.words
    return (
        ZONES.get(words.get("zone", ""))
        or TIPS.get(words.get("tip", ""))
        or (said.form.ends if said.present and said.form.ends else said.form.site)
    )


def _measurements(said: Said) -> tuple[Measurement, ...]:
    if "mm" not in said.words:
        return ()
    return (Measurement(concept=said.form.measured, value=float(said.words["mm"]), unit=MILLIMETER),)


def _evidence(box: str, looked: Looked) -> Evidence:
    """The image, with the region that `box` names in it, if it names one."""
    bins, size = boxes.parse(box), looked.instance.size
    if bins is None or size is None:
        return looked.evidence
    return replace(looked.evidence, region=boxes.region(bins, rows=size[0], columns=size[1]))
