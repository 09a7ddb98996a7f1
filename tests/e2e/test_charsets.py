"""A name in any character set: from the source through reading to SR, PDF, our page and the archive, and back."""

from __future__ import annotations

import html
import re
import shutil
from pathlib import Path

import pypdfium2
import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import EncapsulatedPDFStorage

from service.domain.uids import derive_uid
from tests.e2e.conftest import need_orthanc_and_dcmtk
from tests.support.installation import Installation
from tests.support.phantoms import dcmsend
from tests.support.sources import PHANTOM

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(600)]

RULES = """
[[protocol]]
name = "quality"
steps = [{{ kind = "measure", algorithm = "acquisition-quality" }}]

[[rule]]
name = "any-image"
mode = "live"
deadline = "{deadline}"
protocol = "quality"
destinations = ["archive"]
when.sop_class = ["1.2.840.10008.5.1.4.1.1.1", "1.2.840.10008.5.1.4.1.1.1.1", "1.2.840.10008.5.1.4.1.1.7"]
outputs = ["basic-text-sr", "tid1500", "encapsulated-pdf"]
"""

NAMES = {
    "chrGB2312": "Zhang^XiaoDong=张^小东",
    "chrGerm": "Äneas^Rüdiger",
    "chrGreek": "Διονυσιος",
    "chrH31": "Yamada^Tarou=山田^太郎=やまだ^たろう",
    "chrHbrw": "שרון^דבורה",
    "chrJapMulti": "やまだ^たろう",
    "chrSQEncoding": "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう",
    "chrX1": "Wang^XiaoDong=王^小東",
}
"""What stands in each file, whichever library reads it."""


def test_no_character_of_a_name_is_lost(test_data: Path, tmp_path: Path) -> None:
    need_orthanc_and_dcmtk()
    files = sources(test_data, tmp_path / "sources")
    assert [file.stem for file in files] == list(NAMES)
    headers = [dcmread(file, stop_before_pixels=True) for file in files]
    with Installation(tmp_path / "installation", rules=RULES) as found:
        for file in files:
            found.orthanc.client.upload_file(str(file))
        dcmsend(files, found)
        found.settle([header.StudyInstanceUID for header in headers], 300)
        for name, header in zip(NAMES.values(), headers, strict=True):
            study = header.StudyInstanceUID
            results = [each for each in found.orthanc.instances(study) if each.Modality in {"SR", "DOC"}]
            page = html.unescape(found.get(f"/studies/{study}"))
            print(f"{header.SpecificCharacterSet}: {name}, {len(results)} objects")
            record = found.record(study)
            assert results, record and (record.row.state, record.row.note, [job.reason for job in record.jobs])
            assert {str(result.PatientName) for result in results} == {name}
            assert {result.SpecificCharacterSet for result in results} == {"ISO_IR 192"}
            assert all(part in page for part in _parts(name))
            (written,) = [result for result in results if result.SOPClassUID == EncapsulatedPDFStorage]
            told = _words(written)
            assert all(part in told for part in _parts(name))
            assert "?" not in told


def sources(test_data: Path, folder: Path) -> list[Path]:
    """Every file of the folder; what is no image lends its name, where it has one, to one that is."""
    folder.mkdir()
    files = []
    for path in sorted((test_data / "charset").glob("*.dcm")):
        file = folder / path.name
        if "SOPClassUID" in dcmread(path):
            shutil.copyfile(path, file)
        else:
            _lent(dcmread(path), path.stem).save_as(file)
        files.append(file)
    return files


def _lent(named: Dataset, study: str) -> Dataset:
    """The example's radiograph with the name and the character sets of a sequence's item."""
    item = next(each for each in named.RequestedProcedureCodeSequence if "PatientName" in each)
    image = dcmread(PHANTOM)
    image.SpecificCharacterSet, image.PatientName = item.SpecificCharacterSet, item.PatientName
    image.StudyInstanceUID, image.SOPInstanceUID = derive_uid("test", study), derive_uid("test", study, "image")
    image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
    return image


def _parts(name: str) -> list[str]:
    """The words of a PN; in which order they stand is the script's affair."""
    return re.split(r"[\^=]", name)


def _words(written: Dataset) -> str:
    pages = pypdfium2.PdfDocument(written.EncapsulatedDocument)
    return re.sub(r"\s+", " ", " ".join(page.get_textpage().get_text_range() for page in pages))
