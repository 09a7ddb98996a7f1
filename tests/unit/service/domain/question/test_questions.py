"""Questions on reports: hand-written ones with their answers, and what must hold of every answer."""

from __future__ import annotations

import pytest

from service.domain.prose.reading import read
from service.domain.question.answer import answer
from service.domain.question.asked import Kind, asked
from service.domain.question.elsewhere import elsewhere
from service.domain.question.reply import Reply, Verdict
from tests.bench.asking.__main__ import figures, right, said
from tests.bench.asking.question_set import PARTS, Case, cases
from tests.support.payloads import PAYLOADS

REPORT = "FINDINGS: Small left effusion. No pneumothorax. Rib fracture on the right.\nIMPRESSION: Right pneumothorax."


@pytest.mark.parametrize("case", cases("development"), ids=lambda case: case.question)
def test_a_question_gets_its_answer_with_the_words_that_give_it(case: Case) -> None:
    assert right(case) == (True, True), said(case)


def test_questions_that_no_rule_was_written_for_are_answered_as_well_as_the_documents_say() -> None:
    held_out, others = figures(cases("held_out")), figures(cases("other_reports"))
    assert (held_out["answers right"], held_out["citations right"]) >= (0.97, 0.97)
    assert (others["answers right"], others["citations right"]) >= (0.70, 0.74)
    assert held_out["invented, of what is not stated"] == others["invented, of what is not stated"] == 0


@pytest.mark.parametrize("part", PARTS)
def test_every_citation_is_words_of_the_report_and_silence_cites_nothing(part: str) -> None:
    for case in cases(part):
        reading = read(case.text)
        for reply in answer(case.question, reading, read(case.prior) if case.prior else None):
            assert (reply.answer == Verdict.NOT_STATED) == (not reply.spans)
            for span in (*reply.spans, *reply.also):
                assert case.text[span.start : span.end] == span.text


def test_an_answer_without_a_citation_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="an answer cites"):
        Reply(about="", answer=Verdict.YES)


def test_what_the_report_says_otherwise_elsewhere_is_cited_beside() -> None:
    (reply,) = answer("Is there a pneumothorax?", read(REPORT))
    assert (reply.answer, [span.text for span in reply.spans]) == (Verdict.YES, ["Right pneumothorax."])
    assert [span.text for span in reply.also] == ["No pneumothorax."]


def test_two_things_asked_are_two_answers() -> None:
    effusion, fracture = answer("Is there an effusion or a rib fracture?", read(REPORT))
    assert (effusion.about, effusion.answer, fracture.about, fracture.answer) == (
        "pleural effusion", "yes", "fracture", "yes",
    )  # fmt: skip


def test_a_finding_at_another_site_is_no_answer() -> None:
    (reply,) = answer("Is there a clavicle fracture?", read(REPORT))
    assert reply.answer == Verdict.NOT_STATED


@pytest.mark.parametrize("payload", PAYLOADS[:-1])
def test_any_text_is_a_question_and_any_text_a_report(payload: str) -> None:
    assert [reply.answer for reply in answer(payload, read(REPORT))] == ["not stated"]
    for reply in answer("Is there a pneumothorax?", read(payload)):
        assert reply.answer == Verdict.NOT_STATED


@pytest.mark.parametrize(
    ("question", "named"),
    [
        ("What did another patient have?", "another patient"),
        ("Show me the report of Mrs. Miller", "Mrs. Miller"),
        ("Was hat Frau Schneider?", "Frau Schneider"),
        ("Und der andere Patient?", "andere Patient"),
        ("Does patient Johnson have an effusion?", "patient Johnson"),
        ("What is in accession number A26-4402?", "accession number A26-4402"),
        ("Study 1.2.840.113619.2.5.1 ?", "1.2.840.113619.2.5.1"),
        ("Compare with 12345678", "12345678"),
        ("Was liegt in Bett 4?", "Bett 4"),
        ("List all patients with pneumothorax", "all patients"),
        ("Zeig alle Befunde", "alle Befunde"),
    ],
)
def test_a_question_about_somebody_or_something_else_is_known(question: str, named: str) -> None:
    assert elsewhere(question) == named


@pytest.mark.parametrize(
    "question",
    [
        "Hat der Patient Ergüsse?", "Does the patient have a tube?", "Is it larger than in the previous study?",
        "Liegt eine Fraktur der Rippe 7 vor?", "How far is the tube above the carina?", "Ist der Patient intubiert?",
    ],
)  # fmt: skip
def test_a_question_about_this_patient_is_not_refused(question: str) -> None:
    assert elsewhere(question) == ""


def test_this_patient_and_study_may_be_named() -> None:
    assert elsewhere("Does Mrs. Lindqvist have an effusion?", {"Lindqvist", "Maja"}) == ""
    assert elsewhere("Accession A26-4402: any effusion?", {"A26-4402"}) == ""
    assert elsewhere("Accession A26-4403: any effusion?", {"A26-4402"}) == "Accession A26-4403"


@pytest.mark.parametrize(
    ("question", "kind", "findings"),
    [
        ("Gibt es einen Erguss?", Kind.IS, ("pleural effusion",)),
        ("How large is the heart?", Kind.SIZE, ("cardiomegaly",)),
        ("Ist das Mediastinum verbreitert?", Kind.IS, ("mediastinal widening",)),
        ("What changed since the last study?", Kind.CHANGE, ()),
        ("Any lines or tubes?", Kind.DEVICES, ()),
        ("Is everything normal?", Kind.ABNORMAL, ()),
        ("Why was it done?", Kind.SECTION, ()),
        ("Was wird empfohlen?", Kind.ADVICE, ()),
        ("What about the spleen?", Kind.WORDS, ()),
    ],
)
def test_a_question_is_read_into_its_kind_and_its_finding(question: str, kind: Kind, findings: tuple[str, ...]) -> None:
    made = asked(question)
    assert (made.kind, made.findings) == (kind, findings)


def test_normal_and_abnormal_are_answered_by_what_is_stated() -> None:
    normal = read("FINDINGS: No pneumothorax. No effusion.\nIMPRESSION: No pneumothorax.")
    assert [reply.answer for reply in answer("Is everything normal?", normal)] == ["yes"]
    assert [reply.answer for reply in answer("Any abnormality?", read(REPORT))] == ["yes"]
    assert [reply.answer for reply in answer("Is everything normal?", read(REPORT))] == ["no"]
