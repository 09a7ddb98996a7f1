"""`preread edits`: the log is looked at, counted and exported; each act is in the audit record."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from pydicom import dcmread

from service.domain.edit import text_digest
from service.domain.report import Section
from service.domain.review import Observer
from service.domain.tally import Count
from service.flow.record import report_json
from service.flow.review import Line, draft_text
from service.flow.sign import Desk, sign
from service.ports.services import Services
from tests.support.returns import report_on
from tests.unit.service.cli.conftest import PHANTOM, Preread


@pytest.fixture
def signed(services: Services, study: str) -> str:
    """The study's reading, drafted and signed with one side changed."""
    claim = services.ledger.claim_job("worker", lease=timedelta(minutes=5))
    assert claim is not None
    report, now = report_on(dcmread(PHANTOM), 1), services.clock.now()
    named = [{"name": a.name, "version": a.version, "digest": a.digest} for a in report.algorithms]
    assert services.ledger.finish_job(
        claim.job, outcome=report.outcome, reason="", report=report_json(report), objects=(), destinations=(), now=now,
        provenance=json.dumps({"algorithms": named}),
    )  # fmt: skip
    record = services.catalogue.job(claim.job.job_id)
    assert record is not None
    observer = Observer(name="Weiss^Anna", organization="Example Clinic")
    desk = Desk(record=record, observer=observer, signing=services.signing, edits=services.edits, now=now)
    lines = [Line(section=Section.FINDINGS, text="Small right pleural effusion.")]
    base = text_digest(draft_text(report))
    assert sign(desk, report, lines, base_sha256=base, seconds=4.0, accepted=0)
    return study


def test_a_signed_report_is_counted_verified_and_exported(
    preread: Preread, services: Services, signed: str, tmp_path: Path
) -> None:
    assert preread("edits", "verify").code == 0
    told = [json.loads(line) for line in preread("edits", "count", "--json").out.splitlines()]
    assert {each["what"]: each["number"] for each in told} == {
        "drafts": 1, "signed": 1, "edited": 1, "laterality": 1, "removed": 3, "delete": 3
    }  # fmt: skip
    out = tmp_path / "out"
    said = preread("edits", "export", "--out", out, "--images")
    assert said.code == 0, said.err
    assert "1 report and 1 image" in said.out
    (line,) = [json.loads(text) for text in (out / "edits.jsonl").read_text().splitlines()]
    assert line["final"]["sentences"][0]["classes"] == []
    assert line["draft"]["sentences"][0]["classes"] == ["laterality"]
    patient = services.ledger.study(signed).identity.patient  # type: ignore[arg-type, union-attr]
    for file in (file for file in out.rglob("*") if file.is_file()):
        for word in (signed, patient.patient_id, patient.name.split("^")[0], "Weiss"):
            assert word.lower().encode() not in file.read_bytes().lower(), (file, word)
    again = preread("edits", "export", "--out", out)
    assert (again.code, "finished export" in again.err) == (1, True)
    details = [event.detail for event in services.trail.recent() if "export" in event.detail]
    assert len(details) >= 2


def test_wrong_numbers_are_named_and_set_right(preread: Preread, services: Services, signed: str) -> None:
    services.counts.replace([Count(model="m", what="drafts", number=9)])
    said = preread("edits", "verify")
    assert said.code == 1
    assert "drafts is kept as 9 and counted as 0" in said.out
    assert "--rebuild" in said.err
    assert preread("edits", "count", "--rebuild").code == 0
    assert preread("edits", "verify").code == 0
