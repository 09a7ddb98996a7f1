"""Reports that would break invariant 9 cannot be built."""

from __future__ import annotations

import pytest
from pydicom.uid import UID

from service.domain import code
from service.domain.algorithm import Algorithm
from service.domain.report import DRAFT_NOTICE, Evidence, Finding, Outcome, Report, Section, Sentence, first_line
from service.domain.study import Identity, Patient
from service.domain.uids import derive_uid, is_uid

ALGORITHM = Algorithm(name="a", version="1", digest="d", device_uid=UID("2.25.1"), demo=True)
IMAGE = Evidence(sop_class_uid=UID("1.2"), sop_instance_uid=UID("1.3"), series_instance_uid=UID("1.4"))
FINDING = Finding(
    tracking_id="ptx", tracking_uid=UID("2.25.2"), concept=code.PNEUMOTHORAX, present=False, evidence=(IMAGE,)
)


def report(**given: object) -> Report:
    fields: dict[str, object] = {
        "outcome": Outcome.ANALYSED,
        "algorithms": (ALGORITHM,),
        "procedure": code.XR_PROCEDURE,
        "images": (IMAGE,),
        "findings": (FINDING,),
        "sentences": (Sentence(section=Section.FINDINGS, text="No pneumothorax.", findings=("ptx",)),),
    }
    return Report(**{**fields, **given})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "given",
    [
        {"sentences": (Sentence(section=Section.FINDINGS, text="All is well.", findings=()),)},
        {"sentences": (Sentence(section=Section.FINDINGS, text="No effusion.", findings=("eff",)),)},
        {"findings": (Finding(tracking_id="ptx", tracking_uid=UID("2.25.2"), concept=code.NODULE, present=True),)},
        {"outcome": Outcome.NOT_ANALYSED, "reason": "no"},
        {"outcome": Outcome.PARTIAL},
        {"sentences": (), "findings": ()},
    ],
)
def test_a_report_without_evidence_or_reason_cannot_be_built(given: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"report|sentence|reason|analysed"):
        report(**given)


def test_the_first_line_says_draft_and_demo() -> None:
    assert first_line(report()).startswith(DRAFT_NOTICE)
    assert "not for clinical use" in first_line(report())


def test_a_missing_reading_says_so_in_its_first_line() -> None:
    missing = report(outcome=Outcome.NOT_ANALYSED, findings=(), sentences=(), reason="the model server is away")
    assert first_line(missing) == "NOT ANALYSED BY AI: the model server is away. No radiologist has read this."


def test_what_is_only_enlarged_is_named_with_its_site() -> None:
    wide = Finding(
        tracking_id="w", tracking_uid=UID("2.25.1"), concept=code.ENLARGED, present=False, site=code.MEDIASTINUM
    )
    assert wide.named == "Enlarged (mediastinum)"
    heart = Finding(tracking_id="h", tracking_uid=UID("2.25.2"), concept=code.CARDIOMEGALY, present=True)
    assert heart.named == "Cardiomegaly"


def test_equal_parts_give_equal_uids_and_shifted_ones_do_not() -> None:
    assert derive_uid("a", "b") == derive_uid("a", "b")
    assert derive_uid("a", "b") != derive_uid("ab", "")
    assert is_uid(derive_uid("a", 1))


@pytest.mark.parametrize("text", ["", "1.", ".1", "1..2", "1.02", "1.2/../x", "1.2\n", "1" * 65, "1.2\x00"])
def test_what_is_no_uid_is_not_taken_for_one(text: str) -> None:
    assert not is_uid(text)


def test_an_archive_that_trims_a_name_has_the_same_person() -> None:
    ours = Identity(patient=Patient(patient_id="1", name="Doe^Jane^^"), accession_number="A")
    assert ours.same_person_and_order(Identity(patient=Patient(patient_id="1", name="DOE^JANE")))
    assert not ours.same_person_and_order(Identity(patient=Patient(patient_id="1", name="Roe^Jane")))
    assert not ours.same_person_and_order(Identity(accession_number="B"))
