"""An export of the edit log holds none of the people in it, goes on where it was stopped, and writes over nothing."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.uid import DigitalXRayImageStorageForPresentation

from service.adapters.export_folder import ExportFolder, site_key
from service.cli.edits_export import Run
from service.domain.errors import Refused
from service.domain.event import Event, EventKind
from service.domain.pseudonym import Pseudonyms
from service.domain.report import Section
from service.domain.rule import Mode, Priority
from service.flow.review import Line
from service.ports.ledger import NewJob
from tests.support.fake_house import NOW
from tests.support.instances import instance, part10, uid
from tests.support.returns import Hospital, Read, report_on
from tests.support.viewable import shelf

HOW = {"schema": "test"}
KEY, OTHER = Pseudonyms(b"k" * 32), Pseudonyms(b"o" * 32)
CANARIES = (
    "Zwölfenbrink", "Zwoelfenbrink", "Adalgisa", "QX-9917733", "QX9917733", "ACC8877123", "19410317", "17.03.1941",
    "1941-03-17", "Oberthür", "Oberthuer", "Quirin-Spital", "Weiss", "Example Clinic", "0151 2345678", "Querbach",
)  # fmt: skip
LINES = (
    "Small left pleural effusion in ZWOELFENBRINK, ADALGISA (qx 9917733).",
    "Enlarged heart, 171 mm across, seen on 17.3.1941 and 1941-03-17 by Dr. Querbach-Nees.",
    "No pneumothorax; order acc8877123, call 0151 2345678, zwölfenbrinks daughter.",
    "Referred by OberthÜr of the Sankt-Quirin-Spital, signed WEISS for Example clinic.",
)


class Ward(Hospital):
    """A hospital in which everything about a patient is a word that nothing else holds."""

    def read_about(self, number: int, **attributes: str) -> Read:
        study = uid("exported study", number)
        image = instance(
            f"exported {number}", SOPClassUID=DigitalXRayImageStorageForPresentation, Modality="DX",
            StudyInstanceUID=study, SeriesInstanceUID=uid("exported series", number),
            PatientName="Zwölfenbrink^Adalgisa", PatientID="QX-9917733", PatientBirthDate="19410317",
            AccessionNumber="ACC8877123", ReferringPhysicianName="Oberthür^Benno",
            InstitutionName="Sankt-Quirin-Spital", **attributes,
        )  # fmt: skip
        self.shelf.keep(part10(image))
        found = self.ledger.study(study)
        assert found is not None
        told = Event(at=NOW, kind=EventKind.ASSEMBLED, text="complete", study_instance_uid=study)
        wanted = NewJob(
            protocol="chest", rule="chest", config_version=1, mode=Mode.LIVE, priority=Priority.MEDIUM, deadline=None
        )  # fmt: skip
        assert self.ledger.hand_over(found, [wanted], [told], now=NOW) is not None
        return self._finish(report_on(image, number))

    def export(self, folder: Path, pseudonyms: Pseudonyms = KEY, *, finish: bool = True) -> Run:
        with ExportFolder(folder, HOW) as held:
            run = Run(self.services, pseudonyms, held, images=True)
            run.all()
            if finish:
                held.finish(run.words())
        return run


@pytest.fixture
def ward(tmp_path: Path) -> Iterator[Ward]:
    with shelf(tmp_path) as made:
        yield Ward(made)


def signed(ward: Ward, number: int, **attributes: str) -> Read:
    read = ward.read_about(number, **attributes)
    ward.sign(read, [Line(section=Section.FINDINGS, text=text) for text in LINES])
    return read


def lines_in(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "edits.jsonl").read_text().splitlines()]


def test_nothing_of_a_person_is_in_any_byte_and_what_teaches_is(ward: Ward, tmp_path: Path) -> None:
    read, out = signed(ward, 1), tmp_path / "out"
    run = ward.export(out)
    files = [file for file in out.rglob("*") if file.is_file()]
    assert {file.suffix for file in files} == {".json", ".jsonl", ".dcm"}
    for file in files:
        data = file.read_bytes().lower()
        for word in (*CANARIES, str(read.study)):
            for encoding in ("utf-8", "latin-1"):
                assert word.lower().encode(encoding) not in data, (file, word)
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    (line,) = lines_in(out)
    draft, final = line["draft"], line["final"]
    kinds = [set(each["classes"]) for each in draft["sentences"]]
    assert kinds[0] >= {"reword"}
    assert kinds[1:] == [{"measurement", "reword"}, kinds[2], {"delete"}]
    assert "negation" not in kinds[2]
    assert [each["provenance"] for each in final["sentences"]][:2] == ["edited", "edited"]
    for part in (draft, final):
        for each in part["sentences"]:
            assert part["text"][each["start"] : each["end"]] == each["text"]
    assert final["sentences"][0]["text"] == "Small left pleural effusion in [name] ([number])."
    assert line["findings"][0]["places"][0]["instance"] == line["images"][0]["instance"] == line["files"][0]["instance"]
    assert line["files"][0]["burned_in_annotation"] == "not stated"
    assert line["reviewer"] == KEY.of("reviewer", "Weiss^Anna")
    image = dcmread(out / line["files"][0]["file"])
    assert (image.PatientID, image.StudyInstanceUID) == (line["patient"], line["study"])
    manifest = json.loads((out / "manifest.json").read_text())
    assert (manifest["reports"], manifest["images_kept"], run.withheld) == (1, 1, {})
    assert "as good as it says and no better" in manifest["says"]
    assert {entry["name"] for entry in manifest["files"]} == {"edits.jsonl", line["files"][0]["file"]}


def test_the_same_key_gives_the_same_pseudonyms_and_another_others(ward: Ward, tmp_path: Path) -> None:
    signed(ward, 1)
    signed(ward, 2)
    for name, key in (("one", KEY), ("two", KEY), ("three", OTHER)):
        ward.export(tmp_path / name, key)
    one, two, three = (lines_in(tmp_path / name) for name in ("one", "two", "three"))
    assert one == two
    assert len({line["patient"] for line in one}) == 1
    assert not {line["study"] for line in one} & {line["study"] for line in three}
    assert one[0]["signed"] != three[0]["signed"]


def test_what_was_stopped_goes_on_and_what_is_finished_is_not_written_over(ward: Ward, tmp_path: Path) -> None:
    signed(ward, 1)
    out = tmp_path / "out"
    ward.export(out, finish=False)
    with (out / "edits.jsonl").open("a") as file:
        file.write('{"report": "cut sho')
    before = {file: file.stat().st_mtime_ns for file in (out / "images").iterdir()}
    signed(ward, 2)
    run = ward.export(out)
    assert (run.kept["reports"], len(lines_in(out))) == (2, 2)
    assert all(file.stat().st_mtime_ns == at for file, at in before.items())
    with pytest.raises(Refused, match="finished"):
        ExportFolder(out, HOW)
    with pytest.raises(Refused, match="not empty"):
        ExportFolder(tmp_path, HOW)
    with ExportFolder(tmp_path / "other", HOW), pytest.raises(Refused, match="another process"):
        ExportFolder(tmp_path / "other", HOW)
    with pytest.raises(Refused, match="begun with another key"):
        ExportFolder(tmp_path / "other", {"schema": "another"})


def test_what_cannot_leave_is_counted_with_its_reason(ward: Ward, tmp_path: Path) -> None:
    signed(ward, 1, BurnedInAnnotation="YES")
    read = signed(ward, 2)
    recalled = [one.job.job_id for one in ward.ledger.jobs() if one.job.study_instance_uid == read.study]
    with ward.ledger.database.write() as connection:
        connection.exec_driver_sql(f"UPDATE job SET state = 'RECALLED' WHERE id IN ({','.join(recalled)})")
    run = ward.export(tmp_path / "out")
    assert (run.kept["reports"], run.withheld) == (1, {"it was withdrawn": 1})
    assert run.left_out == {"its header says that text is burned into the image": 1}
    assert "left_out" in lines_in(tmp_path / "out")[0]["files"][0]


def test_the_key_is_made_once_for_its_owner_alone_and_nothing_else_is_taken_for_one(tmp_path: Path) -> None:
    file = tmp_path / "data" / "pseudonyms.key"
    key = site_key(file)
    assert (site_key(file), len(key), stat.S_IMODE(file.stat().st_mode)) == (key, 32, 0o600)
    (tmp_path / "no.key").write_text("secret")
    with pytest.raises(Refused, match="no key"):
        site_key(tmp_path / "no.key")
