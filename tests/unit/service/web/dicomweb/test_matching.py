"""What a search asks for is what it finds, and nothing beside it (PS3.4 C.2.2.2)."""

from __future__ import annotations

import pytest

from service.web.dicomweb.matching import matches

CASES = [
    ("PatientID", "4711", ["4711"], True),
    ("PatientID", "4711", ["47112"], False),
    ("PatientID", "471*", ["47112"], True),
    ("PatientID", "47?1", ["4711"], True),
    ("PatientID", "ab1", ["AB1"], False),
    ("PatientID", "4.11", ["4711"], False),
    ("PatientName", "müller^anna", ["Müller^Anna^^"], True),
    ("PatientName", "Müller", ["Müller^Anna"], False),
    ("PatientName", "*anna*", ["Müller^Anna"], True),
    ("PatientName", "山田*", ["Yamada^Tarou=山田^太郎=やまだ^たろう"], True),
    ("StudyDate", "20260102", ["20260102"], True),
    ("StudyDate", "20260101-20260131", ["20260102"], True),
    ("StudyDate", "20260101-", ["20251231"], False),
    ("StudyDate", "-20260101", ["20251231"], True),
    ("StudyDate", "20260101-", [], False),
    ("StudyTime", "1011", ["101112.000"], True),
    ("StudyTime", "1000-1012", ["101212"], True),
    ("StudyInstanceUID", "1.2.3,1.2.4", ["1.2.4"], True),
    ("StudyInstanceUID", "1.2.3\\1.2.4", ["1.2.4"], True),
    ("StudyInstanceUID", "1.2.*", ["1.2.4"], False),
    ("ModalitiesInStudy", "CT", ["MR", "CT"], True),
    ("ModalitiesInStudy", "PT\\CT", ["CT"], True),
    ("SeriesNumber", "02", [2], True),
    ("SeriesNumber", "two", [2], False),
]


@pytest.mark.parametrize(("keyword", "wanted", "values", "fits"), CASES)
def test_a_value_is_compared_as_its_kind_of_value_is(
    keyword: str, wanted: str, values: list[str | int], fits: bool
) -> None:
    assert matches(keyword, wanted, values) is fits
