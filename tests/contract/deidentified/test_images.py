"""An image that leaves has the attributes of the basic profile replaced: by a list that is not the library's."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
from pydicom import Dataset, dcmread
from pydicom.datadict import keyword_dict
from pydicom.uid import CTImageStorage, SecondaryCaptureImageStorage

from service.adapters.deidentified import burned_in, deidentified, known_of, read
from service.domain.errors import Refused, Unreadable
from service.domain.pseudonym import Pseudonyms
from service.domain.scrub import Known
from tests.support.instances import instance, part10, uid

OURS, OTHERS = Pseudonyms(b"k" * 32), Pseudonyms(b"o" * 32)
CANARY = "Zwölfenbrink"
REMOVED = (
    "AccessionNumber", "AcquisitionComments", "AdditionalPatientHistory", "AdmissionID",
    "AdmittingDiagnosesDescription", "Allergies", "BranchOfService", "CountryOfResidence",
    "CurrentPatientLocation", "DeviceSerialNumber", "EthnicGroup", "FrameComments", "ImageComments",
    "InstitutionAddress", "InstitutionName", "InstitutionalDepartmentName", "IssuerOfPatientID",
    "MedicalAlerts", "MilitaryRank", "NameOfPhysiciansReadingStudy", "Occupation", "OperatorsName",
    "OtherPatientIDs", "OtherPatientNames", "PatientAddress", "PatientBirthName", "PatientComments",
    "PatientInstitutionResidence", "PatientMotherBirthName", "PatientReligiousPreference", "PatientState",
    "PatientTelephoneNumbers", "PerformedProcedureStepDescription", "PerformedProcedureStepID",
    "PerformedStationName", "PerformingPhysicianName", "PhysiciansOfRecord", "ReasonForStudy",
    "ReferringPhysicianName", "RegionOfResidence", "RequestedProcedureDescription", "RequestedProcedureID",
    "RequestingPhysician", "RequestingService", "ResponsibleOrganization", "ResponsiblePerson",
    "ScheduledProcedureStepDescription", "SeriesDescription", "SmokingStatus", "StationName", "StudyComments",
    "StudyDescription", "StudyID", "TextComments", "VisitComments",
)  # fmt: skip
"""Of table E.1-1, chosen by hand: those that radiographs and CTs of real scanners carry."""


def full() -> Dataset:
    """An image whose every attribute of that list, at two depths, in a private block and on a plane, names somebody."""
    made = instance(PatientName=f"{CANARY}^Adalgisa", PatientID="QX-9917733", PatientBirthDate="19410317")
    _fill(made)
    item = Dataset()
    _fill(item)
    item.ReferencedSOPInstanceUID = uid("another image")
    item.ReferencedSOPClassUID = CTImageStorage
    made.ReferencedImageSequence = [item]
    made.RequestAttributesSequence = [item]
    kept = Dataset()
    kept.PatientName = f"{CANARY}^Nested"
    kept.ContentDate = "20260102"
    made.SharedFunctionalGroupsSequence = [kept]
    made.private_block(0x0011, CANARY, create=True).add_new(0x01, "LO", CANARY)
    made.add_new(0x60004000, "LT", CANARY)
    made.add_new(0x60003000, "OW", b"\1\0" * 4)
    return made


def _fill(dataset: Dataset) -> None:
    for keyword in REMOVED:
        try:
            setattr(dataset, keyword, f"{CANARY} {keyword}"[:16])
        except (ValueError, TypeError):
            setattr(dataset, keyword, "NO")


def made_of(image: Dataset, pseudonyms: Pseudonyms = OURS) -> tuple[bytes, Dataset]:
    file = read(BytesIO(part10(image)))
    out = deidentified(file, pseudonyms, patient="QX-9917733", known=known_of(file))
    return out, dcmread(BytesIO(out))


def elements(dataset: Dataset) -> Iterator[Any]:
    yield from dataset.iterall()


def test_of_the_main_attributes_of_the_profile_none_is_left_at_any_depth() -> None:
    out, image = made_of(full())
    tags = {keyword_dict[keyword] for keyword in REMOVED}
    left = {each.keyword: each.value for each in elements(image) if each.tag in tags and each.value}
    assert {str(value) for value in left.values()} <= {"ANONYMIZED"}, left
    assert not [each for each in elements(image) if each.tag.is_private or each.tag.group in range(0x6000, 0x6100)]
    for spelled in (CANARY, CANARY.upper(), "Adalgisa", "QX-9917733", "19410317"):
        for encoding in ("utf-8", "latin-1"):
            assert spelled.lower().encode(encoding) not in out.lower()


def test_the_image_says_what_was_done_and_is_still_one() -> None:
    before, (_, image) = full(), made_of(full())
    assert (image.PatientIdentityRemoved, image.LongitudinalTemporalInformationModified) == ("YES", "MODIFIED")
    assert [each.CodeValue for each in image.DeidentificationMethodCodeSequence] == ["113100", "113107"]
    assert image.PatientName == image.PatientID
    assert image.PatientID.startswith("patient-")
    assert (image.PixelData, image.Rows, image.Modality) == (before.PixelData, before.Rows, before.Modality)
    assert image.file_meta.MediaStorageSOPInstanceUID == image.SOPInstanceUID


def test_uids_and_dates_are_the_same_again_under_one_key_and_others_under_another() -> None:
    (first, one), (again, _), (_, other) = made_of(full()), made_of(full()), made_of(full(), OTHERS)
    assert first == again
    for keyword in ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "PatientID", "StudyDate"):
        assert one[keyword].value != other[keyword].value
        assert one[keyword].value != full()[keyword].value
    assert one.ReferencedImageSequence[0].ReferencedSOPInstanceUID == OURS.uid(uid("another image"))
    assert one.ReferencedImageSequence[0].ReferencedSOPClassUID == CTImageStorage
    assert one.StudyDate == one.SharedFunctionalGroupsSequence[0].ContentDate == OURS.date("20260102", "QX-9917733")
    assert not one.PatientBirthDate


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        ({}, "not stated"),
        ({"BurnedInAnnotation": "NO"}, "no"),
        ({"SOPClassUID": SecondaryCaptureImageStorage, "BurnedInAnnotation": "NO"}, "no"),
    ],
)
def test_what_the_header_says_of_text_in_the_pixels_is_handed_on(attributes: dict[str, Any], said: str) -> None:
    assert burned_in(instance(**attributes)) == said


@pytest.mark.parametrize(
    ("attributes", "why"),
    [
        ({"BurnedInAnnotation": "YES"}, "burned into"),
        ({"SOPClassUID": SecondaryCaptureImageStorage}, "does not say"),
        ({"RecognizableVisualFeatures": "YES"}, "recognised"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.88.33"}, "document"),
    ],
)
def test_an_image_that_may_have_text_in_its_pixels_is_refused(attributes: dict[str, Any], why: str) -> None:
    with pytest.raises(Refused, match=why):
        burned_in(instance(**attributes))


def test_what_cannot_be_read_is_refused_and_what_is_left_of_a_person_is_found() -> None:
    with pytest.raises(Unreadable):
        read(BytesIO(b"no image"))
    known = Known(names=frozenset({f"{CANARY}^A"}))
    hidden = read(BytesIO(part10(instance(ConvolutionKernel="ZWOELFENBRINK K"))))
    assert not dcmread(BytesIO(deidentified(hidden, OURS, patient="1", known=known))).ConvolutionKernel
    pixels = instance(PixelData=CANARY.encode("latin-1").ljust(128, b"\0"))
    with pytest.raises(Refused, match="bytes"):
        deidentified(read(BytesIO(part10(pixels))), OURS, patient="1", known=known)
