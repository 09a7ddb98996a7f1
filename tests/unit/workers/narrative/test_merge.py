"""Whatever several images say, nothing of it is lost and no number is told that is not measured."""

from __future__ import annotations

import re
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from service.domain.report import Finding, Outcome, Report
from tests.support.narratives import answer, ct_slice, radiograph
from tests.support.reports import CHEST_MODEL
from workers.algorithms import algorithms
from workers.algorithms.base import Draft, Looked
from workers.narrative.forms import CT, FRONTAL, LATERAL, Form, filled

FORMS = {"PA": FRONTAL, "AP": FRONTAL, "LL": LATERAL, "CT": CT}
WORDS = st.fixed_dictionaries(
    {
        "a": st.just("a"),
        "mm": st.integers(1, 99).map(str),
        "side": st.sampled_from(["right", "left"]),
        "size": st.sampled_from(["small", "moderate", "large"]),
        "grade": st.sampled_from(["mild", "moderate", "severe"]),
        "zone": st.sampled_from(["upper", "middle", "lower"]),
        "depth": st.sampled_from(["anterior", "posterior"]),
        "tip": st.sampled_from(["superior vena cava", "right atrium"]),
        "box": st.tuples(st.integers(0, 150), st.integers(0, 150)),
    }
)
Words = dict[str, str]


def _sentence(form: Form, words: Words) -> str:
    left, top = words["box"]
    return f"{filled(form.present, words).removesuffix('.')} [{left} {top} {int(left) + 9} {int(top) + 9}]."


@st.composite
def narratives(draw: st.DrawFn, view: str) -> str:
    """An answer of `view` with any of its findings, several at once where that can be."""
    sentences, items = [], []
    for form in FORMS[view]:
        found = draw(st.lists(WORDS, max_size=2 if form.several else 1, unique_by=str))
        sentences += [_sentence(form, words) for words in found] or [form.absent]
        items += [filled(form.item, words) for words in found]
    return f"FINDINGS: {' '.join(sentences)} IMPRESSION: {', '.join(items) or 'normal study'}."


@st.composite
def studies(draw: st.DrawFn) -> list[tuple[str, str]]:
    """(view, answer) of the radiographs, or of the slices, of one study."""
    views = st.one_of(st.lists(st.sampled_from(["PA", "AP", "LL"]), min_size=1, max_size=4), st.just(["CT"] * 4))
    return [(view, draw(narratives(view))) for view in draw(views)]


def combined(images: Sequence[tuple[str, str]]) -> tuple[list[Draft], Draft]:
    """What each image says, and all together."""
    ct = images[0][0] == "CT"
    module = algorithms()["chest-ct-report" if ct else "chest-radiograph-report"]
    looked = [
        Looked(instance=ct_slice(n) if ct else radiograph(n, view), number=n, of=len(images))
        for n, (view, _) in enumerate(images, 1)
    ]
    drafts = [module.interpret(answer(text), one, namespace="n") for one, (_, text) in zip(looked, images, strict=True)]
    return drafts, module.combine(drafts, looked, namespace="n")  # type: ignore[attr-defined]


def _shown(finding: Finding) -> set[tuple[str, bool, str]]:
    """What it states of which image."""
    return {(finding.concept.value, finding.present, str(each.sop_instance_uid)) for each in finding.evidence}


@settings(deadline=None, max_examples=150)
@given(studies())
def test_nothing_that_is_there_is_lost_and_nothing_is_made_up(images: list[tuple[str, str]]) -> None:
    drafts, draft = combined(images)
    said = {each for one in drafts for finding in one.findings for each in _shown(finding)}
    told = {each for finding in draft.findings for each in _shown(finding)}
    assert told <= said
    assert {each for each in said if each[1]} == {each for each in told if each[1]}
    assert {concept for concept, *_ in said} == {concept for concept, *_ in told}


@settings(deadline=None, max_examples=150)
@given(studies())
def test_every_sentence_cites_findings_and_tells_only_their_numbers(images: list[tuple[str, str]]) -> None:
    _, draft = combined(images)
    report = Report(
        outcome=Outcome.ANALYSED, algorithms=(CHEST_MODEL,), procedure=draft.findings[0].concept, images=(),
        findings=draft.findings, sentences=draft.sentences,
    )  # fmt: skip
    by_id = {finding.tracking_id: finding for finding in report.findings}
    assert len(by_id) == len(report.findings)
    for sentence in report.sentences:
        cited = [by_id[tracking_id] for tracking_id in sentence.findings]
        measured = {each.text for finding in cited for each in finding.measurements}
        assert set(re.findall(r"\d+ mm", sentence.text)) <= measured
        assert "[" not in sentence.text


@settings(deadline=None, max_examples=50)
@given(studies())
def test_a_retry_says_the_same(images: list[tuple[str, str]]) -> None:
    assert combined(images) == combined(images)
