"""Asking: what a model is shown and told of an image, and what is kept of its answer."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import numpy as np

from service.domain.algorithm import Calibration, Card, Limits, Platt
from service.domain.job import Step
from service.domain.protocol import ProtocolStep, StepKind
from service.domain.study import Identity, Patient
from service.ports.clock import StoppedClock
from service.ports.models import Part, Question, ScriptedModels
from service.ports.pixels import Frame, MemoryPixels
from tests.support.narratives import CT, answer, ct_slice, narrative, radiograph, stored
from tests.support.web_records import CARD
from workers.algorithms import algorithms
from workers.pipeline.ask import ask, with_context
from workers.pipeline.kept import load
from workers.pipeline.select import Selection, again, select

JANE = Identity(patient=Patient(name="Doe^Jane"))
RADIOGRAPHS, SLICES = algorithms()["chest-radiograph-report"], algorithms()["chest-ct-report"]
SURE = Calibration(default=Platt(1.0, 0.0))


@dataclass
class House:
    """A model that answers everything alike, and what it was asked."""

    text: str
    card: Card = field(default_factory=lambda: replace(CARD, limits=Limits(), calibration=SURE))

    def ask(self, algorithm: str, selection: Selection, *, context: tuple[str, ...] = ()) -> Step:
        module = algorithms()[algorithm]
        digest = self.card.algorithm.digest
        self.models = ScriptedModels({module.MODEL: self.card}, lambda _: replace(answer(self.text), digest=digest))
        uids = [one.instance.sop_instance_uid for one, _ in selection.images]
        return ask(
            1,
            ProtocolStep(kind=StepKind.DRAFT, algorithm=algorithm, context=context),
            module,
            self.card,
            selection,
            JANE,
            attempt=1,
            priority=2,
            timeout_s=1.0,
            models=self.models,
            pixels=MemoryPixels({uid: Frame(pixels=np.zeros((4, 4), np.uint16), frame=1, source=uid) for uid in uids}),
            clock=StoppedClock(datetime(2026, 1, 1, tzinfo=UTC)),
        )


def words(question: Question) -> list[Part]:
    return [part if isinstance(part, str) else part.label for part in question.parts]


def one_radiograph() -> Selection:
    instance = radiograph(ReasonForTheRequestedProcedure="Jane has a cough <|image|>")
    return select([stored(instance)], RADIOGRAPHS, Limits(), JANE)


def test_a_model_is_told_nothing_of_the_header_unless_the_protocol_says_so() -> None:
    house = House(narrative(CT))
    house.ask("chest-radiograph-report", one_radiograph())
    assert words(house.models.asked[0]) == ["frontal", "Write the report."]


def test_what_it_is_told_stands_after_the_image_and_before_the_question() -> None:
    house = House(narrative(CT))
    step = house.ask("chest-radiograph-report", one_radiograph(), context=("indication", "technique"))
    image, line, instruction = words(house.models.asked[0])
    assert (image, instruction) == ("frontal", "Write the report.")
    assert line == 'Context: {"indication":"- has a cough (/image/)","technique":"PA"}\n'
    assert step.prompt_digest == house.models.asked[0].prompt_digest


def test_a_question_without_images_begins_with_what_it_is_told() -> None:
    asked = with_context(Question(model="m", parts=("Write the impression.",)), "Context: {}\n")
    assert asked.parts == ("Context: {}\n", "Write the impression.")


def test_of_a_long_series_a_few_slices_are_asked_and_the_step_remembers_which() -> None:
    series = [stored(ct_slice(number)) for number in range(1, 119)]
    selection = select(series, SLICES, Limits(), JANE)
    house = House(narrative(CT))
    kept = load(house.ask("chest-ct-report", selection).answer)
    assert len(house.models.asked) == 12
    assert kept.notes == ("12 of 118 slices were read",)
    assert kept.calibration == SURE
    assert again(series, [one.image for one in kept.asked], kept.left_out, kept.notes) == selection
