"""Which earlier study may be compared with: certainly of this patient, and at hand where the reading is urgent."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import UID

from service.domain.prior import Chosen, PriorNode, PriorStudy, choose, comparable, same_patient
from service.domain.study import Identity, Patient

ANNA = Patient(patient_id="P1", issuer="CLINIC", name="Müller^Anna", birth_date="19600102", sex="F")
NOW = Identity(patient=ANNA, study_date="20260301", study_time="101500")
NODE = PriorNode(name="archive", url="dicomweb+http://archive", max_age=timedelta(days=730))
HERE = UID("1.2.3")


def a_prior(day: str = "20250101", patient: Patient = ANNA, **what: Any) -> PriorStudy:
    identity = Identity(patient=patient, study_date=day, study_time=what.pop("time", ""))
    usual = {"study_instance_uid": UID(f"1.2.4.{int(day)}"), "modalities": ("CR",)}
    return PriorStudy(**usual | what, identity=identity)


def chosen(*found: PriorStudy, stat: bool = False, current: Identity = NOW) -> Chosen:
    return choose(found, current, HERE, modality="CR", node=NODE, stat=stat)


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ({}, True),
        ({"name": "Schmidt^Anna"}, True),
        ({"birth_date": ""}, True),
        ({"name": "MÜLLER^ANNA^^"}, True),
        ({"issuer": "ELSEWHERE"}, False),
        ({"issuer": ""}, False),
        ({"patient_id": "P2"}, False),
        ({"birth_date": "19600103"}, False),
        ({"sex": "M"}, False),
        ({"name": "", "birth_date": ""}, False),
        ({"name": "Schmidt^Anna", "birth_date": ""}, False),
    ],
)
def test_a_person_is_an_identifier_of_one_issuer_and_a_birth_date_or_a_name(other: dict[str, str], same: bool) -> None:
    assert same_patient(ANNA, replace(ANNA, **other)) is same


patients = st.builds(
    Patient,
    patient_id=st.sampled_from(["", "P1", "P2"]),
    issuer=st.sampled_from(["", "A", "B"]),
    name=st.sampled_from(["", "Müller^Anna", "Schmidt^Berta"]),
    birth_date=st.sampled_from(["", "19600102", "19700102"]),
    sex=st.sampled_from(["", "F", "M"]),
)


@given(patients, patients)
def test_one_person_has_one_identifier_of_one_issuer_whichever_way_one_asks(one: Patient, other: Patient) -> None:
    assert same_patient(one, other) == same_patient(other, one)
    if same_patient(one, other):
        assert (one.patient_id, one.issuer) == (other.patient_id, other.issuer)
        assert one.issuer


def test_the_newest_earlier_study_is_chosen() -> None:
    found = chosen(a_prior("20240601"), a_prior("20250601"), a_prior("20250101"))
    assert found.study is not None
    assert found.study.day == "2025-06-01"
    assert found.notes == ()


@pytest.mark.parametrize(
    "study",
    [
        a_prior("20260302"),
        a_prior("20260301"),
        a_prior("20260301", time="111500"),
        a_prior("20200101"),
        a_prior("20250101", modalities=("CT",)),
        a_prior("20250101", study_instance_uid=HERE),
    ],
)
def test_what_is_not_earlier_too_old_of_another_modality_or_the_study_itself_is_none(study: PriorStudy) -> None:
    assert chosen(study).study is None


@pytest.mark.parametrize(("modality", "others"), [("CR", ("CR", "DX")), ("DX", ("DX", "CR")), ("CT", ("CT",))])
def test_radiographs_of_both_kinds_of_detector_are_comparable(modality: str, others: tuple[str, ...]) -> None:
    assert comparable(modality) == others


def test_an_earlier_study_of_the_same_day_counts_where_both_state_a_time() -> None:
    assert chosen(a_prior("20260301", time="081500")).study is not None


def test_without_a_study_date_nothing_is_earlier() -> None:
    assert chosen(a_prior(), current=replace(NOW, study_date="")).study is None


def test_a_possible_study_is_named_and_never_used() -> None:
    found = chosen(a_prior(patient=replace(ANNA, issuer="ELSEWHERE")))
    assert found.study is None
    assert "1 earlier study is possibly of this patient and not used" in found.notes[0]
    assert "knows none that is certainly of this patient" in found.notes[1]


def test_an_urgent_reading_does_not_wait_for_a_nearline_study_and_says_so() -> None:
    nearline, online = a_prior("20250601", at_hand=False), a_prior("20240601")
    urgent = chosen(nearline, online, stat=True)
    assert urgent.study == online
    assert urgent.notes == (
        "an earlier study of 2025-06-01 is not online and was not waited for, because this reading is urgent",
    )
    assert chosen(nearline, stat=True).study is None
    assert chosen(nearline, online).study == nearline
