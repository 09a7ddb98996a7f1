"""What workstations make of our reports comes back: matched, compared, classed, logged, and nothing is read again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import UID, ComprehensiveSRStorage, EnhancedSRStorage

from dicom_nodes.objects.evidence import hierarchy
from dicom_nodes.objects.filled_form import decode
from dicom_nodes.objects.structure import complaints
from service.adapters.templates.shelf import OURS, TemplateShelf, read_template
from service.domain.edit import EditClass
from service.domain.errors import Refused
from service.domain.filled import Filled
from service.domain.phrase import narrative
from service.domain.profile import PRESETS
from service.domain.report import Section
from service.domain.returned import Returned
from service.domain.review import FORM_ROLE, SIGNED_ROLE
from service.domain.submitted import Submitted
from service.flow.prefill import prefill
from service.flow.review import Line, draft_text, lines_of
from service.flow.sign import add
from service.flow.take_back import take_back
from service.ports.ledger import Admission
from tests.support import redrawn, returns, validators
from tests.support.instances import part10, uid
from tests.support.returns import (
    PACS,
    Hospital,
    Read,
    assessed,
    concept,
    drawn_by_ohif,
    edited,
    foreign,
    in_loinc_sections,
    in_one_text,
    item,
    items,
    recoded,
    reworded,
    verified,
)

DELETE, INSERT, LATERALITY, MEASUREMENT, NEGATION, REWORD, SEVERITY = (
    EditClass.DELETE, EditClass.INSERT, EditClass.LATERALITY, EditClass.MEASUREMENT, EditClass.NEGATION,
    EditClass.REWORD, EditClass.SEVERITY,
)  # fmt: skip
EFFUSION, HEART, AIR = "Small left pleural effusion.", "Enlarged heart, 162 mm across.", "No pneumothorax."
END = "Small left effusion with cardiomegaly."
TEXT, CODED = "basic-text-sr", "tid1500"


class Case(NamedTuple):
    """What a workstation made of a reading, and the classes of its edits."""

    made: Callable[[Read], Dataset]
    classes: tuple[EditClass, ...]
    by: str = "predecessor"


def text_edit(before: str, after: str, **how: bool) -> Callable[[Read], Dataset]:
    return lambda read: edited(read, TEXT, reworded(before, after), **how)


def code_edit(tracking_id: str, change: Callable[[Dataset], None]) -> Callable[[Read], Dataset]:
    return lambda read: edited(read, CODED, recoded(tracking_id, change))


def signed_there(before: str, after: str, **how: bool) -> Callable[[Read], Dataset]:
    def make(read: Read) -> Dataset:
        dataset = edited(read, TEXT, reworded(before, after), **how)
        verified(dataset)
        return dataset

    return make


def to_right(group: Dataset) -> None:
    for _, each in items(group):
        for code in each.get("ConceptCodeSequence") or ():
            if code.CodeValue == "7771000":
                each.ConceptCodeSequence = [concept("24028007", "SCT", "Right")]


def present(group: Dataset) -> None:
    for _, each in items(group):
        for code in each.get("ConceptCodeSequence") or ():
            if code.CodeValue == "2667000":
                each.ConceptCodeSequence = [concept("52101004", "SCT", "Present")]


def larger(group: Dataset) -> None:
    for _, each in items(group):
        if each.get("ValueType") == "NUM" and each.MeasuredValueSequence[0].NumericValue == 162:
            each.MeasuredValueSequence[0].NumericValue = "171"


def untracked_group(dataset: Dataset, tracking_id: str) -> None:
    """Removes the group."""
    for above, each in list(items(dataset)):
        named = {child.get("TextValue") for child in each.get("ContentSequence") or ()}
        if tracking_id in named:
            above.ContentSequence = [one for one in above.ContentSequence if one is not each]


def without_predecessor(read: Read) -> Dataset:
    dataset = edited(read, CODED, recoded("cardiomegaly", larger))
    del dataset.PredecessorDocumentsSequence
    return dataset


CASES = {
    "another side": Case(text_edit(EFFUSION, "Small right pleural effusion."), (LATERALITY,)),
    "another degree": Case(text_edit(EFFUSION, "Large left pleural effusion."), (SEVERITY,)),
    "another size": Case(text_edit(HEART, "Enlarged heart, 171 mm across."), (MEASUREMENT,)),
    "denied": Case(text_edit(AIR, "Small pneumothorax."), (NEGATION, SEVERITY)),
    "other words": Case(text_edit(END, "Small left effusion with an enlarged heart."), (REWORD,)),
    "a sentence less": Case(text_edit(AIR, ""), (DELETE,)),
    "a sentence more": Case(text_edit(AIR, f"{AIR}\r\nOld fracture of a rib."), (INSERT,)),
    "nothing": Case(text_edit("nothing", "at all"), ()),
    "verified": Case(signed_there(EFFUSION, "Small right pleural effusion."), (LATERALITY,)),
    "verified, with our equipment": Case(signed_there(AIR, "", ours=True), (DELETE,)),
    "coded: another side": Case(code_edit("effusion-left", to_right), (LATERALITY,)),
    "coded: present": Case(code_edit("pneumothorax", present), (NEGATION,)),
    "coded: another size": Case(code_edit("cardiomegaly", larger), (MEASUREMENT,)),
    "coded: a finding less": Case(
        lambda read: edited(read, CODED, lambda dataset: untracked_group(dataset, "pneumothorax")), (DELETE,)
    ),
    "coded, no predecessor": Case(without_predecessor, (MEASUREMENT,), by="tracking UID"),
    "one text with headings": Case(
        lambda read: foreign(read, in_one_text(
            f"FINDINGS:\n{EFFUSION} {HEART}\n{AIR}\nIMPRESSION: Small right effusion with cardiomegaly."
        )), (LATERALITY,),
    ),
    "one text in German headings": Case(
        lambda read: foreign(read, in_one_text(f"Befund: {EFFUSION} {HEART} {AIR}\r\n\r\nBeurteilung:\r\n{END}")), (),
    ),
    "LOINC sections": Case(
        lambda read: foreign(read, in_loinc_sections(f"{EFFUSION} {HEART}", END), sop_class=ComprehensiveSRStorage),
        (DELETE,),
    ),
    "LOINC sections after the coded one": Case(
        lambda read: foreign(read, in_loinc_sections(f"{EFFUSION} {HEART} {AIR}", f"{END} Follow up."),
                             sop_class=ComprehensiveSRStorage, follows=CODED), (INSERT,),
    ),
    "a person's own report": Case(
        lambda read: foreign(
            read, in_loinc_sections(f"{EFFUSION} {HEART} {AIR}", "No effusion, cardiomegaly."), follows=None
        ),
        (LATERALITY, NEGATION, REWORD, SEVERITY), by="study",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hospital]:
    with returns.hospital(tmp_path_factory.mktemp("returned")) as made:
        yield made


def back(hospital: Hospital, dataset: Dataset) -> Returned:
    """Receive and settle one document."""
    assert hospital.shelf.keep(part10(dataset)) == [Admission.NEW]
    assert take_back(hospital.services) == 1
    return hospital.ledger.returned(dataset.StudyInstanceUID)[-1]


def readings(hospital: Hospital) -> int:
    return len(hospital.ledger.jobs(limit=1000))


@pytest.mark.parametrize("name", CASES)
def test_an_edited_report_is_matched_classed_and_logged_and_nothing_is_read(name: str, hospital: Hospital) -> None:
    case = CASES[name]
    read = hospital.read(list(CASES).index(name))
    before = readings(hospital)
    found = back(hospital, case.made(read))
    assert (found.job_id, found.matched_by) == (read.job.job_id, case.by)
    assert tuple(sorted({kind for edit in found.edits for kind in edit.classes})) == tuple(sorted(case.classes))
    history = hospital.edits.history(read.job.job_id)
    if name.startswith("coded"):
        assert history is not None  # a row beside the text: what changed are codes
        assert (history.text, history.saves) == (draft_text(read.report), ())
        assert [revision.beside for revision in history.revisions] == [found.edits]
    else:
        assert history is not None
        assert (history.text, history.revisions[0].edits) == (found.text, found.edits)
        assert history.draft == draft_text(read.report)
    assert readings(hospital) == before
    assert not hospital.ledger.open_studies()


def test_all_of_them_are_twenty_several_of_another_structure() -> None:
    assert len(CASES) == 20


class TestOthers:
    def test_a_report_whose_predecessor_is_unknown_is_kept_and_told(self, hospital: Hospital) -> None:
        read = hospital.read(101)
        dataset = foreign(read, in_one_text("Normal."))
        series = dataset.PredecessorDocumentsSequence[0].ReferencedSeriesSequence[0]
        series.ReferencedSOPSequence[0].ReferencedSOPInstanceUID = "2.25.404"
        found = back(hospital, dataset)
        assert (found.job_id, found.edits) == ("", ())
        assert "follows 2.25.404, which is unknown here: it is kept and compared with nothing" in found.words
        record = hospital.ledger.record(read.study)
        assert record is not None
        assert record.events[-1].text == found.words

    def test_a_machine_s_report_that_follows_nothing_has_nothing_to_do_with_us(self, hospital: Hospital) -> None:
        read = hospital.read(102)
        dataset = foreign(read, in_one_text("Normal."), follows=None, person="")
        assert hospital.shelf.keep(part10(dataset)) == [Admission.NEW]
        assert take_back(hospital.services) == 1
        assert hospital.ledger.returned(read.study) == []

    def test_our_own_documents_are_echoes_and_are_compared_with_nothing(self, hospital: Hospital) -> None:
        read = hospital.read(103)
        assert hospital.shelf.keep(*read.files.values()) == [Admission.ECHO] * 2
        assert take_back(hospital.services) == 0

    def test_an_edit_of_an_edit_is_compared_with_that_one(self, hospital: Hospital) -> None:
        read = hospital.read(104)
        first = edited(read, TEXT, reworded(EFFUSION, "Small right pleural effusion."))
        back(hospital, first)
        second = edited(read, TEXT, reworded(EFFUSION, "Large right pleural effusion."))
        former = second.PredecessorDocumentsSequence[0].ReferencedSeriesSequence[0].ReferencedSOPSequence[0]
        former.ReferencedSOPInstanceUID = first.SOPInstanceUID
        second.SOPInstanceUID = uid("edited twice")
        assert [edit.classes for edit in back(hospital, second).edits] == [(SEVERITY,)]
        history = hospital.edits.history(read.job.job_id)
        assert history is not None
        assert len(history.revisions) == 2

    def test_beside_a_report_that_was_signed_here_it_is_kept_and_the_signed_text_stays(
        self, hospital: Hospital
    ) -> None:
        read = hospital.read(105)
        hospital.sign(read, lines_of(read.report, None))
        found = back(hospital, edited(read, TEXT, reworded(AIR, "")))
        assert "delete 1" in found.words
        assert "kept beside the text, which was changed or signed here meanwhile" in found.words
        history = hospital.edits.history(read.job.job_id)
        assert history is not None
        assert history.text == draft_text(read.report)

    def test_what_cannot_be_read_says_so(self, hospital: Hospital) -> None:
        read = hospital.read(106)
        dataset = foreign(read, in_one_text("x"))
        del dataset.ContentSequence
        assert "cannot be read: It has no content." in back(hospital, dataset).words

    def test_markup_and_foreign_scripts_are_text(self, hospital: Hospital) -> None:
        read = hospital.read(107)
        said = "<script>alert(1)</script> \u202eabc\u202c 胸水なし。"
        found = back(hospital, foreign(read, in_one_text(said), sop_class=EnhancedSRStorage))
        # What turns the direction of reading is dropped, as it is in what we write.
        assert "<script>alert(1)</script> abc 胸水なし。" in found.text

    def test_an_edit_of_the_signed_report_is_compared_with_what_was_signed(self, hospital: Hospital) -> None:
        read = hospital.read(108)
        lines = [replace(line, text=line.text.replace("left", "right")) for line in lines_of(read.report, None)]
        made = hospital.sign(read, lines)
        signed = replace(read, objects={"signed": made}, files={"signed": hospital.bytes_of(made.location)})
        found = back(hospital, edited(signed, "signed", reworded(AIR, ""), ours=True))
        assert (found.matched_by, [edit.classes for edit in found.edits]) == ("predecessor", [(DELETE,)])


class TestSigned:
    def test_what_is_signed_leaves_as_one_verified_document_that_takes_the_drafts_place(
        self, hospital: Hospital, tmp_path: Path
    ) -> None:
        read = hospital.read(109)
        drafted = lines_of(read.report, None)
        lines = [replace(drafted[0], text="Small right pleural effusion."), *drafted[1:]]
        made = hospital.sign(read, [*lines, Line(section=Section.CONCLUSIONS, text="Written by hand: 胸.")])
        path = tmp_path / "signed.dcm"
        path.write_bytes(hospital.bytes_of(made.location))
        assert complaints(path.read_bytes(), signed=True) == ()
        assert validators.dciodvfy_errors(path) == []
        dataset = dcmread(path)
        assert (dataset.VerificationFlag, dataset.PreliminaryFlag) == ("VERIFIED", "FINAL")
        (observer,) = dataset.VerifyingObserverSequence
        assert (str(observer.VerifyingObserverName), observer.VerifyingOrganization) == ("Weiss^Anna", "Example Clinic")
        (study,) = dataset.PredecessorDocumentsSequence
        former = {one.ReferencedSOPInstanceUID for series in study.ReferencedSeriesSequence
                  for one in series.ReferencedSOPSequence}  # fmt: skip
        assert former == {one.sop_instance_uid for one in read.objects.values()}
        texts = [each.TextValue for _, each in items(dataset) if "TextValue" in each]
        assert texts[1].startswith("Report signed by Weiss Anna, Example Clinic, 2026-03-04")
        history = hospital.edits.history(read.job.job_id)
        assert history is not None
        told = [line for line in history.text.splitlines() if line not in {"Findings:", "Conclusions:"}]
        assert texts[2 : 2 + len(told)] == told
        assert history.text == hospital.ledger.reviews(read.study)[0].text
        assert hospital.edits.breaks() == ()

    def test_it_is_an_echo_when_it_comes_back(self, hospital: Hospital) -> None:
        read = hospital.read(110)
        made = hospital.sign(read, lines_of(read.report, None))
        assert hospital.shelf.keep(hospital.bytes_of(made.location)) == [Admission.ECHO]
        assert take_back(hospital.services) == 0


CHEST = read_template(OURS / "chest-radiograph.html")


class TestSignedForm:
    """A filled form goes with the signed text, as codes, by the same person."""

    def fill(self, hospital: Hospital, read: Read) -> Submitted:
        answers = prefill(CHEST, read.report)
        values = {name: answer.value for name, answer in answers.items()}
        said = {"effusion-left": ("Moderate",), "nodule": ("Present",), "nodule-size": 12.5, "conclusion": "Erguß."}
        filled = Filled(template=CHEST, values={**values, **said}, normal=frozenset({"lungs"}))
        phrases = TemplateShelf(OURS / "none").phrases("en")
        form = Submitted(filled=filled, told=narrative(filled, phrases), touched=frozenset({"effusion-left"}))
        hospital.fill(read, form, answers)
        return form

    def lines(self, hospital: Hospital, read: Read) -> list[Line]:
        return list(lines_of(read.report, hospital.edits.history(read.job.job_id)))

    def references(self, dataset: Dataset, sequence: str) -> set[str]:
        return {one.ReferencedSOPInstanceUID for study in dataset[sequence].value
                for series in study.ReferencedSeriesSequence for one in series.ReferencedSOPSequence}  # fmt: skip

    def test_it_is_verified_as_the_text_is_and_reads_back_to_the_answers(
        self, hospital: Hospital, tmp_path: Path
    ) -> None:
        read = hospital.read(111)
        form = self.fill(hospital, read)
        text = hospital.sign(read, self.lines(hospital, read), forms=[1])
        (made,) = hospital.made(read, f"{FORM_ROLE}chest-radiograph")
        path = tmp_path / "form.dcm"
        path.write_bytes(hospital.bytes_of(made.location))
        assert complaints(path.read_bytes(), signed=True) == ()
        assert validators.dciodvfy_errors(path) == []
        assert decode(path.read_bytes(), CHEST) == form.filled
        dataset, beside = dcmread(path), dcmread(BytesIO(hospital.bytes_of(text.location)))
        same = (
            "CompletionFlag", "VerificationFlag", "PreliminaryFlag", "VerifyingObserverSequence", "StudyInstanceUID",
            "CurrentRequestedProcedureEvidenceSequence", "PredecessorDocumentsSequence",
        )  # fmt: skip
        assert {name: dataset.get(name) for name in same} == {name: beside.get(name) for name in same}
        assert (dataset.VerificationFlag, dataset.SOPClassUID) == ("VERIFIED", ComprehensiveSRStorage)
        assert dataset.SeriesInstanceUID != beside.SeriesInstanceUID
        texts = [each.TextValue for _, each in items(dataset) if "TextValue" in each]
        assert "Moderate left pleural effusion." in texts
        assert any(each.startswith("Report signed by Weiss Anna, Example Clinic") for each in texts)
        drafts = {one.sop_instance_uid for one in read.objects.values()}
        assert self.references(dataset, "PredecessorDocumentsSequence") == drafts
        assert hospital.edits.breaks() == ()
        assert hospital.shelf.keep(path.read_bytes()) == [Admission.ECHO]

    def test_an_addendum_makes_the_next_instance_of_it(self, hospital: Hospital) -> None:
        read = hospital.read(112)
        form = self.fill(hospital, read)
        hospital.sign(read, self.lines(hospital, read), forms=[1])
        assert add(hospital.desk(read), "Called the ward.", seen=1)
        hospital.write()
        first, second = hospital.made(read, f"{FORM_ROLE}chest-radiograph")
        dataset = dcmread(BytesIO(hospital.bytes_of(second.location)))
        assert second.series_instance_uid == first.series_instance_uid
        assert self.references(dataset, "PredecessorDocumentsSequence") == {first.sop_instance_uid}
        assert decode(hospital.bytes_of(second.location), CHEST) == form.filled
        assert any("Called the ward." in each.get("TextValue", "") for _, each in items(dataset))

    def test_what_was_not_named_or_does_not_stand_does_not_leave(self, hospital: Hospital) -> None:
        read = hospital.read(113)
        self.fill(hospital, read)
        changed = [replace(line, text=line.text.replace("Moderate", "Large"), was=number)
                   for number, line in enumerate(self.lines(hospital, read))]  # fmt: skip
        with pytest.raises(Refused, match="no longer says what the form Chest radiograph says"):
            hospital.sign(read, changed, forms=[1])
        hospital.sign(read, changed)
        assert hospital.made(read, f"{FORM_ROLE}chest-radiograph") == []

    def test_a_destination_can_leave_it_out(self, hospital: Hospital) -> None:
        read = hospital.read(114)
        self.fill(hospital, read)
        with hospital.destination(replace(PACS, profile=PRESETS["text-only"])):
            hospital.sign(read, self.lines(hospital, read), forms=[1])
        roles = {one.delivery.role for one in hospital.deliveries(read)}
        assert (SIGNED_ROLE in roles, f"{FORM_ROLE}chest-radiograph" in roles) == (True, False)
        assert len(hospital.made(read, f"{FORM_ROLE}chest-radiograph")) == 1

    def test_an_edit_of_it_is_compared_with_what_it_said(self, hospital: Hospital) -> None:
        read = hospital.read(115)
        self.fill(hospital, read)
        hospital.sign(read, self.lines(hospital, read), forms=[1])
        (made,) = hospital.made(read, f"{FORM_ROLE}chest-radiograph")
        signed = replace(read, objects={"form": made}, files={"form": hospital.bytes_of(made.location)})
        found = back(
            hospital,
            edited(
                signed, "form", reworded("Moderate left pleural effusion.", "Large left pleural effusion."), ours=True
            ),
        )
        assert (found.matched_by, [edit.classes for edit in found.edits]) == ("predecessor", [(SEVERITY,)])


# --- segmentations, boxes of viewers, assessments --------------------------------------------------------


EFFUSION_CALLED = "Pleural effusion (pleura)"


def images_of(read: Read) -> list[Dataset]:
    """The slices, as the workstation has them."""
    number = next(n for n in range(200, 300) if uid("scanned study", n) == read.study)
    return redrawn.slices(read.study, f"scanned {number}")


def larger_effusion(kind: str = "BINARY") -> Callable[[Read], Dataset]:
    voxels = redrawn.voxels()
    voxels[2, 5, 1:4] = 1
    return lambda read: redrawn.by_highdicom(images_of(read), {EFFUSION_CALLED: voxels}, kind)


def our_segmentation_redrawn(read: Read) -> Dataset:
    """By a tool that keeps the object and its tracking UIDs, Device UID included, and names what it started from."""
    dataset = redrawn.by_hand(read.files["segmentation"], name=f"kept {read.study}")
    ours = dcmread(BytesIO(read.files["segmentation"]))
    dataset.DeviceUID = ours.DeviceUID
    pictures = redrawn.frames(dataset)
    pictures[0][2, 1] = 0
    redrawn.with_frames(dataset, pictures)
    dataset.SegmentSequence[0].SegmentLabel = "Effusion, not old blood"
    return dataset


def another_structure(read: Read) -> Dataset:
    liver = redrawn.voxels()[:, ::-1].copy()
    liver[liver > 0] = 1
    return redrawn.by_highdicom(images_of(read), {EFFUSION_CALLED: redrawn.voxels(), "Liver": liver})


def on_another_grid(read: Read) -> Dataset:
    dataset = our_segmentation_redrawn(read)
    dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].PixelSpacing = [3, 3]
    return dataset


OUTLINE, ACCEPTED, REJECTED = EditClass.OUTLINE, EditClass.ACCEPTED, EditClass.REJECTED
BOX = (1.0, 2.0, 4.0, 6.0)


def ohif(*boxes: tuple[int, tuple[float, float, float, float]], **how: Any) -> Callable[[Read], Dataset]:
    """Boxes on these slices; `tracked`: under our tracking UIDs."""
    tracked = how.pop("tracked", False)

    def make(read: Read) -> Dataset:
        images = [UID(one.SOPInstanceUID) for one in images_of(read)]
        uids = [read.report.findings[1].tracking_uid] if tracked else []
        return drawn_by_ohif([(images[at], box) for at, box in boxes], read.study, tracking_uids=uids, **how)

    return make


NODULE_CODE, RIGHT_LUNG = concept("27925004", "SCT", "Nodule"), concept("3341006", "SCT", "Right lung")
SCANS = {
    "a segment larger": Case(larger_effusion(), (OUTLINE,), by="images"),
    "a segment larger, fractional": Case(larger_effusion("FRACTIONAL"), (OUTLINE,), by="images"),
    "a segment larger, as a label map": Case(larger_effusion("LABELMAP"), (OUTLINE,), by="images"),
    "a segment smaller, with another name": Case(our_segmentation_redrawn, (OUTLINE, REWORD), by="tracking UID"),
    "a segment more": Case(another_structure, (INSERT,), by="images"),
    "a box moved": Case(ohif((1, (2, 3, 5, 7)), finding=NODULE_CODE), (OUTLINE,), by="place on the image"),
    "a box as it was": Case(ohif((1, BOX)), (), by="place on the image"),
    "a box moved, tracked": Case(ohif((1, (3, 6, 5, 8)), tracked=True), (OUTLINE,), by="tracking UID"),
    "a box said to be elsewhere": Case(
        ohif((1, BOX), finding=NODULE_CODE, sites=[RIGHT_LUNG]), (LATERALITY,), by="place on the image"
    ),
    "a box said to be something else": Case(
        ohif((1, BOX), finding=concept("36118008", "SCT", "Pneumothorax")), (REWORD,), by="place on the image"
    ),
    "a box more": Case(ohif((1, BOX), (2, (0, 0, 3, 3))), (INSERT,), by="place on the image"),
    "accepted": Case(
        lambda read: assessed([read.objects["segmentation"]], read.study, "PASSED"), (ACCEPTED,), by="predecessor"
    ),
    "rejected": Case(
        lambda read: assessed([read.objects["tid1500"]], read.study, "FAILED", "wrong side"), (REJECTED,),
        by="predecessor",
    ),
}  # fmt: skip


class TestMarks:
    @pytest.mark.parametrize("name", SCANS)
    def test_what_a_workstation_drew_or_judged_is_matched_classed_and_logged_and_nothing_is_read(
        self, name: str, hospital: Hospital
    ) -> None:
        case = SCANS[name]
        read = hospital.scan(200 + list(SCANS).index(name))
        before = readings(hospital)
        found = back(hospital, case.made(read))
        assert (found.job_id, found.matched_by) == (read.job.job_id, case.by), found.words
        assert tuple(sorted({kind for edit in found.edits for kind in edit.classes})) == tuple(sorted(case.classes))
        history = hospital.edits.history(read.job.job_id)
        assert [one.beside for one in (history.revisions if history else ())] == ([found.edits] if found.edits else [])
        assert hospital.edits.breaks() == ()
        assert readings(hospital) == before
        assert not hospital.ledger.open_studies()

    def test_the_words_give_voxels_dice_and_volume_before_and_after(self, hospital: Hospital) -> None:
        read = hospital.scan(220)
        found = back(hospital, larger_effusion()(read))
        assert found.person == "Weiss^Anna"
        assert found.words.endswith(
            "edited by a person, 1 edit (outline 1); Pleural effusion (pleura): Dice 0.923, 3 pixels added, 0 removed, "
            "0.0135 ml before, 0.01575 ml now"
        )
        assert found.edits[0].before == "Pleural effusion (pleura): 0.0135 ml, 18 pixels."

    def test_one_on_another_grid_is_matched_and_the_reason_is_said(self, hospital: Hospital) -> None:
        read = hospital.scan(221)
        found = back(hospital, on_another_grid(read))
        assert (found.job_id, found.edits) == (read.job.job_id, ())
        assert "its pixels are compared with nothing, because its pixels are of another size than ours" in found.words

    def test_another_program_s_segmentation_of_the_same_images_has_nothing_to_do_with_us(
        self, hospital: Hospital
    ) -> None:
        read = hospital.scan(222)
        dataset = redrawn.by_highdicom(images_of(read), {"effusion": redrawn.voxels()}, automatic=True)
        assert hospital.shelf.keep(part10(dataset)) == [Admission.NEW]
        assert take_back(hospital.services) == 1
        assert hospital.ledger.returned(read.study) == []

    def test_a_workstation_that_kept_our_device_uid_sends_no_echo_and_our_own_object_is_one(
        self, hospital: Hospital
    ) -> None:
        read = hospital.scan(223)
        kept = our_segmentation_redrawn(read)
        ours = hospital.shelf.keep(read.files["segmentation"], own_devices=[kept.DeviceUID])
        assert ours == [Admission.ECHO]
        assert hospital.shelf.keep(part10(kept), own_devices=[kept.DeviceUID]) == [Admission.NEW]
        assert take_back(hospital.services) == 1

    def test_a_verdict_that_the_standard_does_not_know_is_said_and_not_guessed(self, hospital: Hospital) -> None:
        read = hospital.scan(224)
        found = back(hospital, assessed([read.objects["segmentation"]], read.study, "MODIFIED"))
        assert (found.job_id, found.edits) == (read.job.job_id, ())
        assert "MODIFIED, which is none of PASSED, INCONCLUSIVE, FAILED (PS3.3 C.33.1): it is kept only" in found.words

    def test_an_assessment_in_a_form_of_its_own_is_named_and_not_guessed(self, hospital: Hospital) -> None:
        read = hospital.scan(225)
        title = concept("AIRA-1", "99OTHER", "AI Result Assessment")
        verdict = item("CONTAINS", "CODE", concept("AIRA-2", "99OTHER", "Assessment"),
                       ConceptCodeSequence=[concept("AIRA-3", "99OTHER", "Accepted")])  # fmt: skip
        dataset = foreign(read, [verdict], follows=None, title=title)
        made = read.objects["tid1500"]
        dataset.CurrentRequestedProcedureEvidenceSequence = hierarchy(
            [(made.sop_class_uid, made.sop_instance_uid, made.series_instance_uid, read.study)]
        )
        found = back(hospital, dataset)
        assert (found.job_id, found.edits) == ("", ())
        assert '(AIRA-1, 99OTHER, "AI Result Assessment")' in found.words
        assert "says nothing of it in a form that is known here" in found.words

    def test_after_signing_it_is_kept_beside_and_the_log_stays_closed(self, hospital: Hospital) -> None:
        read = hospital.scan(226)
        hospital.sign(read, lines_of(read.report, None))
        found = back(hospital, larger_effusion()(read))
        assert found.edits
        assert found.words.endswith("kept beside the report, which was signed here meanwhile")

    def test_another_program_s_box_over_ours_has_nothing_to_do_with_us(self, hospital: Hospital) -> None:
        read = hospital.scan(227)
        dataset = ohif((1, BOX), person="")(read)
        assert hospital.shelf.keep(part10(dataset)) == [Admission.NEW]
        assert take_back(hospital.services) == 1
        assert hospital.ledger.returned(read.study) == []
