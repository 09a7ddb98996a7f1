"""Numbers of what people made of drafts change with what they count, and are the same counted anew."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from service.adapters.dismissals_sql import SqlDismissals
from service.adapters.edit_chain import ChainedEdits
from service.adapters.ledger.counting import SqlCounting
from service.domain.edit import Revision, Suggestion, text_digest
from service.domain.job import Step
from service.domain.quality.dismissal import Dismissal
from service.domain.quality.issue import Kind
from service.domain.rejection import Reason
from service.domain.report import Outcome, Report, Section
from service.domain.review import Observer
from service.domain.tally import Count
from service.flow.count import recount, wrong_counts
from service.flow.record import report_json
from service.flow.review import Line, draft_text, lines_of, named
from service.flow.sign import Desk, reject, sign
from tests.contract.ledger.scene import NOON, Scene, study_uid
from tests.support.web_records import ALGORITHM, draft

MODEL, PROMPT = named(ALGORITHM), "9f" * 32
REPORT = draft(1)
TEXT = draft_text(REPORT)


@dataclass
class Ward:
    """A ledger with readings of one model, and what is counted of them."""

    scene: Scene
    edits: ChainedEdits
    counts: SqlCounting

    def read(self, study: int = 1, report: Report = REPORT) -> Desk:
        ledger = self.scene.ledger
        self.scene.receive(1, study=study)
        self.scene.hand_over("chest", study=study)
        claim = self.scene.claim()
        step = Step(
            ordinal=1, kind="draft", algorithm="chest", answer="{}", error="", model_digest=ALGORITHM.digest,
            prompt_digest=PROMPT, attempt=claim.job.attempt, started_at=NOON, took_s=1.0,
        )  # fmt: skip
        assert ledger.keep_step(claim.job.job_id, step)
        algorithms = [{"name": a.name, "version": a.version, "digest": a.digest} for a in report.algorithms]
        assert ledger.finish_job(
            claim.job, outcome=report.outcome, reason=report.reason, report=report_json(report), objects=(),
            provenance=json.dumps({"algorithms": algorithms}), destinations=(), now=NOON,
        )  # fmt: skip
        record = ledger.job(claim.job.job_id)
        assert record is not None
        observer = Observer(name="Weiß^Anna", organization="Clinic")
        return Desk(record=record, observer=observer, signing=ledger, edits=self.edits, now=NOON)

    def sign(self, desk: Desk, *lines: str) -> None:
        made = [Line(section=Section.FINDINGS, text=text) for text in lines]
        kept = sign(desk, REPORT, made, base_sha256=text_digest(TEXT), seconds=5.0, accepted=0)
        assert kept

    def suggest(self, desk: Desk, *, taken: int, unsupported: tuple[str, ...] = ()) -> None:
        suggestion = Suggestion(section="findings", start=3, text=' "taken": 0', taken=taken, unsupported=unsupported)
        same = text_digest(TEXT)
        assert self.edits.record(
            Revision(
                study_instance_uid=desk.study, job_id=desk.record.reading, model=MODEL, adapter="", reviewer="anna",
                at=NOON, seconds=1.0, before_sha256=same, after_sha256=same, edits=(), suggestion=suggestion,
            ),
            draft=TEXT,
        )  # fmt: skip

    def numbers(self, prompt: str = PROMPT) -> Mapping[str, int]:
        return {each.what: each.number for each in self.counts.counts() if (each.model, each.prompt) == (MODEL, prompt)}

    def wrong(self) -> list[str]:
        return list(wrong_counts(self.counts, self.scene.ledger, self.scene.ledger, self.edits))


@pytest.fixture
def ward(scene: Scene) -> Ward:
    database = scene.ledger.database
    return Ward(scene, ChainedEdits(database, process="web"), SqlCounting(database, "main"))


def test_a_signed_report_is_counted_sentence_by_sentence_and_class_by_class(ward: Ward) -> None:
    ward.sign(ward.read(), "Small right pleural effusion.", "Enlarged heart, 162 mm across.", "Old rib fracture.")
    assert ward.numbers() == {
        "drafts": 1, "signed": 1, "edited": 1, "laterality": 1, "unchanged": 1, "removed": 2, "delete": 2, "added": 1,
        "insert": 1,
    }  # fmt: skip
    assert ward.wrong() == []


def test_suggestions_dismissals_and_rejected_drafts_are_counted_once(ward: Ward) -> None:
    first, second = ward.read(1), ward.read(2)
    ward.suggest(first, taken=4)
    ward.suggest(first, taken=0, unsupported=("“left”: not seen",))
    log = SqlDismissals(ward.scene.ledger.database)
    issue = Dismissal(
        study_instance_uid=str(study_uid(1)), job_id=first.record.reading, kind=Kind.LATERALITY, key="k",
        reviewer="anna", at=NOON,
    )  # fmt: skip
    log.dismiss(issue)
    log.dismiss(issue)
    assert ward.numbers()["dismissed laterality"] == 1
    assert log.restore(issue)
    assert ward.numbers()["dismissed laterality"] == 0
    assert ward.wrong() == []
    log.dismiss(issue)
    assert reject(second, REPORT, "Wrong.", Reason.QUALITY, base_sha256=text_digest(TEXT))
    assert ward.numbers() == {"drafts": 2, "rejected drafts": 1, "dismissed laterality": 1}
    assert ward.numbers(prompt="") == {"suggestions answered": 2, "suggestions taken": 1, "suggestions flagged": 1}
    assert ward.wrong() == []


def test_what_was_read_of_nothing_and_what_was_encoded_again_is_no_draft(ward: Ward) -> None:
    unread = Report(
        outcome=Outcome.FAILED, algorithms=(ALGORITHM,), procedure=REPORT.procedure, images=REPORT.images,
        reason="the model did not answer",
    )  # fmt: skip
    ward.read(1, unread)
    ward.sign(ward.read(2), *(line.text for line in lines_of(REPORT, None)))
    ward.scene.finish(ward.scene.claim())
    assert ward.numbers()["drafts"] == 1
    assert ward.wrong() == []


def test_a_number_that_was_changed_is_found_and_set_right(ward: Ward) -> None:
    ward.sign(ward.read(), "Small left pleural effusion.")
    right = ward.counts.counts()
    ward.counts.replace([*right[:-1], Count(model="m", what="drafts", number=3)])
    assert len(ward.wrong()) == 2
    ledger = ward.scene.ledger
    ward.counts.replace(recount(ward.counts, ledger, ledger, ward.edits))
    assert ward.counts.counts() == right
    assert ward.wrong() == []
