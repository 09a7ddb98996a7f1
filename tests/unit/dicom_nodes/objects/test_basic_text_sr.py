"""Basic Text SR: what a person reads at any workstation."""

from dataclasses import replace
from io import BytesIO

from pydicom import dcmread
from pydicom.dataset import Dataset

from dicom_nodes.objects import basic_text_sr
from dicom_nodes.objects.context import EncodingContext
from service.domain import code
from service.domain.report import Report, Section, Sentence
from tests.support.reports import (
    A_PREDECESSOR,
    CHEST_MODEL,
    EFFUSION,
    NO_PNEUMOTHORAX,
    NODULE,
    NODULE_MODEL,
    a_context,
    a_finding,
    a_normal_report,
    a_partial_report,
    a_report,
    a_report_of_two_views,
    an_image,
    an_unread_report,
    two_algorithms_report,
)


def encoded(report: Report, context: EncodingContext | None = None) -> Dataset:
    return dcmread(BytesIO(basic_text_sr.encode(report, context or a_context())))


def concept(item: Dataset) -> str:
    return str(item.ConceptNameCodeSequence[0].CodeMeaning)


def sections(dataset: Dataset) -> dict[str, list[Dataset]]:
    """Texts by heading."""
    return {concept(i): list(i.ContentSequence) for i in dataset.ContentSequence if i.ValueType == "CONTAINER"}


def texts(dataset: Dataset, heading: str) -> list[str]:
    return [item.TextValue for item in sections(dataset)[heading]]


def images(item: Dataset) -> list[tuple[str, str]]:
    return [(concept(i), i.ReferencedSOPSequence[0].ReferencedSOPInstanceUID) for i in item.get("ContentSequence", ())]


def test_the_document_is_a_diagnostic_imaging_report_by_tid_2000() -> None:
    dataset = encoded(a_report())
    assert dataset.ConceptNameCodeSequence[0].CodeValue == "18748-4"
    assert dataset.ContentTemplateSequence[0].TemplateIdentifier == "2000"
    assert list(sections(dataset)) == ["Summary", "Findings", "Conclusions", "Current Procedure Descriptions"]


def test_basic_text_holds_neither_numbers_nor_coordinates() -> None:
    def value_types(item: Dataset) -> set[str]:
        below = item.get("ContentSequence", ())
        return {item.ValueType}.union(*(value_types(each) for each in below))

    assert value_types(encoded(a_report())) <= {"CONTAINER", "TEXT", "CODE", "UIDREF", "IMAGE"}


def test_each_sentence_is_inferred_from_the_images_of_the_findings_it_cites() -> None:
    second = replace(NODULE, evidence=(an_image(2), an_image(1)))
    findings = sections(encoded(a_report(findings=(EFFUSION, second, NO_PNEUMOTHORAX))))
    effusion, nodule, *_ = findings["Findings"]
    assert effusion.TextValue == "Small left pleural effusion."
    assert images(effusion) == [("Best illustration of finding", an_image(1).sop_instance_uid)]
    assert [uid for _, uid in images(nodule)] == [an_image(2).sop_instance_uid, an_image(1).sop_instance_uid]
    (conclusion,) = findings["Conclusions"]
    assert [uid for _, uid in images(conclusion)] == [an_image(1).sop_instance_uid, an_image(2).sop_instance_uid]


def test_a_sentence_on_one_frame_refers_to_that_frame() -> None:
    framed = replace(EFFUSION, evidence=(an_image(1, frame=7),))
    dataset = encoded(a_report(findings=(framed, NODULE, NO_PNEUMOTHORAX)))
    (reference,) = sections(dataset)["Findings"][0].ContentSequence[0].ReferencedSOPSequence
    assert reference.ReferencedFrameNumber == 7


def test_a_negative_reading_lists_what_was_looked_for_and_on_which_images() -> None:
    dataset = encoded(a_normal_report())
    (looked_for,) = sections(dataset)["Findings"]
    assert looked_for.TextValue == "Looked for and not found: Pneumothorax (pleura), Cardiomegaly (heart)."
    assert images(looked_for) == [("Source of Measurement", an_image(1).sop_instance_uid)]
    assert "Images read: 2 (DX CHEST PA, DX CHEST LL)." in texts(dataset, "Current Procedure Descriptions")


