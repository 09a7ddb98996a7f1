"""A model as second reader: asked only if its card says so; shown is only what it quotes and is sure of."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from service.domain.algorithm import Card, Limits
from service.domain.errors import Unavailable
from service.domain.prose.side import Side
from service.domain.quality.case import Case, Seen
from service.domain.quality.inspect import inspect
from service.domain.quality.issue import Kind
from service.flow.second_reader import NO_MODEL, opinion
from service.ports.finish import Finish
from service.ports.models import Answer, Piece, Question, ScriptedModels, ServedModel, ServerState
from tests.support.web_records import ALGORITHM

TEXT = "FINDINGS: The right lung <is> clear. Small left effusion.\nIMPRESSION: Small left effusion."
CASE = Case(text=TEXT, seen=(Seen(name="nodule", present=True, side=Side.RIGHT, sizes_mm=(9.0,)),), question="Nodule?")
CARD = Card(algorithm=ALGORITHM, licence="MIT", source="", intended_use="", limits=Limits(), tasks=("report-check",))
OBJECTION = {"kind": "missing finding", "quote": "right lung (is) clear", "why": "the AI has a nodule there"}


class Reader(ScriptedModels):
    """Lists `issues`, and says `verdict` of each with the probability `sure`."""

    def __init__(
        self, issues: object, *, card: Card = CARD, verdict: str = "yes", sure: float = 0.9, **other: object
    ) -> None:
        self.other = other
        self.listed = issues if isinstance(issues, str) else json.dumps({"issues": issues})
        self.verdict, self.sure = verdict, sure
        super().__init__({"reader": card}, self._said)

    def _said(self, question: Question) -> Answer:
        assert question.guidance
        text = self.verdict if question.guidance.kind == "regex" else self.listed
        pieces = (Piece(text, (math.log(self.sure),)),) if self.sure else ()
        made = Answer(
            text=text, finish=Finish.STOP, model="reader", version="1", digest=ALGORITHM.digest, pieces=pieces
        )
        return replace(made, **self.other)  # type: ignore[arg-type]

    def state(self) -> ServerState:
        served = ServedModel(name="reader", version="1", ready=True, engine="scripted")
        return ServerState(ready=True, engine="scripted", models=(served,))


def of_model(models: ScriptedModels) -> list[str]:
    return [TEXT[issue.start : issue.end] for issue in opinion(CASE, models).issues if issue.by != "rules"]


def test_what_a_model_quotes_and_verifies_is_a_hint_with_its_name_version_and_digest() -> None:
    told = opinion(CASE, Reader([OBJECTION]))
    (found,) = (issue for issue in told.issues if issue.by != "rules")
    assert (TEXT[found.start : found.end], found.kind, found.likely) == (
        "right lung <is> clear",
        Kind.MISSING_FINDING,
        False,
    )
    assert found.by == f"{ALGORITHM.name} {ALGORITHM.version} {ALGORITHM.digest}"
    assert found.by in told.stages
    assert [issue for issue in told.issues if issue.by == "rules"] == list(inspect(CASE))


@pytest.mark.parametrize(
    "models",
    [
        Reader([OBJECTION | {"quote": "left lung is clear"}]),
        Reader([OBJECTION], verdict="no"),
        Reader([OBJECTION], sure=0.4),
        Reader([OBJECTION], sure=0.0),
        Reader([OBJECTION | {"kind": "typo"}]),
        Reader([]),
    ],
    ids=["not in the text", "verifier says no", "unsure", "no probabilities", "left to rules", "nothing"],
)
def test_what_is_not_quoted_or_not_verified_is_not_shown(models: Reader) -> None:
    assert of_model(models) == []


@pytest.mark.parametrize(
    ("models", "said"),
    [
        (Reader("no JSON"), "no list of issues"),
        (Reader([{"kind": "mood", "quote": "clear", "why": "x"}]), "no list of issues"),
        (Reader([OBJECTION], digest="another"), "not the model of its card"),
        (Reader([OBJECTION], finish=Finish.LENGTH), "did not finish"),
    ],
)
def test_a_model_that_does_not_answer_well_leaves_the_rules_alone_and_that_is_said(models: Reader, said: str) -> None:
    told = opinion(CASE, models)
    assert told.issues == inspect(CASE)
    assert said in told.stages
    assert told.stages.endswith("rules alone.")


def test_no_model_is_asked_whose_card_does_not_say_so_or_that_is_away() -> None:
    demo = Reader([OBJECTION], card=replace(CARD, tasks=()))
    assert (opinion(CASE, demo).stages, demo.asked) == (NO_MODEL, [])

    def away(question: Question) -> Answer:
        raise Unavailable("the model server is away")

    gone = Reader([OBJECTION])
    gone.answer = away
    assert "away" in opinion(CASE, gone).stages


def test_reports_and_orders_are_data_of_one_line_without_marks_and_the_count_and_time_are_bounded() -> None:
    many = [OBJECTION | {"quote": TEXT[at : at + 4]} for at in range(40)]
    models = Reader(many)
    opinion(CASE, models)
    assert len(models.asked) == 1 + 8
    (words,) = models.asked[0].parts
    assert isinstance(words, str)
    data = words.split("Data: ")[1]
    assert data.count("\n") == 1
    assert json.loads(data) == {
        "question": "Nodule?",
        "AI findings": ["right nodule, 9 mm"],
        "report": TEXT.replace("<", "(").replace(">", ")"),
    }
    clock = iter([0.0, 0.0, 100.0, 200.0, 300.0])
    assert opinion(CASE, models, now=lambda: next(clock)).stages.startswith("Rules, then")
    assert len(models.asked) == 1 + 8 + 1
    long = Reader([OBJECTION])
    assert "too long" in opinion(Case(text="x " * 10_000), long).stages
    assert long.asked == []
