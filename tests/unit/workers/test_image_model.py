"""Any image model: what its answers mean by its card, and what of them is not said."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from pydicom.uid import UID, CTImageStorage, DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian

from service.domain import code
from service.domain.algorithm import Algorithm, Card, Limits
from service.domain.errors import Misconfigured, Unavailable, Unclear
from service.domain.geometry import Plane
from service.domain.image_model import CodedClass, ImageModel, Task, Values
from service.domain.protocol import ANY_MODEL, ProtocolStep
from service.domain.report import Evidence, Outcome, Region, Report
from service.domain.study import Identity, Instance, StoredInstance
from service.flow.record import read_report, report_json
from service.ports.clock import StoppedClock
from service.ports.finish import Finish
from service.ports.image_models import ImageAnswer, ImageQuestion, LabelMap
from service.ports.models import ScriptedModels
from service.ports.pixels import Frame, MemoryPixels
from workers.algorithms.image_model import MAX_SUBJECTS, Seen, Subject, interpret
from workers.pipeline.interpret import Reading
from workers.pipeline.kept_looks import dump_looks, load_looks
from workers.pipeline.look import Asking, add_looks, choose, image_model_of, look
from workers.pipeline.select import evidence_of

NODULE = CodedClass(name="nodule", concept=code.NODULE, site=code.LUNG, threshold=0.6)
EFFUSION = CodedClass(
    name="pleural effusion", concept=code.PLEURAL_EFFUSION, site=code.PLEURA, laterality=code.LEFT, states_absence=True
)
DEVICE = Algorithm(name="site", version="3", digest="d", device_uid=UID("2.25.7"))


def model(task: Task = Task.CLASSIFICATION, *, volume: bool = False) -> ImageModel:
    return ImageModel(
        task=task, values=Values.PRESENTED, volume=volume, classes=(NODULE, EFFUSION), classes_digest="c"
    )  # fmt: skip


def answer(**said: Any) -> ImageAnswer:
    given = {"finish": Finish.STOP, "model": "site", "version": "3", "digest": "d", "classes_digest": "c"}
    return ImageAnswer(**{**given, **said})


def evidence(number: int = 1) -> Evidence:
    return Evidence(
        sop_class_uid=CTImageStorage, sop_instance_uid=UID(f"1.2.{number}"), series_instance_uid=UID("1.3")
    )  # fmt: skip


def subject(images: int = 1, **known: Any) -> Subject:
    spacing = {"spacing_mm": (0.5, 0.4), "slice_spacing_mm": None, **known}
    return Subject(images=tuple(evidence(number) for number in range(1, images + 1)), number=1, **spacing)


def seen(said: ImageAnswer, task: Task, *, of: Subject | None = None, volume: bool = False) -> Seen:
    return interpret(said, of or subject(), model(task, volume=volume), namespace="n")


def test_from_its_threshold_on_a_class_is_present_and_below_it_absent_only_where_the_card_says_so() -> None:
    names = ("nodule", "pleural effusion")
    nodule, effusion = seen(answer(names=names, probabilities=(0.6, 0.49)), Task.CLASSIFICATION).findings
    assert (nodule.present, nodule.probability, nodule.site) == (True, 0.6, code.LUNG)
    assert (effusion.present, effusion.probability, effusion.laterality) == (False, 0.49, code.LEFT)
    assert nodule.evidence == (evidence(),)
    assert (nodule.tracking_id, effusion.tracking_id) == ("site-nodule-1", "site-pleural-effusion-1")
    (only,) = seen(answer(names=names, probabilities=(0.59, 0.49)), Task.CLASSIFICATION).findings
    assert only.concept == code.PLEURAL_EFFUSION, "nobody says that there is no nodule"


def test_each_box_is_a_finding_with_its_region() -> None:
    boxes = ((1.0, 2.0, 3.0, 4.5), (5.0, 6.0, 7.0, 8.0))
    said = answer(names=("nodule", "nodule"), probabilities=(0.9, 0.7), boxes=boxes)
    first, second, absent = seen(said, Task.DETECTION).findings
    assert first.evidence[0].region == Region(left=1, top=2, right=3, bottom=4.5)
    assert (first.tracking_id, second.tracking_id) == ("site-nodule-1-1", "site-nodule-1-2")
    assert first.tracking_uid != second.tracking_uid
    assert (absent.present, absent.concept) == (False, code.PLEURAL_EFFUSION)


def labels(slices: int = 1) -> Any:
    """A nodule of 3 x 4 pixels in each slice but the first of several."""
    given = np.zeros((slices, 10, 12), np.uint8)
    given[-1:, 2:5, 6:10] = 1
    given[1:, 2:5, 6:10] = 1
    return given


def test_a_segmented_image_has_an_area_and_a_box() -> None:
    mask = LabelMap.of(labels())
    nodule, absent = seen(answer(names=("nodule", "pleural effusion"), mask=mask), Task.SEGMENTATION).findings
    # 12 pixels of 0.5 x 0.4 mm
    assert [measurement.text for measurement in nodule.measurements] == ["2.4 mm2"]
    assert nodule.evidence[0].region == Region(left=6, top=2, right=10, bottom=5)
    assert nodule.mask is not None
    assert (nodule.mask.sha256, nodule.mask.label, nodule.mask.images) == (mask.sha256, 1, (UID("1.2.1"),))
    assert (absent.present, absent.mask) == (False, None)


def test_a_segmented_series_has_a_volume_and_a_box_in_each_slice_that_shows_it() -> None:
    said = answer(names=("nodule",), mask=LabelMap.of(labels(3)))
    (nodule,) = seen(said, Task.SEGMENTATION, of=subject(3, slice_spacing_mm=2.5), volume=True).findings
    # 24 voxels of 0.5 x 0.4 x 2.5 mm = 12 mm3 = 0.012 ml
    assert [measurement.text for measurement in nodule.measurements] == ["0.01 ml"]
    assert [image.sop_instance_uid for image in nodule.evidence] == ["1.2.2", "1.2.3"]
    assert nodule.mask is not None
    assert len(nodule.mask.images) == 3


def test_without_spacing_no_size_is_stated_and_that_is_said() -> None:
    said = answer(names=("nodule",), mask=LabelMap.of(labels()))
    found = seen(said, Task.SEGMENTATION, of=subject(spacing_mm=None))
    assert found.findings[0].measurements == ()
    assert found.unsaid == ("the size of nodule is not stated: the image does not say how far its pixels lie apart",)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (answer(names=("cat",), probabilities=(0.9,)), "names a class that its card does not have: cat"),
        (answer(names=("nodule",), probabilities=(0.9,)), "says nothing of pleural effusion"),
    ],
)
def test_an_answer_that_is_not_of_its_card_is_not_taken(said: ImageAnswer, why: str) -> None:
    with pytest.raises(Unclear, match=why):
        seen(said, Task.CLASSIFICATION)


# --- a whole step -------------------------------------------------------------------------------------------


def stored(number: int = 1, *, series: str = "1.3", **attributes: str) -> StoredInstance:
    instance = Instance(
        sop_class_uid=DigitalXRayImageStorageForPresentation,
        sop_instance_uid=UID(f"1.2.{number}"),
        series_instance_uid=UID(series),
        study_instance_uid=UID("1.4"),
        transfer_syntax_uid=ExplicitVRLittleEndian,
        attributes={"Modality": "DX", **attributes},
    )
    return StoredInstance(instance=instance, location="main:x", sha256="0", size=1)


def card(task: Task = Task.CLASSIFICATION, *, volume: bool = False) -> Card:
    return Card(
        algorithm=DEVICE, licence="L", source="S", intended_use="I", limits=Limits(modalities=("DX",)),
        image=model(task, volume=volume),
    )  # fmt: skip


def frame(number: int = 1, *, depth: float | None = None, rows: int = 4) -> Frame:
    plane = (
        None if depth is None else Plane(position_mm=(0, 0, depth), row_direction=(1, 0, 0), column_direction=(0, 1, 0))
    )
    pixels = np.full((rows, 5), number, np.uint16)
    return Frame(pixels=pixels, frame=1, source=f"1.2.{number}", spacing_mm=(0.5, 0.4), plane=plane)


def report(models: ScriptedModels, instances: list[StoredInstance], *frames: Frame, task: Card | None = None) -> Report:
    """One step on `instances`, kept as text and read from there."""
    given = task or card()
    pixels = MemoryPixels({one.source: one for one in frames or [frame()]})
    chosen = choose(instances, image_model_of(given), given.limits, Identity())
    step = look(
        1,
        ProtocolStep(kind=image_model_of(given).task.kind, algorithm=ANY_MODEL, model="site"),
        given,
        chosen,
        Asking(attempt=1, priority=0, timeout_s=7),
        models=models,
        pixels=pixels,
        clock=StoppedClock(datetime(2026, 1, 1, tzinfo=UTC)),
    )
    reading = Reading(modality="DX", images=[evidence_of(one) for one in instances], namespace="n")
    add_looks(reading, step, instances, namespace="n")
    kept = load_looks(step.answer)
    assert dump_looks(kept) == step.answer
    return reading.report()


def scripted(said: ImageAnswer) -> ScriptedModels:
    return ScriptedModels({}, seen=lambda question: said)


BOTH = {"names": ("nodule", "pleural effusion"), "probabilities": (0.9, 0.1)}


def test_a_step_asks_with_its_priority_and_says_whose_findings_they_are() -> None:
    models = scripted(answer(**BOTH))
    found = report(models, [stored()])
    (question,) = models.looked
    assert (question.priority, question.timeout_s, question.sources) == (0, 7, ("1.2.1",))
    assert found.outcome is Outcome.ANALYSED
    assert [finding.algorithm_uid for finding in found.findings] == [DEVICE.device_uid] * 2
    assert read_report(report_json(found)) == found


def test_the_kept_mask_is_the_one_that_the_finding_names() -> None:
    mask = LabelMap.of(np.ones((1, 4, 5), np.uint8))
    given = card(Task.SEGMENTATION)
    models = scripted(answer(names=("nodule",), mask=mask))
    found = report(models, [stored()], task=given)
    assert found.findings[0].mask is not None
    assert found.findings[0].mask.sha256 == mask.sha256
    assert read_report(report_json(found)) == found


def test_the_slices_of_a_series_are_one_question_in_their_order() -> None:
    given = card(Task.SEGMENTATION, volume=True)
    models = scripted(answer(names=("nodule",), mask=LabelMap.of(np.ones((3, 4, 5), np.uint8))))
    frames = [frame(1, depth=4), frame(2, depth=0), frame(3, depth=2)]
    found = report(models, [stored(1), stored(2), stored(3)], *frames, task=given)
    (question,) = models.looked
    assert question.sources == ("1.2.2", "1.2.3", "1.2.1")
    assert question.pixels[:, 0, 0].tolist() == [2, 3, 1]
    assert question.slice_spacing_mm == 2
    # 60 voxels of 0.5 x 0.4 x 2 mm = 24 mm3
    assert found.findings[0].measurements[0].text == "0.02 ml"


@pytest.mark.parametrize(
    ("frames", "said"),
    [
        ([frame(1, depth=0), frame(2)], "a slice does not state where it lies"),
        ([frame(1, depth=0), frame(2, depth=1, rows=8)], "differ in size or pixel spacing"),
    ],
)
def test_slices_that_make_no_volume_are_not_read_and_that_is_final(frames: list[Frame], said: str) -> None:
    found = report(scripted(answer()), [stored(1), stored(2)], *frames, task=card(Task.SEGMENTATION, volume=True))
    assert found.outcome is Outcome.NOT_ANALYSED
    assert said in found.reason


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (answer(**BOTH, digest="other"), "is not the model of its card .*: load the one that was verified"),
        (answer(**BOTH, classes_digest="old"), "loaded before its card's classes were changed: load it again"),
        (answer(finish=Finish.CANCELLED), "did not finish its answer"),
    ],
)
def test_an_answer_of_another_model_or_of_other_thresholds_is_not_taken(said: ImageAnswer, why: str) -> None:
    found = report(scripted(said), [stored()])
    assert found.outcome is Outcome.FAILED
    assert re.search(why, found.reason)


def test_an_image_outside_the_domain_has_no_finding() -> None:
    said = answer(finish=Finish.OUTSIDE_DOMAIN, domain_score=0.1, domain_threshold=0.5)
    found = report(scripted(said), [stored()])
    assert found.outcome is Outcome.NOT_ANALYSED
    assert "(score 0.10, needs 0.50)" in found.reason


def test_a_model_that_found_nothing_and_states_no_absence_is_not_silence() -> None:
    quiet = card(Task.DETECTION)
    assert quiet.image is not None
    quiet = replace(quiet, image=replace(quiet.image, classes=(NODULE,)))
    found = report(scripted(answer()), [stored()], task=quiet)
    assert (found.outcome, found.findings) == (Outcome.PARTIAL, ())
    assert found.reason == "site found nothing, and its card does not say that this means absence"


def test_images_that_are_not_read_are_named_with_the_reason() -> None:
    images = [stored(number) for number in range(1, MAX_SUBJECTS + 2)]
    others = [stored(90, NumberOfFrames="7"), stored(91, Modality="CT")]
    chosen = choose([*images, *others], model(), Limits(modalities=("DX",)), Identity())
    assert len(chosen.subjects) == MAX_SUBJECTS
    assert chosen.left_out == (
        "it has several frames; image models read single images",
        "modality is CT; the model reads DX",
        f"only {MAX_SUBJECTS} images of a study are read",
    )


def test_a_model_that_is_away_is_asked_again_later() -> None:
    def away(question: ImageQuestion) -> ImageAnswer:
        raise Unavailable("the model server is away")

    with pytest.raises(Unavailable):
        report(ScriptedModels({}, seen=away), [stored()])


def test_a_model_of_text_is_no_image_model() -> None:
    with pytest.raises(Misconfigured, match="site is no image model: its card names no task"):
        image_model_of(replace(card(), image=None))
