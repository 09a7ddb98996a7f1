"""From kept answers to one report: nothing that is missing is passed over in silence (invariant 9)."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import pytest
from pydicom.uid import UID, DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian

from service.domain import code
from service.domain.algorithm import Algorithm, Calibration, Limits, Platt
from service.domain.report import Finding, Measurement, Outcome, Section, Sentence
from service.domain.study import Identity, Instance, Patient, StoredInstance
from service.ports.finish import Finish
from service.ports.models import Answer, Piece
from tests.support.narratives import FRONTAL, NORMAL, narrative
from workers.algorithms import algorithms
from workers.algorithms.base import MAX_IMAGES, Draft, Looked
from workers.pipeline.interpret import UNMEASURED, Reading
from workers.pipeline.kept import Asked, Kept, dump, load
from workers.pipeline.select import Selection, again, evidence_of, select

CHEST = algorithms()["chest-radiograph-report"]
DEMO = Algorithm(name="chest_demo", version="1", digest="sha256:0", device_uid=UID("2.25.1"), demo=True)
ADULT = Identity(patient=Patient(birth_date="19600101"), study_date="20260101")


def stored(number: int = 1, **attributes: str) -> StoredInstance:
    instance = Instance(
        sop_class_uid=DigitalXRayImageStorageForPresentation,
        sop_instance_uid=UID(f"1.2.{number}"),
        series_instance_uid=UID("1.3"),
        study_instance_uid=UID("1.4"),
        transfer_syntax_uid=ExplicitVRLittleEndian,
        attributes={"Modality": "DX", "BodyPartExamined": "CHEST", "ViewPosition": "PA", **attributes},
    )
    return StoredInstance(instance=instance, location="main:x", sha256="0", size=1)


def chosen(*instances: StoredInstance, limits: Limits | None = None) -> Selection:
    return select(instances, CHEST, limits or Limits(views=("PA",)), ADULT)


def answer(text: str = NORMAL, finish: Finish = Finish.STOP) -> Answer:
    return Answer(text=text, finish=finish, model="chest_demo", version="2", digest="d", domain_score=0.01,
                  domain_threshold=0.5)  # fmt: skip


def read(selection: Selection, *answers: Asked) -> Reading:
    reading = Reading(modality="DX", images=[evidence_of(stored())], namespace="n")
    reading.add(CHEST, selection, Kept(algorithm=DEMO, left_out=selection.left_out, asked=answers))
    return reading


def asked(uid: str, given: Answer | None = None, error: str = "") -> Asked:
    return Asked(image=uid, answer=given, error=error)


def test_an_answered_image_becomes_an_analysed_report() -> None:
    report = read(chosen(stored()), asked("1.2.1", answer())).report()
    assert report.outcome is Outcome.ANALYSED
    assert report.reason == ""
    assert report.images[0].sop_instance_uid == "1.2.1"


def test_an_image_outside_the_models_domain_gets_no_finding() -> None:
    report = read(chosen(stored()), asked("1.2.1", answer("", Finish.OUTSIDE_DOMAIN))).report()
    assert report.outcome is Outcome.NOT_ANALYSED
    assert "not of the kind the model was made for (score 0.01, needs 0.50)" in report.reason
    assert not report.findings


def test_one_image_of_two_makes_a_partial_report_that_says_why() -> None:
    answers = (asked("1.2.1", answer()), asked("1.2.2", error="the pixels are broken"))
    report = read(chosen(stored(1), stored(2)), *answers).report()
    assert report.outcome is Outcome.PARTIAL
    assert report.reason == "1 of 2 images: the pixels are broken"


def test_what_a_model_contradicts_itself_on_makes_the_report_partial_and_is_named() -> None:
    doubtful = answer(NORMAL.replace("normal study", "left rib fracture"))
    report = read(chosen(stored()), asked("1.2.1", doubtful)).report()
    assert report.outcome is Outcome.PARTIAL
    assert report.reason == "the model contradicts itself about rib fracture, so nothing is told of it"
    assert code.RIB_FRACTURE not in {finding.concept for finding in report.findings}
    assert report.findings


def test_what_another_image_shows_of_a_doubtful_finding_is_told_and_the_reason_says_so() -> None:
    doubtful = answer(NORMAL.replace("normal study", "left rib fracture"))
    shown = answer(narrative(FRONTAL, "left rib fracture", rib="There is a left rib fracture [120 60 130 66]."))
    report = read(chosen(stored(1), stored(2)), asked("1.2.1", doubtful), asked("1.2.2", shown)).report()
    assert [finding.concept for finding in report.findings if finding.present] == [code.RIB_FRACTURE]
    assert report.reason == (
        "1 of 2 images: the model contradicts itself about rib fracture; what is told of it rests on the other images"
    )


def test_an_answer_that_was_cut_short_is_not_taken() -> None:
    report = read(chosen(stored()), asked("1.2.1", answer(NORMAL[:40], Finish.LENGTH))).report()
    assert report.outcome is Outcome.FAILED
    assert "did not finish" in report.reason


def test_an_image_that_the_card_excludes_is_named_with_the_reason() -> None:
    selection = chosen(stored(ViewPosition="RL"))
    assert selection.images == ()
    report = read(selection).report()
    assert report.reason == "view position is RL; the model reads PA"


def test_what_asking_again_may_bring_is_failed_and_what_it_cannot_is_not_analysed() -> None:
    broken = Asked(image="1.2.1", answer=None, error="the pixels are broken", final=True)
    assert read(chosen(stored()), broken).report().outcome is Outcome.NOT_ANALYSED
    assert read(chosen(stored()), asked("1.2.1", error="refused")).report().outcome is Outcome.FAILED
    both = read(chosen(stored(ViewPosition="RL")))
    assert both.report().outcome is Outcome.NOT_ANALYSED
    both.missing("the model server is away", final=False)
    assert both.report().outcome is Outcome.FAILED
    assert Reading(modality="DX", images=[evidence_of(stored())], namespace="n").report().outcome is Outcome.FAILED


def test_more_images_than_a_step_reads_are_not_hidden() -> None:
    selection = chosen(*(stored(number) for number in range(1, MAX_IMAGES + 3)))
    assert len(selection.images) == MAX_IMAGES
    assert selection.left_out == (f"only {MAX_IMAGES} images of a study are read",)


def test_an_image_that_was_left_out_makes_the_report_partial() -> None:
    selection = chosen(stored(1), stored(2, ViewPosition="RL"))
    report = read(selection, asked("1.2.1", answer())).report()
    assert report.outcome is Outcome.PARTIAL
    assert report.reason == "view position is RL; the model reads PA"


def test_kept_answers_read_back_as_they_were() -> None:
    one = asked("1.2", replace(answer(), pieces=(Piece("FIND", (-0.5, -0.25)), Piece("INGS")), usage={"tokens": 3}))
    other = replace(asked("1.3", error="cannot be decoded"), final=True)
    kept = Kept(
        algorithm=DEMO,
        left_out=("view position is RL",),
        asked=(one, other),
        notes=("12 of 118 slices were read",),
        calibration=Calibration(default=Platt(0.9, 0.1), findings={"nodule": Platt(0.8, 0.0)}),
    )
    assert load(dump(kept)) == kept


def test_a_localizer_is_not_looked_at_beside_what_it_planned() -> None:
    localizer = stored(2, ViewPosition="RL", ImageType="ORIGINAL\\PRIMARY\\LOCALIZER")
    selection = chosen(stored(1), localizer)
    assert [one.instance.sop_instance_uid for one, _ in selection.images] == ["1.2.1"]
    assert selection.left_out == ()
    assert chosen(localizer).left_out == ("view position is RL; the model reads PA",)


def test_a_note_on_what_was_read_stands_only_where_something_was() -> None:
    for given, notes in ((asked("1.2.1", answer()), ("1 of 9 slices were read",)), (asked("1.2.1", error="no"), ())):
        reading = Reading(modality="DX", images=[evidence_of(stored())], namespace="n")
        kept = Kept(algorithm=DEMO, left_out=(), asked=(given,), notes=("1 of 9 slices were read",))
        reading.add(CHEST, chosen(stored()), kept)
        assert reading.report().notes == notes


def test_of_several_images_outside_the_domain_one_reason_tells_how_many() -> None:
    outside = [asked(f"1.2.{n}", answer("", Finish.OUTSIDE_DOMAIN)) for n in (1, 2)]
    report = read(chosen(stored(1), stored(2)), *outside).report()
    assert report.reason == "2 of 2 images: the image is not of the kind the model was made for"


# --- certainty -------------------------------------------------------------------------------------------------------

SURE = Calibration(default=Platt(1.0, 0.0), findings={"pneumothorax": Platt(0.5, 0.0)})


def certain(calibration: Calibration | None, marked: str) -> dict[str, float | None]:
    """Probability of each finding by its meaning; a word that is marked "No@0.9" was written with that probability."""
    words = [word.partition("@") for word in re.findall(r"\s*\S+", marked)]
    pieces = tuple(Piece(word, (math.log(float(probability or 1)),)) for word, _, probability in words)
    given = replace(answer("".join(piece.text for piece in pieces)), pieces=pieces)
    kept = Kept(algorithm=DEMO, left_out=(), asked=(asked("1.2.1", given),), calibration=calibration)
    reading = Reading(modality="DX", images=[evidence_of(stored())], namespace="n")
    reading.add(CHEST, chosen(stored()), kept)
    return {finding.concept.meaning: finding.probability for finding in reading.report().findings}


DOUBTFUL = NORMAL.replace("No pleural", "No@0.9 pleural").replace("No pneumothorax", "No@0.8 pneumothorax")


def test_a_certainty_is_the_calibrated_probability_of_the_words_that_decide() -> None:
    found = certain(SURE, DOUBTFUL)
    assert found["Pleural effusion"] == pytest.approx(0.1, abs=1e-4)  # it says "No", and is 90 % sure
    assert found["Pneumothorax"] == pytest.approx(1 / 3, abs=1e-4)  # by its own curve
    assert found["Cardiomegaly"] == pytest.approx(0.0, abs=1e-4)


def test_side_and_size_do_not_count_into_whether_it_is_there() -> None:
    text = NORMAL.replace("No pleural effusion.", "There@0.9 is a small@0.2 left@0.1 pleural effusion [1@0.1 2 3 4].")
    text = text.replace("normal study", "small left pleural effusion")
    assert certain(SURE, text)["Pleural effusion"] == pytest.approx(0.9, abs=1e-4)


def test_a_model_without_calibration_gives_no_certainty() -> None:
    assert set(certain(None, DOUBTFUL).values()) == {None}


def test_an_answer_without_probabilities_gives_no_certainty() -> None:
    kept = Kept(algorithm=DEMO, left_out=(), asked=(asked("1.2.1", answer()),), calibration=SURE)
    reading = Reading(modality="DX", images=[evidence_of(stored())], namespace="n")
    reading.add(CHEST, chosen(stored()), kept)
    assert {finding.probability for finding in reading.report().findings} == {None}


def test_a_kept_step_is_read_on_the_images_it_was_asked_on() -> None:
    selection = again([stored(1), stored(2, ViewPosition="RL")], ["1.2.2"], ())
    ((found, looked),) = selection.images
    assert (found.instance.sop_instance_uid, looked.number, looked.of) == ("1.2.2", 1, 1)


class Talks:
    """An algorithm whose model writes of a size that it did not measure, and of one that it did."""

    def interpret(self, given: Answer, looked: Looked, *, namespace: str) -> Draft:
        size = Measurement(concept=code.DIAMETER, value=12, unit=code.MILLIMETER)
        found = Finding(
            tracking_id="mass", tracking_uid=UID("1.2.9"), concept=code.NODULE, present=True, measurements=(size,),
            evidence=(looked.evidence,),
        )  # fmt: skip
        texts = ("There is a nodule of 1.2 cm.", "It measures 14 mm.")
        told = tuple(Sentence(section=Section.FINDINGS, text=text, findings=("mass",)) for text in texts)
        return Draft(findings=(found,), sentences=told)


def test_a_sentence_with_a_quantity_that_nothing_carries_is_left_out_and_that_is_said() -> None:
    selection = chosen(stored())
    reading = Reading(modality="DX", images=[evidence_of(stored())], namespace="n")
    kept = Kept(algorithm=DEMO, left_out=(), asked=(asked("1.2.1", answer()),))
    reading.add(Talks(), selection, kept)  # type: ignore[arg-type]
    report = reading.report()
    assert [sentence.text for sentence in report.sentences] == ["There is a nodule of 1.2 cm."]
    assert (report.outcome, report.reason) == (Outcome.PARTIAL, UNMEASURED.format("14 mm"))
    assert [found.tracking_id for found in report.findings] == ["mass"]
