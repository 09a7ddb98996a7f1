"""Every judge on one object: our own check, dicom3tools, dcmtk, PixelMed, and an Orthanc that stores and returns it."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import pypdfium2
import pytest
from dicomweb_client import DICOMwebClient
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import EncapsulatedPDFStorage

from dicom_nodes.objects import Encoder
from dicom_nodes.objects.page import name_as_read
from dicom_nodes.objects.structure import complaints
from dicom_nodes.send import send
from service.embedded import orthanc
from service.embedded.ports import choose_free
from tests.support import validators
from tests.support.installation import OrthancServer
from tests.support.sources import Source

PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
TREES = ("basic-text-sr", "tid1500", "coordinates-sr", "key-objects")
EXPLAINED = (
    ("Illegal root for UID", "a UID of the source itself begins with 0.0"),
    ("43468-8,LN", "the Debian package's CID 100 is older than this code"),
    ("363679005,SCT", "CID 100 has no code for this modality; it is extensible"),
)
"""Complaints that say something about the source or the judge, each with the reason."""


@dataclass(frozen=True)
class Verdict:
    """What one judge says of one object."""

    judge: str
    errors: tuple[str, ...] = ()
    explained: tuple[str, ...] = ()
    absent: str = ""
    """Why the judge was not heard."""

    def __str__(self) -> str:
        if self.absent:
            return "absent"
        if self.errors:
            return f"{len(self.errors)} errors"
        return f"0 ({len(self.explained)} explained)" if self.explained else "0"


class NotApplicable(Exception):
    """The reading has nothing to say in this form."""


def encoded(encoder: Encoder, source: Source) -> bytes:
    """The object, with every warning as an error. Raises NotApplicable, with the encoder's words where it has some."""
    report = source.report()
    if not encoder.applies(report):
        raise NotApplicable("")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            return encoder.encode(report, source.context(encoder))
        except ValueError as error:
            raise NotApplicable(str(error)) from error


def judged(
    part10: bytes, encoder: Encoder, source: Source, folder: Path, archive: Archive | None, *, slow: bool
) -> list[Verdict]:
    """Every judge that knows the object's kind; `slow` ones, too, or not."""
    path = folder / f"{encoder.ROLE}.dcm"
    path.write_bytes(part10)
    judges: dict[str, Callable[[], list[str]]] = {
        "gate": lambda: list(complaints(part10)),
        "dciodvfy": lambda: validators.dciodvfy_errors(path),
        "text": lambda: _question_marks(part10, source),
    }
    if encoder.ROLE in TREES:
        judges["dsrdump"] = lambda: _heard(validators.dsrdump, path)
        judges["dsr2html"] = lambda: _heard(validators.dsr2html, path)
        if slow:
            judges["PixelMed"] = lambda: validators.pixelmed_errors(path)
    if archive is not None:
        judges["Orthanc DIMSE"] = lambda: archive.by_dimse(path)
        judges["Orthanc DICOMweb"] = lambda: archive.by_web(path)
    return [_verdict(name, judge) for name, judge in judges.items()]


def _verdict(name: str, judge: Callable[[], list[str]]) -> Verdict:
    try:
        said = judge()
    except pytest.skip.Exception as absent:
        return Verdict(name, absent=str(absent))
    except AssertionError as error:
        return Verdict(name, errors=(str(error).splitlines()[0],))
    why = {line: reason for line in said for part, reason in EXPLAINED if part in line}
    return Verdict(name, tuple(line for line in said if line not in why), tuple(dict.fromkeys(why.values())))


def _heard(judge: Callable[[Path], str], path: Path) -> list[str]:
    judge(path)
    return []


def _question_marks(part10: bytes, source: Source) -> list[str]:
    """The patient's name as the source has it, in the header and on the page; nowhere a "?" that nobody wrote."""
    dataset = dcmread(BytesIO(part10))
    wanted = source.identity.patient.name
    said = [] if str(dataset.PatientName) == wanted else [f"the name became {dataset.PatientName}"]
    if dataset.SOPClassUID == EncapsulatedPDFStorage:
        page = pypdfium2.PdfDocument(dataset.EncapsulatedDocument)[0].get_textpage().get_text_range()
        if "?" in page.replace(wanted, ""):
            said.append("a question mark stands on the page")
        if wanted.isascii() and name_as_read(wanted) not in re.sub(r"\s+", " ", page):
            said.append("the name is not on the page")
    return said


@dataclass
class Archive:
    """A real Orthanc with its DICOMweb plug-in."""

    server: OrthancServer

    def by_dimse(self, path: Path) -> list[str]:
        """C-STORE, then what Orthanc's own interface returns."""
        sent, port = dcmread(path), self.server.archive.dicom_port
        (told,) = send([path], host="127.0.0.1", port=port, called_ae="ARCHIVE", calling_ae="PREREAD")
        if not told.stored:
            return [f"Error: not stored: {told.status}"]
        found = self.server.client.instances.lookup(str(sent.SOPInstanceUID))
        kept = dcmread(BytesIO(self.server.client.instances.get_file(found)))
        self.server.client.instances.delete(found)
        return _differences(sent, kept)

    def by_web(self, path: Path) -> list[str]:
        """STOW-RS, then WADO-RS."""
        sent = dcmread(path)
        client = DICOMwebClient(f"{self.server.archive.url}/dicom-web")
        client.store_instances([sent])
        kept = client.retrieve_instance(sent.StudyInstanceUID, sent.SeriesInstanceUID, sent.SOPInstanceUID)
        return _differences(sent, kept)


def _differences(sent: Dataset, kept: Dataset) -> list[str]:
    return [] if sent == kept else ["Error: what came back differs from what was sent"]


@contextmanager
def archive(folder: Path) -> Iterator[Archive | None]:
    """An Orthanc in `folder`, or None where it or its plug-in is not installed."""
    program = orthanc.find()
    if program is None or not PLUGIN.is_file():
        yield None
        return
    dicom_port, http_port = choose_free(2)
    options: Mapping[str, object] = {"Plugins": [str(PLUGIN)], "DicomWeb": {"Enable": True, "Root": "/dicom-web/"}}
    described = orthanc.Orthanc(
        folder=folder / "orthanc",
        dicom_port=dicom_port,
        http_port=http_port,
        peers={"PREREAD": ("127.0.0.1", 1)},
        options=options,
    )
    server = OrthancServer(described, program)
    server.start()
    try:
        yield Archive(server)
    finally:
        server.stop()
