"""A study with real images and a draft that points into them, behind the real front door."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import UID, JPEG2000Lossless

from service.adapters.differential.toml import OWN, TomlDifferentials
from service.adapters.edit_chain import ChainedEdits
from service.domain.job import JobState
from service.domain.report import Evidence, Mask, Region, Report, Section, Sentence
from service.domain.study import StoredInstance, Study
from service.flow.record import report_json
from service.ports.catalogue import StudyRecord
from service.ports.exhibits import Compared
from service.ports.image_models import LabelMap
from service.ports.models import ScriptedModels
from service.ports.prompts import ScriptedPrompts
from service.web.services import Services
from tests.support.completing import answering, prompt, says
from tests.support.instances import instance, part10, uid
from tests.support.viewable import Shelf
from tests.support.web_records import draft, job, record

STUDY, SERIES = uid("review study"), uid("review series")
PRIOR = uid("prior study")
SIZE = 64
SLICES = 5


def pixels(number: int) -> NDArray[np.int16]:
    """One slice; no two are alike."""
    ramp = np.add.outer(np.arange(SIZE) * 7, np.arange(SIZE) * 3) + 101 * number
    return (ramp % 4096 - 1024).astype("<i2")


def slices() -> list[bytes]:
    """CT slices, every second of them compressed, the last one with two frames."""
    return [_written(number) for number in range(SLICES)]


def named(number: int) -> UID:
    return uid("instance", f"review {number}")


def _written(number: int, of: UID = STUDY) -> bytes:
    frames = [pixels(number), pixels(number + 40)] if number == SLICES - 1 else [pixels(number)]
    name, series = (f"review {number}", SERIES) if of == STUDY else (f"prior {number}", uid("prior series"))
    made = instance(
        name, StudyInstanceUID=of, SeriesInstanceUID=series, InstanceNumber=number + 1, Rows=SIZE,
        Columns=SIZE, BitsStored=16, HighBit=15, PixelRepresentation=1, PixelSpacing=[0.5, 0.5], RescaleSlope=1,
        RescaleIntercept=0, WindowCenter=-600, WindowWidth=800, SeriesDescription="Axial", SeriesNumber=2,
        PixelData=b"".join(frame.tobytes() for frame in frames), PatientName="Lindqvist^Maja",
        NumberOfFrames=len(frames) if len(frames) > 1 else None,
    )  # fmt: skip
    return _compressed(made) if number % 2 else part10(made)


def _compressed(made: Dataset) -> bytes:
    made.file_meta = dcmread(BytesIO(part10(instance()))).file_meta
    made.compress(JPEG2000Lossless, generate_instance_uid=False)
    return part10(made, JPEG2000Lossless)


def report() -> Report:
    """The small draft of every page test, its findings on slices 2 and 5 (frame 2)."""
    made = draft(2)
    image = Evidence(sop_class_uid=made.images[0].sop_class_uid, sop_instance_uid=named(1), series_instance_uid=SERIES)
    effusion, heart, pneumothorax = made.findings
    boxed = replace(image, region=Region(left=10, top=20, right=30, bottom=50))
    late = replace(
        image, sop_instance_uid=named(SLICES - 1), frame=2, region=Region(left=4, top=6, right=44, bottom=26)
    )
    placed = (
        replace(effusion, evidence=(boxed,)), replace(heart, evidence=(late,)), replace(pneumothorax, evidence=(image,))
    )  # fmt: skip
    return replace(made, findings=placed, images=(image,))


def blobs() -> NDArray[np.uint8]:
    """(slices, rows, columns): two ellipses and single pixels at the edges, as label 1, beside another label."""
    row, column = np.mgrid[:SIZE, :SIZE]
    labels = np.zeros((SLICES - 1, SIZE, SIZE), np.uint8)
    for at in range(1, SLICES - 1):
        labels[at][((row - 30) / (8 * at)) ** 2 + ((column - 20) / 9) ** 2 < 1] = 1
        labels[at][((row - 34) / 9) ** 2 + ((column - 48) / (4 * at)) ** 2 < 1] = 1
        labels[at, 28:32, 18:22] = 2
        labels[at, [0, 63, 5], [0, 63, 7]] = 1
    return labels


class Review:
    """The case of this module, kept on a shelf; images and edit log are real, the rows that pages list are fake."""

    def __init__(self, shelf: Shelf) -> None:
        self.shelf, self.house = shelf, shelf.house
        self.edits = ChainedEdits(shelf.ledger.database, process="web")
        shelf.keep(*slices())
        study = shelf.ledger.study(STUDY)
        assert study is not None
        self.house.catalogue.records = [self._record(study)]
        self.models: ScriptedModels = says({})
        """What completions are asked of."""

    def _record(self, study: Study) -> StudyRecord:
        read = job(2, JobState.COMPLETED, report=report())
        read = replace(read, job=replace(read.job, study_instance_uid=STUDY))
        made = record(2, "Lindqvist^Maja", "done", "read", jobs=(read,))
        row = replace(made.row, study_instance_uid=STUDY, identity=study.identity, modalities=("CT",))
        return replace(made, row=row)

    def add_mask(self) -> NDArray[np.uint8]:
        """Another finding, on every slice of one frame but the first, with its label map (label 1)."""
        labels = blobs()
        kept = LabelMap.of(labels)
        self.house.exhibits.maps[kept.sha256] = kept
        mask = Mask(sha256=kept.sha256, label=1, rows=SIZE, columns=SIZE, images=tuple(map(named, range(SLICES - 1))))
        (made,) = self.house.catalogue.records
        (read,) = made.jobs
        before = report()
        lungs = replace(before.findings[0], tracking_id="lungs", evidence=before.images, mask=mask)
        said = Sentence(section=Section.FINDINGS, text="Lungs: volume 12 mL.", findings=("lungs",))
        after = replace(before, findings=(*before.findings, lungs), sentences=(*before.sentences, said))
        self.house.catalogue.records = [replace(made, jobs=(replace(read, report=report_json(after)),))]
        return labels

    def add_prior(self) -> list[StoredInstance]:
        """What the reading was compared with: three slices, the last of which is gone by now."""
        self.shelf.keep(*(_written(number, of=PRIOR) for number in range(3)))
        known = self.shelf.ledger.study(PRIOR)
        assert known is not None
        (brought,) = known.series().values()
        self.shelf.spool.remove(brought[-1].location)
        self.house.exhibits.earlier = Compared(study_instance_uid=PRIOR, day="2025-01-02", images=brought)
        return list(brought)

    def services(self) -> Services:
        ours = self.house.services()
        return replace(
            ours, ledger=self.shelf.ledger, viewing=self.shelf.viewing, edits=self.edits, models=self.models,
            prompts=answering(ScriptedPrompts(prompt)), differentials=TomlDifferentials(OWN),
        )  # fmt: skip
