"""Asking: what a model is shown and told of an image, and what is kept of its answer."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import numpy as np

from service.domain.algorithm import AdapterCard, Calibration, Card, Limits, Platt, adapters_of
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

    adapter: str = ""
    """What the server says that it read with, by digest."""

    def ask(self, algorithm: str, selection: Selection, *, context: tuple[str, ...] = (), adapter: str = "") -> Step:
        module = algorithms()[algorithm]
        digest = self.card.algorithm.digest
        given = replace(answer(self.text), digest=digest, adapter=adapter, adapter_digest=self.adapter)
        self.models = ScriptedModels({module.MODEL: self.card}, lambda _: given)
        uids = [one.instance.sop_instance_uid for one, _ in selection.images]
        return ask(
            1,
            ProtocolStep(kind=StepKind.DRAFT, algorithm=algorithm, context=context, adapter=adapter),
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


def test_a_model_with_an_adapter_is_an_algorithm_of_its_own_named_with_both_digests() -> None:
    site = AdapterCard(name="site", digest="a" * 64, licence="MIT", source="here")
    house = House(narrative(CT), replace(CARD, limits=Limits(), adapters={"site": site}), adapter="a" * 64)
    plain, adapted = (
        load(house.ask("chest-radiograph-report", one_radiograph(), adapter=name).answer).algorithm
        for name in ("", "site")
    )
    assert plain == CARD.algorithm
    assert house.models.asked[-1].adapter == "site"
    assert (adapted.name, adapted.version, adapted.digest) == (plain.name, f"{plain.version}+site", plain.digest)
    assert adapted.device_uid not in ("", plain.device_uid)
    assert adapted.files == f"sha256:{plain.digest}, adapter site sha256:{'a' * 64}"
    assert adapters_of([plain, adapted]) == f"site {'a' * 64}"


def test_an_answer_by_another_adapter_than_the_record_s_is_refused() -> None:
    site = AdapterCard(name="site", digest="a" * 64, licence="MIT", source="here")
    card = replace(CARD, limits=Limits(), adapters={"site": site})
    for served, name, words in (
        ("b" * 64, "site", "the served adapter site of .* is not the one of its record .digest bbbbbbbbbbbb.: start"),
        ("", "other", "has no adapter other: add it, or take it out of the protocol"),
    ):
        kept = load(House(narrative(CT), card, adapter=served).ask(
            "chest-radiograph-report", one_radiograph(), adapter=name
        ).answer)  # fmt: skip
        assert kept.asked[0].answer is None
        assert re.search(words, kept.asked[0].error)
