"""Rules against studies: what matches, and what is said where nothing does."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from pydicom.uid import (
    UID,
    BasicTextSRStorage,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    SecondaryCaptureImageStorage,
)

from service.domain.rule import Conditions, Forward, Mode, Rule, forwards, match
from service.domain.study import Identity, Instance, Patient, StoredInstance, Study

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 3, 1, 12, tzinfo=BERLIN)


def stored(
    series: str = "1.2.1", sop_class: UID = DigitalXRayImageStorageForPresentation, **attributes: str
) -> StoredInstance:
    instance = Instance(
        sop_class_uid=sop_class,
        sop_instance_uid=UID(f"{series}.9"),
        series_instance_uid=UID(series),
        study_instance_uid=UID("1.2"),
        transfer_syntax_uid=ExplicitVRLittleEndian,
        attributes={"Modality": "DX", "BodyPartExamined": "CHEST", "ViewPosition": "PA", **attributes},
    )
    return StoredInstance(instance=instance, location="main:x", sha256="0", size=1)


def study(*instances: StoredInstance, **identity: str) -> Study:
    return Study(
        study_instance_uid=UID("1.2"),
        identity=Identity(patient=Patient(birth_date="19700301"), study_date="20260301", **identity),
        identity_version=1,
        source="ct-er",
        received_first=NOON.astimezone(UTC),
        received_last=NOON.astimezone(UTC),
        instances=instances or (stored(),),
    )


def rule(**when: object) -> Rule:
    return Rule(name="r", protocol="p", mode=Mode.LIVE, when=Conditions(**when))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "when",
    [
        {"modality": ("CR", "DX")},
        {"body_part": ("chest", "THORAX*")},
        {"view": ("PA", "AP")},
        {"source": ("ct-*",)},
        {"tags": (("StationName", ("",)),)},
        {"min_age_years": 18.0, "max_age_years": 120.0},
        {"received_from": time(7), "received_until": time(19)},
        {"received_from": time(22), "received_until": time(12, 30)},
        {"max_study_age": timedelta(days=30)},
    ],
)
def test_a_rule_whose_clauses_all_hold_takes_the_series(when: dict[str, object]) -> None:
    found = match(rule(**when), study(), now=NOON)
    assert found.matched
    assert found.series == (UID("1.2.1"),)
    assert found.why_not == ""


@pytest.mark.parametrize(
    ("when", "said"),
    [
        ({"modality": ("CT",)}, "modality: wanted CT, found DX"),
        ({"body_part": ("HEAD",)}, "body part: wanted HEAD, found CHEST"),
        ({"view": ("LL",)}, "view: wanted LL, found PA"),
        ({"source": ("ward",)}, "source: wanted ward, found ct-er"),
        ({"tags": (("StationName", ("ER*",)),)}, "StationName: wanted ER*, found nothing"),
        ({"max_age_years": 17.0}, "age: wanted 0 to 17 years, found 56.0 years"),
        ({"received_from": time(19), "received_until": time(7)}, "received: wanted 19:00 to 07:00, found 12:00"),
    ],
)
def test_a_rule_that_does_not_match_names_the_clause_and_the_value(when: dict[str, object], said: str) -> None:
    found = match(rule(**when), study(), now=NOON)
    assert not found.matched
    assert said in found.why_not


def test_a_rule_that_is_off_matches_nothing_and_says_so() -> None:
    found = match(replace(rule(), mode=Mode.OFF), study(), now=NOON)
    assert not found.matched
    assert found.why_not == "the rule is off"


@pytest.mark.parametrize("sop_class", [BasicTextSRStorage, SecondaryCaptureImageStorage])
def test_an_object_that_is_no_image_triggers_only_by_name(sop_class: UID) -> None:
    subject = study(stored(sop_class=sop_class))
    assert not match(rule(), subject, now=NOON).matched
    assert match(rule(sop_class=(sop_class,)), subject, now=NOON).matched


def test_a_rule_takes_only_the_series_that_fit() -> None:
    subject = study(stored("1.2.1"), stored("1.2.2", Modality="CT"))
    assert match(rule(modality=("DX",)), subject, now=NOON).series == (UID("1.2.1"),)


def test_an_unknown_age_never_satisfies_an_age_limit() -> None:
    subject = replace(study(), identity=Identity())
    assert not match(rule(min_age_years=0.0), subject, now=NOON).matched


def test_an_old_study_is_left_alone() -> None:
    found = match(rule(max_study_age=timedelta(days=30)), study(), now=NOON + timedelta(days=40))
    assert "study age: wanted at most 30 days, found 39 days" in found.why_not or "40 days" in found.why_not


def test_an_original_goes_to_each_destination_once() -> None:
    rules = [
        Forward(destination="second"),
        Forward(destination="second", modality=("DX",)),
        Forward(destination="ct-only", modality=("CT",)),
    ]
    assert forwards(rules, source="ct-er", modality="DX") == ("second",)
