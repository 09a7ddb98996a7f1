"""Sources: images, synthetic and real, and a reading of each as an algorithm might give it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from dicom_nodes.objects import Encoder, masks_for, shown_by
from dicom_nodes.objects.context import EncodingContext, picture_key
from service.adapters.part10 import Part10Headers
from service.adapters.pixels_pydicom import PydicomPixels
from service.domain import code
from service.domain.algorithm import Algorithm
from service.domain.errors import Unreadable, Unsupported
from service.domain.report import Evidence, Finding, Mask, Measurement, Outcome, Region, Report, Section, Sentence
from service.domain.study import Identity, Instance, StoredInstance
from service.domain.uids import derive_uid
from service.ports.pixels import Frame, Rescaled
from tests.support.reports import CHEST_MODEL, a_context
from workers.algorithms.base import Draft
from workers.measures import algorithm, measures
from workers.measures.base import Series

_Decoded = TypeVar("_Decoded")
PHANTOM = Path(__file__).parents[2] / "deploy" / "examples" / "chest" / "phantom.dcm"
REAL = {
    "CR, MONOCHROME1": "chest_dicom/gdcm-CR-MONO1-10-chest.dcm",
    "DX": "chest_dicom/Fake_MONOHR1.dcm",
    "CT": "ct_series_ge_head/10.dcm",
    "CT, oblong": "ct_other/I10.dcm",
    "MR": "mr_compressed/IM-0001-0001-0001.dcm",
    "MR, enhanced": "multiframe/emri_small.dcm",
    "US, colour": "multiframe/examples_ybr_color.dcm",
    "NM, multi-frame": "ts/NM1_JPLY.dcm",
    "CT, JPEG-LS": "ts/CT1_JLSL.dcm",
    "CR, JPEG": "radiograph/RG3_JPLY.dcm",
}
"""Files of PREREAD_TEST_DATA: one of each modality, and of each odd kind."""


@dataclass(frozen=True)
class Source:
    """One image and what is known of it."""

    name: str
    path: Path
    instance: Instance
    identity: Identity
    frame: Frame | None
    """The first frame; None if nothing here decodes it."""
    rescaled: Rescaled | None
    """The same in its unit; None for colour, too."""

    @property
    def size(self) -> tuple[int, int]:
        """Rows, columns."""
        if self.frame is not None:
            rows, columns = self.frame.pixels.shape
            return rows, columns
        attributes = self.instance.attributes
        return int(attributes.get("Rows") or 100), int(attributes.get("Columns") or 100)

    def report(self) -> Report:
        """A nodule with a box and a diameter, an effusion, no pneumothorax; and what our measures say of the image."""
        rows, columns = self.size
        box = Region(left=columns * 0.2, top=rows * 0.25, right=columns * 0.4, bottom=rows * 0.5)
        place, whole = self._evidence(box), self._evidence(None)
        found = (
            self._finding("nodule-1", code.NODULE, place, site=code.LUNG, diameter=12.4),
            self._finding("effusion-left", code.PLEURAL_EFFUSION, whole, site=code.PLEURA, mask=self._mask()),
            self._finding("pneumothorax", code.PNEUMOTHORAX, whole, site=code.PLEURA, present=False),
        )
        measured = tuple(self._measured(whole))
        said = "Nodule of 12.4 mm. Pleural effusion; no pneumothorax – see images."
        return Report(
            outcome=Outcome.ANALYSED,
            algorithms=(CHEST_MODEL, *(who for who, _ in measured)),
            procedure=code.PROCEDURES.get(self.instance.modality, code.UNKNOWN_PROCEDURE),
            images=(whole,),
            findings=(*found, *(finding for _, draft in measured for finding in draft.findings)),
            sentences=(
                *(sentence for _, draft in measured for sentence in draft.sentences),
                Sentence(section=Section.CONCLUSIONS, text=said, findings=("nodule-1", "effusion-left")),
            ),
        )

    def context(self, encoder: Encoder, **changes: object) -> EncodingContext:
        """What `encoder` is told of this image."""
        role = encoder.ROLE
        wanted = {picture_key(image) for image in shown_by(encoder, self.report())}
        pictures = {key: self.frame for key in wanted if self.frame is not None}
        return a_context(
            identity=self.identity,
            study_instance_uid=self.instance.study_instance_uid,
            series_instance_uid=derive_uid("validation", self.name, role, "series"),
            sop_instance_uid=derive_uid("validation", self.name, role),
            instances=(self.instance,),
            pictures=pictures,
            masks=dict.fromkeys(masks_for(encoder, self.report()), self.labels),
            **changes,
        )

    @property
    def labels(self) -> NDArray[np.uint8]:
        """A label map over the image: its lower left quarter."""
        rows, columns = self.size
        labels = np.zeros((1, rows, columns), np.uint8)
        labels[0, rows // 2 :, : columns // 2] = 1
        return labels

    def _mask(self) -> Mask | None:
        """None for a multi-frame image: masks lie on images of one frame."""
        rows, columns = self.size
        digest = hashlib.sha256(self.labels.tobytes()).hexdigest()
        images = (self.instance.sop_instance_uid,)
        one = self.instance.frames == 1
        return Mask(sha256=digest, label=1, rows=rows, columns=columns, images=images) if one else None

    def _measured(self, image: Evidence) -> Iterator[tuple[Algorithm, Draft]]:
        """What our measures say of this one image, if they accept it."""
        for module in measures().values():
            if self.rescaled is None or module.accepts(self.instance):
                continue
            try:
                numbers = module.measure([self.rescaled])
            except Unsupported:
                continue
            who = algorithm(module)
            draft = module.draft(numbers, Series(images=(image,), number=1, of=1), namespace=self.name)
            named = tuple(replace(finding, algorithm_uid=who.device_uid) for finding in draft.findings)
            yield who, replace(draft, findings=named)

    def _evidence(self, region: Region | None) -> Evidence:
        return Evidence(
            sop_class_uid=self.instance.sop_class_uid,
            sop_instance_uid=self.instance.sop_instance_uid,
            series_instance_uid=self.instance.series_instance_uid,
            frame=1 if self.instance.frames > 1 else None,
            region=region,
        )

    def _finding(
        self,
        name: str,
        concept: code.Code,
        evidence: Evidence,
        *,
        site: code.Code,
        present: bool = True,
        diameter: float = 0,
        mask: Mask | None = None,
    ) -> Finding:
        size = Measurement(concept=code.DIAMETER, value=diameter, unit=code.MILLIMETER)
        return Finding(
            tracking_id=name,
            tracking_uid=derive_uid("validation", self.name, name),
            concept=concept,
            present=present,
            site=site,
            laterality=code.LEFT,
            probability=0.9 if present else 0.05,
            measurements=(size,) if diameter else (),
            evidence=(evidence,),
            mask=mask,
            algorithm_uid=CHEST_MODEL.device_uid,
        )


def synthetic(folder: Path) -> Iterator[Source]:
    """The example's chest radiograph and a CT slice."""
    yield read("synthetic CXR", PHANTOM)
    yield read("synthetic CT", _slice(folder / "slice.dcm"))