def test_a_finding_that_no_sentence_states_is_stated_all_the_same() -> None:
    unsaid = a_finding(
        "cardiomegaly", code.CARDIOMEGALY, site=code.HEART, severity=code.MODERATE, probability=0.7,
        measurements=NODULE.measurements,
    )  # fmt: skip
    dataset = encoded(replace(a_report(), findings=(EFFUSION, NODULE, NO_PNEUMOTHORAX, unsaid)))
    expected = "Cardiomegaly (heart): severity moderate, diameter 12.4 mm, certainty 70 %."
    assert expected in texts(dataset, "Findings")


def test_what_is_absent_on_one_image_and_present_on_another_is_not_called_absent() -> None:
    lateral = a_finding("nodule-2", code.NODULE, present=False, evidence=(an_image(2),))
    other_side = a_finding(
        "effusion-right", code.PLEURAL_EFFUSION, present=False, site=code.PLEURA, laterality=code.RIGHT
    )
    dataset = encoded(a_report(findings=(EFFUSION, NODULE, NO_PNEUMOTHORAX, lateral, other_side)))
    said = "Looked for and not found: Pneumothorax (pleura), Pleural effusion (right pleura)."
    assert said in texts(dataset, "Findings")


def test_a_report_that_was_not_analysed_is_one_line() -> None:
    dataset = encoded(an_unread_report())
    found = sections(dataset)
    assert list(found) == ["Summary"]
    (line,) = found["Summary"]
    assert line.TextValue.startswith("NOT ANALYSED BY AI: view position is LL; the model reads PA, AP.")


def test_a_partial_report_says_what_is_missing_first() -> None:
    (line,) = texts(encoded(a_partial_report()), "Summary")
    assert "INCOMPLETE: image 2 of 2 could not be decoded" in line


def test_a_partial_report_without_a_finding_still_says_what_was_read() -> None:
    dataset = encoded(a_partial_report(findings=(), sentences=()))
    assert list(sections(dataset)) == ["Summary", "Current Procedure Descriptions"]


def test_the_provenance_names_every_model_with_version_and_short_digest() -> None:
    sentence = texts(encoded(two_algorithms_report()), "Current Procedure Descriptions")[1]
    for algorithm in (CHEST_MODEL, NODULE_MODEL):
        assert f"{algorithm.name} {algorithm.version} (sha256 {algorithm.digest[:12]})" in sentence
    assert "preread 0.1.0" in sentence


def test_a_successor_names_what_it_replaces() -> None:
    dataset = encoded(a_report(), a_context(predecessors=(A_PREDECESSOR,)))
    assert f"Replaces the AI draft {A_PREDECESSOR.sop_instance_uid}." in texts(
        dataset, "Current Procedure Descriptions"
    )


def test_many_images_are_counted_by_kind_and_unknown_ones_by_class() -> None:
    report = a_report(images=(an_image(1), an_image(1), an_image(3), an_image(4)))
    first = texts(encoded(report), "Current Procedure Descriptions")[0]
    assert first == "Images read: 3 (DX CHEST PA, 2 x Digital X-Ray Image Storage - For Presentation)."


def test_the_language_is_that_of_the_sentences() -> None:
    dataset = encoded(a_report(language="de-AT"), a_context(language="en"))
    language = next(item for item in dataset.ContentSequence if concept(item).startswith("Language"))
    value = language.ConceptCodeSequence[0]
    assert (value.CodeValue, value.CodingSchemeDesignator, value.CodeMeaning) == ("de-AT", "RFC5646", "German")


def test_sentences_keep_their_lines_and_lose_what_a_screen_cannot_show() -> None:
    said = Sentence(
        section=Section.FINDINGS, text="Erguß\x00 links\x1b[31m.\n\u202eHerz normal – µ €\ud800", findings=("nodule-1",)
    )
    assert texts(encoded(a_report(sentences=(said,))), "Findings")[0] == "Erguß links[31m.\r\nHerz normal – µ €"


def test_a_sentence_of_nothing_printable_is_marked() -> None:
    said = Sentence(section=Section.FINDINGS, text="\x00 \r\n", findings=("nodule-1",))
    assert texts(encoded(a_report(sentences=(said,))), "Findings")[0] == "(no text)"


def test_what_a_reader_must_know_of_the_reading_stands_below_the_notice() -> None:
    notice, note = texts(encoded(a_report_of_two_views()), "Summary")
    assert notice.startswith("AI DRAFT")
    assert note == "12 of 118 slices were read."


def test_a_side_that_is_not_the_sites_is_told_apart() -> None:
    told = texts(encoded(a_report_of_two_views()), "Findings")
    assert "Central venous catheter (right, superior vena cava)." in told
    assert "Enlarged (mediastinum)." in told
