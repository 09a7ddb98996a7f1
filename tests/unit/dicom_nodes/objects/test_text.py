"""Names, texts and dates of any origin come out as DICOM takes them, and come back as they were."""

import unicodedata
from dataclasses import replace
from datetime import datetime
from io import BytesIO
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread

from dicom_nodes.objects import basic_text_sr, text
from service.domain.report import Section, Sentence
from service.domain.study import Identity, Patient
from tests.support.reports import AN_IDENTITY, a_context, a_report

ANYTHING = st.text(st.characters(), max_size=200)


def shown_as(identity: Identity) -> tuple[str, str, str]:
    dataset = dcmread(BytesIO(basic_text_sr.encode(a_report(), a_context(identity=identity))))
    assert dataset.SpecificCharacterSet == "ISO_IR 192"
    return str(dataset.PatientName), str(dataset.ReferringPhysicianName), str(dataset.get("StudyDescription", ""))


@pytest.mark.parametrize(
    "name",
    [
        "Müller-Lüdenscheidt^Jürgen^^Dr.",
        "Иванов^Пётр^Сергеевич",
        "Wang^XiaoDong=王^小东",
        "Yamada^Tarou=山田^太郎=やまだ^たろう",
        "=山田^太郎",
        "Ğöçü^Şeyda",
    ],
)
def test_a_name_in_any_script_comes_back_as_it_was(name: str) -> None:
    identity = replace(AN_IDENTITY, patient=Patient(name=name), referring_physician=name)
    assert shown_as(identity)[:2] == (name, name)


@given(name=ANYTHING, description=ANYTHING, identifier=ANYTHING, said=ANYTHING)
def test_whatever_a_header_or_a_model_holds_becomes_a_readable_object(
    name: str, description: str, identifier: str, said: str
) -> None:
    identity = Identity(
        patient=Patient(patient_id=identifier, name=name, birth_date=identifier, sex=name, issuer=description),
        study_description=description,
        accession_number=identifier,
        study_date=said,
        study_time=said,
        requests=((identifier, name),),
    )
    sentence = Sentence(section=Section.FINDINGS, text=said, findings=("nodule-1",))
    report = a_report(sentences=(sentence,))
    dataset = dcmread(BytesIO(basic_text_sr.encode(report, a_context(identity=identity, institution=name))))
    assert str(dataset.PatientName) == text.person_name(name)
    assert dataset.PatientID == text.long_string(identifier)
    assert dataset.AccessionNumber == text.short_string(identifier)
    assert dataset.get("StudyDescription", "") == text.long_string(description)
    findings = next(i for i in dataset.ContentSequence if i.ConceptNameCodeSequence[0].CodeMeaning == "Findings")
    assert findings.ContentSequence[0].TextValue == (text.paragraph(said) or "(no text)")


@given(ANYTHING)
def test_one_line_values_fit_and_hold_no_separator_or_control(value: str) -> None:
    for made, limit in ((text.long_string(value), 64), (text.short_string(value), 16)):
        assert len(made) <= limit
        assert made == made.strip()
        assert "\\" not in made
        assert not any(unicodedata.category(c) in ("Cc", "Cs") for c in made)


@given(ANYTHING)
def test_a_name_has_at_most_three_groups_of_five_components(value: str) -> None:
    groups = text.person_name(value).split("=")
    assert len(groups) <= 3
    assert all(len(group) <= 64 and group.count("^") <= 4 for group in groups)


@given(ANYTHING)
def test_a_paragraph_ends_its_lines_as_dicom_does(value: str) -> None:
    made = text.paragraph(value)
    assert "\n" not in made.replace("\r\n", "")
    assert text.paragraph(made) == made


@pytest.mark.parametrize(
    ("value", "written"),
    [("19500102", "19500102"), ("1950.01.02", "19500102"), ("19500231", ""), ("1950", ""), ("", ""), ("١٩٥٠٠١٠٢", "")],
)
def test_a_date_is_written_or_left_out(value: str, written: str) -> None:
    assert text.date(value) == written


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("101112", "101112"),
        ("10", "10"),
        ("101112.123456", "101112.123456"),
        ("10:11:12", "101112"),
        ("256000", ""),
        ("noon", ""),
    ],
)
def test_a_time_is_written_or_left_out(value: str, written: str) -> None:
    assert text.time(value) == written


@pytest.mark.parametrize(("value", "written"), [("M", "M"), (" f", "F"), ("O", "O"), ("W", ""), ("", "")])
def test_a_sex_that_dicom_does_not_enumerate_is_left_out(value: str, written: str) -> None:
    assert text.sex(value) == written


@pytest.mark.parametrize(
    ("zone", "offset"),
    [("Europe/Berlin", "+0200"), ("America/St_Johns", "-0230"), ("UTC", "+0000"), ("Asia/Kathmandu", "+0545")],
)
def test_an_offset_is_signed_hours_and_minutes(zone: str, offset: str) -> None:
    assert text.zone_offset(datetime(2024, 7, 1, tzinfo=ZoneInfo(zone))) == offset
