"""A measure step, from stored images to the report that says what was measured."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian

from service.domain import code
from service.domain.errors import Unreadable
from service.domain.geometry import Plane
from service.domain.job import Step
from service.domain.protocol import Protocol, ProtocolStep, StepKind
from service.domain.report import Evidence, Outcome, Report
from service.domain.study import Instance, StoredInstance
from service.flow.record import read_report, report_json
from service.ports.clock import StoppedClock
from service.ports.pixels import MemoryPixels, Rescaled
from tests.unit.workers.measures.test_lungs import SPACING_MM, chest
from workers.measures import chest_ct_lungs, measures
from workers.measures.lungs import lungs
from workers.pipeline.exhibits import KeptExhibits
from workers.pipeline.interpret import Reading
from workers.pipeline.measure import add_numbers, measurable, measure
from workers.pipeline.steps import label_maps


def stored(number: int, *, modality: str = "CT", body_part: str = "CHEST", series: str = "1.2.3") -> StoredInstance:
    instance = Instance(
        sop_class_uid=CTImageStorage,
        sop_instance_uid=UID(f"{series}.{number}"),
        series_instance_uid=UID(series),
        study_instance_uid=UID("1.2"),
        transfer_syntax_uid=ExplicitVRLittleEndian,
        attributes={"Modality": modality, "BodyPartExamined": body_part, "InstanceNumber": str(number)},
    )
    return StoredInstance(instance=instance, location=f"spool:{series}.{number}", sha256="", size=0)


def frames(
    images: Sequence[StoredInstance], hu: np.ndarray[tuple[int, ...], np.dtype[np.int16]]
) -> dict[str, Rescaled]:
    """The slices of `hu` as the frames of `images`, last slice first."""
    return {
        image.instance.sop_instance_uid: Rescaled(
            values=values.astype(np.float32),
            plane=Plane(
                position_mm=(0.0, 0.0, SPACING_MM[0] * place),
                row_direction=(1.0, 0.0, 0.0),
                column_direction=(0.0, 1.0, 0.0),
                spacing_mm=SPACING_MM[1:],
                thickness_mm=5.0,
            ),
            modality="CT",
            source=image.instance.sop_instance_uid,
            number=image.instance.number,
            unit="HU",
            stated=frozenset({"SliceThickness"}),
        )
        for place, (image, values) in enumerate(zip(reversed(images), hu, strict=True))
    }


CHEST = [stored(number) for number in range(1, 71)]


@pytest.fixture(scope="module")
def pixels() -> MemoryPixels:
    return MemoryPixels(measured=frames(CHEST, chest()))


def reported(name: str, images: Sequence[StoredInstance], pixels: MemoryPixels) -> tuple[Step, Report]:
    """The kept step and the report of one measure on `images`."""
    module, wanted = measures()[name], ProtocolStep(kind=StepKind.MEASURE, algorithm=name)
    clock = StoppedClock(datetime(2026, 1, 2, tzinfo=UTC))
    step = measure(1, wanted, module, measurable(images, module), attempt=1, pixels=pixels, clock=clock)
    reading = Reading(modality="CT", images=[Evidence.of(each.instance) for each in images], namespace="test")
    add_numbers(reading, module, step, images, namespace="test")
    return step, reading.report()


def test_the_lungs_of_a_chest_ct_are_reported_with_the_numbers_that_the_sentence_names(pixels: MemoryPixels) -> None:
    _, report = reported("chest-ct-lungs", CHEST, pixels)
    (finding,), (sentence,) = report.findings, report.sentences
    size, density, low = finding.measurements
    assert size.value == pytest.approx(4423, rel=0.02)
    assert (density.text, low.text) == ("-850 HU", "0 %")
    assert sentence.text.startswith(f"Lungs: volume {size.text}, mean density -850 HU, 0 % below -950 HU (")
    assert len(finding.evidence) == 3
    assert len(report.images) == len(CHEST)
    assert report.outcome is Outcome.ANALYSED
    assert read_report(report_json(report)) == report


def test_the_lungs_pixels_are_kept_with_the_numbers_and_lie_on_the_slices_that_they_were_found_on(
    pixels: MemoryPixels,
) -> None:
    step, report = reported("chest-ct-lungs", CHEST, pixels)
    mask = report.findings[0].mask
    assert mask is not None
    protocol = Protocol(name="lungs", steps=(ProtocolStep(kind=StepKind.MEASURE, algorithm="chest-ct-lungs"),))
    labels = label_maps([step], protocol)[mask.sha256]
    assert np.array_equal(labels == mask.label, lungs(chest(), SPACING_MM).mask)
    assert mask.images == tuple(each.instance.sop_instance_uid for each in reversed(CHEST))
    assert mask.structure == code.LUNG
    shown = KeptExhibits().label_map([step], mask.sha256)
    assert shown is not None
    assert np.array_equal(shown.labels, labels)
    assert KeptExhibits().label_map([step], "another") is None
    with pytest.raises(Unreadable):
        KeptExhibits().label_map([replace(step, answer="{}")], mask.sha256)


def test_a_series_with_a_missing_slice_gives_no_volume_and_the_report_says_why(pixels: MemoryPixels) -> None:
    _, report = reported("chest-ct-lungs", CHEST[:30] + CHEST[31:], pixels)
    assert report.outcome is Outcome.NOT_ANALYSED
    assert report.reason == "chest-ct-lungs: the slices of the series are not at equal distances"


def test_the_same_missing_slice_is_a_remark_on_the_acquisition(pixels: MemoryPixels) -> None:
    _, report = reported("acquisition-quality", CHEST[:30] + CHEST[31:], pixels)
    assert [sentence.text for sentence in report.sentences] == [
        "Acquisition: 69 images, spacing 5 mm, thickness 5 mm; 2 remarks.",
        "1 slice is missing behind slice 39.",
        "1 instance number is left out.",
    ]
    assert [len(finding.evidence) for finding in report.findings] == [3, 1, 3]


def test_a_whole_series_has_nothing_to_remark(pixels: MemoryPixels) -> None:
    _, report = reported("acquisition-quality", CHEST, pixels)
    (sentence,), (finding,) = report.sentences, report.findings
    assert sentence.text == "Acquisition: 70 images, spacing 5 mm, thickness 5 mm; nothing to remark."
    assert not finding.present


def test_attenuation_is_that_of_everything_but_air(pixels: MemoryPixels) -> None:
    _, report = reported("ct-attenuation", CHEST, pixels)
    (sentence,) = report.sentences
    assert sentence.text == (
        "Attenuation of the body: mean 40 HU, standard deviation 0 HU, median 40 HU (all voxels above -300 HU)."
    )


def test_two_series_are_told_apart(pixels: MemoryPixels) -> None:
    others = [stored(number, series="1.2.4") for number in range(1, 71)]
    both = MemoryPixels(measured=pixels.measured | frames(others, chest()))
    _, report = reported("ct-attenuation", [*CHEST, *others], both)
    assert [sentence.text[:14] for sentence in report.sentences] == ["Series 1 of 2:", "Series 2 of 2:"]
    assert len({finding.tracking_uid for finding in report.findings}) == 2


def test_an_image_that_cannot_be_decoded_is_named_and_the_others_are_judged(pixels: MemoryPixels) -> None:
    class Broken(MemoryPixels):
        def rescaled(self, stored: StoredInstance, frame: int = 1) -> Rescaled:
            if stored is CHEST[0]:
                raise Unreadable("The pixel data is shorter than rows x columns say.")
            return super().rescaled(stored, frame)

    _, report = reported("acquisition-quality", CHEST, Broken(measured=pixels.measured))
    assert report.outcome is Outcome.PARTIAL
    assert report.reason == "The pixel data is shorter than rows x columns say."
    assert report.sentences[0].text.startswith("Acquisition: 69 images")


def test_a_series_beyond_what_is_measured_is_refused_before_it_is_in_memory(
    pixels: MemoryPixels, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chest_ct_lungs, "MAX_VOXELS", 3_000_000)
    read: list[str] = []

    class Watched(MemoryPixels):
        def rescaled(self, stored: StoredInstance, frame: int = 1) -> Rescaled:
            read.append(stored.location)
            return super().rescaled(stored, frame)

    _, report = reported("chest-ct-lungs", CHEST, Watched(measured=pixels.measured))
    assert report.reason == "chest-ct-lungs: the series has more than 3 million voxels, too many to measure"
    assert len(read) == 3_000_000 // (200 * 260) + 1


def test_values_without_a_unit_are_not_called_hounsfield(pixels: MemoryPixels) -> None:
    bare = {uid: replace(frame, unit="") for uid, frame in pixels.measured.items()}
    _, report = reported("ct-attenuation", CHEST, MemoryPixels(measured=bare))
    assert report.reason == "ct-attenuation: its values are no Hounsfield units (no unit)"


@pytest.mark.parametrize(
    ("image", "why"),
    [
        (stored(1, modality="MR"), "modality is MR; lungs are measured on CT"),
        (stored(1, body_part="HEAD"), "body part is HEAD; lungs are measured on the chest"),
        (stored(1, body_part=""), "body part is not stated; lungs are measured on the chest"),
    ],
)
def test_what_is_no_chest_ct_is_left_out_with_its_reason(image: StoredInstance, why: str) -> None:
    found = measurable([image], measures()["chest-ct-lungs"])
    assert (found.series, found.left_out) == ((), (why,))


def test_what_was_measured_names_our_code_by_version_and_digest(pixels: MemoryPixels) -> None:
    step, report = reported("ct-attenuation", CHEST, pixels)
    (who,) = report.algorithms
    assert (who.name, len(who.digest), step.model_digest) == ("ct-attenuation", 64, who.digest)
    assert json.loads(step.answer)["algorithm"]["digest"] == who.digest
