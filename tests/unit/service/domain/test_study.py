"""Instances and studies as real headers describe them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian

from service.domain.study import Identity, Instance, Patient, StoredInstance, Study, age_years

ODD = ["", "--5", "+-5", "²", "1²", "٣", "1e3", "5 ", "9" * 13, "0x10", "\x00"]


def instance(number: str = "1", frames: str = "1", uid: str = "1.2.3") -> Instance:
    return Instance(
        sop_class_uid=CTImageStorage,
        sop_instance_uid=UID(uid),
        series_instance_uid=UID("1.2"),
        study_instance_uid=UID("1"),
        transfer_syntax_uid=ExplicitVRLittleEndian,
        attributes={"InstanceNumber": number, "NumberOfFrames": frames},
    )


def study(*instances: Instance) -> Study:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    return Study(
        study_instance_uid=UID("1"),
        identity=Identity(),
        identity_version=1,
        source="s",
        received_first=now,
        received_last=now,
        instances=tuple(StoredInstance(instance=i, location="main:x", sha256="0", size=1) for i in instances),
    )


@pytest.mark.parametrize("odd", ODD)
def test_an_odd_number_in_a_header_stops_nobody(odd: str) -> None:
    assert instance(frames=odd).frames == 1
    (members,) = study(instance("2", uid="1.2"), instance(odd, uid="1.3"), instance("-1", uid="1.4")).series().values()
    assert [stored.instance.sop_instance_uid for stored in members] == ["1.4", "1.3", "1.2"]
    assert age_years(Identity(), {"PatientAge": f"{odd}Y"}) is None


@pytest.mark.parametrize(("text", "years"), [("045Y", 45.0), ("006M", 0.5), ("000D", 0.0)])
def test_an_age_string_is_an_age(text: str, years: float) -> None:
    assert age_years(Identity(), {"PatientAge": text}) == years


def test_the_birth_date_goes_before_the_age_string() -> None:
    born = Identity(patient=Patient(birth_date="19700301"), study_date="20260301")
    assert round(age_years(born, {"PatientAge": "001Y"}) or 0) == 56
