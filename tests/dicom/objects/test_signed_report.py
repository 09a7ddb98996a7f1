"""A signed report as others read it: verified, final, by whom, and in the place of the draft."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from io import BytesIO
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from pydicom import dcmread

from dicom_nodes.objects.signed_report import encode
from dicom_nodes.objects.structure import complaints
from service.domain.report import Section
from service.domain.review import Observer, Review, Signed, Statement, Verdict
from tests.support import validators
from tests.support.reports import A_PREDECESSOR, a_context, a_report

AT = datetime(2026, 3, 4, 9, 30, tzinfo=ZoneInfo("Europe/Berlin"))
SIGNATURE = Review(
    study_instance_uid="1.2", job_id="1", number=1, verdict=Verdict.SIGNED, at=AT, text="Findings:\nÜber all.\n",
    observer=Observer(name="Weiß^Anna", organization="Example Clinic"),
    statements=(
        Statement(section=Section.FINDINGS, text="Small effusion.", findings=(a_report().findings[0].tracking_id,)),
        Statement(section=Section.CONCLUSIONS, text="Written by hand."),
    ),
)  # fmt: skip
ADDENDUM = replace(
    SIGNATURE, number=2, verdict=Verdict.ADDED, statements=(), text="Called at 10:00.\nTwice.",
    observer=Observer(name="Keller^Max", organization="Example Clinic"),
)  # fmt: skip


@pytest.mark.parametrize("signed", [Signed(signature=SIGNATURE), Signed(signature=SIGNATURE, addenda=(ADDENDUM,))])
def test_a_signed_report_passes_every_validator(signed: Signed, tmp_path: Path) -> None:
    path = tmp_path / "signed.dcm"
    path.write_bytes(encode(signed, a_report(), a_context(predecessors=(A_PREDECESSOR,))))
    assert complaints(path.read_bytes(), signed=True) == ()
    assert validators.dciodvfy_errors(path) == []
    dumped = validators.dsrdump(path)
    assert "Written by hand." in dumped
    assert "Weiß" in dumped
    assert ("Called at 10:00." in dumped) is bool(signed.addenda)


def test_it_names_who_verified_it_for_whom_and_when_and_what_it_takes_the_place_of() -> None:
    signed = Signed(signature=SIGNATURE, addenda=(ADDENDUM,))
    dataset = dcmread(BytesIO(encode(signed, a_report(), a_context(predecessors=(A_PREDECESSOR,)))))
    assert (dataset.CompletionFlag, dataset.VerificationFlag, dataset.PreliminaryFlag) == (
        "COMPLETE", "VERIFIED", "FINAL",
    )  # fmt: skip
    assert [(str(one.VerifyingObserverName), one.VerifyingOrganization, one.VerificationDateTime)
            for one in dataset.VerifyingObserverSequence] == [
        ("Weiß^Anna", "Example Clinic", "20260304093000+0100"), ("Keller^Max", "Example Clinic", "20260304093000+0100")
    ]  # fmt: skip
    series = dataset.PredecessorDocumentsSequence[0].ReferencedSeriesSequence[0]
    assert series.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == A_PREDECESSOR[1]
    assert "preliminary" not in dataset.SeriesDescription


def test_the_gate_lets_no_object_pass_as_what_it_is_not() -> None:
    part10 = encode(Signed(signature=SIGNATURE), a_report(), a_context())
    assert any("VerificationFlag is VERIFIED" in words for words in complaints(part10))
    nameless = replace(SIGNATURE, observer=Observer(name="", organization=""))
    wrong = complaints(encode(Signed(signature=nameless), a_report(), a_context()), signed=True)
    assert "a signature has no VerifyingObserverName" in wrong