def real(data: Path) -> Iterator[Source]:
    """One file of each kind that is there."""
    for name, file in REAL.items():
        if (data / file).is_file():
            yield read(name, data / file)


def charsets(data: Path) -> Iterator[Source]:
    """Every file with a name in a character set of its own; those that are no DICOM object are left out."""
    for path in sorted((data / "charset").glob("*.dcm")):
        try:
            yield read(path.stem, path)
        except Unreadable:
            continue


def read(name: str, path: Path) -> Source:
    """The image in `path`. Raises Unreadable."""
    headers, pixels = Part10Headers(children=1), PydicomPixels(_open)
    try:
        with path.open("rb") as part10:
            header = headers.read(part10)
        stored = StoredInstance(instance=header.instance, location=str(path), sha256="0" * 64, size=path.stat().st_size)
        frame, rescaled = _decoded(pixels.read, stored), _decoded(pixels.rescaled, stored)
        return Source(name, path, header.instance, header.identity, frame, rescaled)
    finally:
        headers.close()
        pixels.close()


def _open(location: str) -> BinaryIO:
    return Path(location).open("rb")


def _decoded(read: Callable[[StoredInstance], _Decoded], stored: StoredInstance) -> _Decoded | None:
    try:
        return read(stored)
    except (Unreadable, Unsupported):
        return None


def _slice(path: Path) -> Path:
    """A CT slice of a ball in air."""
    image = Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.SOPClassUID, image.SOPInstanceUID = CTImageStorage, derive_uid("synthetic", "slice")
    image.StudyInstanceUID, image.SeriesInstanceUID = (
        derive_uid("synthetic", "study"),
        derive_uid("synthetic", "series"),
    )
    image.PatientName, image.PatientID, image.PatientBirthDate, image.PatientSex = "Ball^Anna", "B-1", "19700101", "F"
    image.StudyDate, image.StudyTime, image.StudyID, image.AccessionNumber = "20260101", "120000", "1", "A1"
    image.Modality, image.BodyPartExamined = "CT", "CHEST"
    image.Rows, image.Columns, image.SamplesPerPixel, image.PhotometricInterpretation = 256, 256, 1, "MONOCHROME2"
    image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 16, 12, 11, 0
    image.RescaleSlope, image.RescaleIntercept, image.WindowCenter, image.WindowWidth = 1, -1024, 40, 400
    image.PixelSpacing, image.ImagePositionPatient = [0.7, 0.7], [-89.6, -89.6, 10]
    image.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    image.FrameOfReferenceUID = derive_uid("synthetic", "frame of reference")
    y, x = np.mgrid[-128:128, -128:128]
    image.PixelData = np.where(x**2 + y**2 < 80**2, 1064, 24).astype("<u2").tobytes()
    buffer = BytesIO()
    image.save_as(buffer, enforce_file_format=True)
    path.write_bytes(buffer.getvalue())
    return path
