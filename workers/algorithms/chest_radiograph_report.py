"""Frontal chest radiograph to narrative and coded findings.

The model writes `FINDINGS: ... IMPRESSION: ...` in a small set of sentences; every sentence becomes one
coded finding, present or absent, and an answer that holds any other sentence is not taken at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from service.domain import code
from service.domain.code import Code
from service.domain.errors import Unclear
from service.domain.report import Finding, Measurement, Section, Sentence
from service.domain.study import Instance
from service.domain.uids import derive_uid
from service.ports.models import Answer, ImagePart, Question
from service.ports.pixels import Frame
from workers.algorithms.base import Draft, Looked

ALGORITHM = "chest-radiograph-report"
MODEL = "chest_demo"
LOOKED_FOR = (code.CARDIOMEGALY, code.PLEURAL_EFFUSION, code.PNEUMOTHORAX, code.NODULE)
INSTRUCTION = "Write the report."

_SIDES = {"right": code.RIGHT, "left": code.LEFT}
_SEVERITIES = {"small": code.MILD, "moderate": code.MODERATE, "large": code.SEVERE}
"""An effusion's size in words, as the severity of CID 3716: one value set for every finding."""
_FORM = re.compile(r"FINDINGS: (?P<findings>.+?) IMPRESSION: (?P<impression>.+)", re.DOTALL)


def accepts(instance: Instance) -> str | None:
    if instance.frames != 1:
        return "it has several frames; this algorithm reads single radiographs"
    return None


def prepare(frame: Frame) -> Question:
    parts = (ImagePart.of(frame, "frontal"), INSTRUCTION)
    return Question(model=MODEL, parts=parts, max_tokens=160)


def interpret(answer: Answer, looked: Looked, *, namespace: str) -> Draft:
    form = _FORM.fullmatch(answer.text.strip())
    if form is None:
        raise Unclear("the model's answer has no FINDINGS and IMPRESSION")
    where = f"Image {looked.number} of {looked.of}: " if looked.of > 1 else ""
    stated = [_finding(text, looked, namespace) for text in _sentences(form["findings"])]
    findings = tuple(finding for finding, _ in stated)
    sentences = [
        Sentence(section=Section.FINDINGS, text=where + text, findings=(finding.tracking_id,))
        for finding, text in stated
    ]
    sentences.append(_conclusion(form["impression"].strip(), findings, where))
    _say_each_thing_once(findings)
    return Draft(findings=findings, sentences=tuple(sentences))


@dataclass(frozen=True, slots=True)
class _Meaning:
    """A sentence that the model may write, and what it states."""

    pattern: re.Pattern[str]
    concept: Code
    present: bool
    site: Code


_MEANINGS = (
    _Meaning(re.compile(r"The cardiac silhouette is enlarged\."), code.CARDIOMEGALY, True, code.HEART),
    _Meaning(re.compile(r"The heart size is normal\."), code.CARDIOMEGALY, False, code.HEART),
    _Meaning(re.compile(r"There is a (?P<size>small|moderate|large) (?P<side>right|left) pleural effusion\."),
             code.PLEURAL_EFFUSION, True, code.PLEURA),
    _Meaning(re.compile(r"No pleural effusion\."), code.PLEURAL_EFFUSION, False, code.PLEURA),
    _Meaning(re.compile(r"There is a (?P<side>right|left) pneumothorax\."), code.PNEUMOTHORAX, True, code.PLEURA),
    _Meaning(re.compile(r"No pneumothorax\."), code.PNEUMOTHORAX, False, code.PLEURA),
    _Meaning(re.compile(r"There is a (?P<mm>\d{1,2}) mm nodule in the (?P<side>right|left) "
                        r"(upper|middle|lower) zone\."), code.NODULE, True, code.LUNG),
    _Meaning(re.compile(r"No pulmonary nodule\."), code.NODULE, False, code.LUNG),
)  # fmt: skip


def _sentences(text: str) -> Iterable[str]:
    return re.findall(r"[^.]+\.", text.strip()) if "." in text else [text]


def _finding(raw: str, looked: Looked, namespace: str) -> tuple[Finding, str]:
    text = raw.strip()
    for meaning in _MEANINGS:
        if found := meaning.pattern.fullmatch(text):
            return _coded(meaning, found, looked, namespace), text
    raise Unclear("the model wrote a sentence that has no coded meaning here")


def _coded(meaning: _Meaning, found: re.Match[str], looked: Looked, namespace: str) -> Finding:
    words = found.groupdict()
    side, size, mm = words.get("side"), words.get("size"), words.get("mm")
    name = "-".join(filter(None, [meaning.concept.meaning.lower().replace(" ", "-"), side, str(looked.number)]))
    diameter = Measurement(concept=code.DIAMETER, value=float(mm), unit=code.MILLIMETER) if mm else None
    return Finding(
        tracking_id=name,
        tracking_uid=derive_uid(namespace, name),
        concept=meaning.concept,
        present=meaning.present,
        site=meaning.site,
        laterality=_SIDES[side] if side else None,
        severity=_SEVERITIES[size] if size else None,
        measurements=(diameter,) if diameter else (),
        evidence=(looked.evidence,),
    )


def _conclusion(impression: str, findings: tuple[Finding, ...], where: str) -> Sentence:
    """The impression as a sentence on the findings it sums up.

    Raises Unclear where it names what the findings do not, or leaves out what they do: one of the two is
    wrong, and nobody here can tell which.
    """
    present = {_short(finding): finding.tracking_id for finding in findings if finding.present}
    items = [] if impression == "normal study." else impression.rstrip(".").split(",")
    named = {item.strip().replace("pleural effusion", "effusion") for item in items}
    if named != set(present):
        raise Unclear("the model's impression contradicts its own findings")
    cited = tuple(present.values()) or tuple(finding.tracking_id for finding in findings)
    text = impression[0].upper() + impression[1:]
    return Sentence(section=Section.CONCLUSIONS, text=where + text, findings=cited)


def _short(finding: Finding) -> str:
    name = {code.PLEURAL_EFFUSION: "effusion"}.get(finding.concept, finding.concept.meaning.lower())
    return f"{finding.laterality.meaning.lower()} {name}" if finding.laterality else name


def _say_each_thing_once(findings: tuple[Finding, ...]) -> None:
    ids = [finding.tracking_id for finding in findings]
    absent = {finding.concept for finding in findings if not finding.present}
    if len(set(ids)) != len(ids) or any(f.present and f.concept in absent for f in findings):
        raise Unclear("the model states the same finding twice or both ways")
    if {finding.concept for finding in findings} != set(LOOKED_FOR):
        raise Unclear("the model left out a finding that it always states")
