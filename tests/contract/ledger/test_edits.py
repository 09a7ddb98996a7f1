"""The edit log: kept in order, for good, and made again to the last space."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from service.adapters.edit_chain import ChainedEdits
from service.adapters.ledger import SqlLedger
from service.domain.aligned import edits
from service.domain.edit import EditClass, History, Provenance, Revision, Suggestion, marked, text_digest
from service.domain.phrase import Told
from service.domain.report import Section
from service.domain.submitted import Submitted
from tests.contract.ledger.scene import NOON
from tests.support.forms import every_kind, fills

DRAFT = "Findings:\nSmall left pleural effusion.\nNo pneumothorax.\n"
FIRST = DRAFT.replace("left", "right")
SECOND = f"{FIRST}Überlagerung durch Kabel.\n"


def revision(before: str, after: str, *, job: str = "1", who: str = "anna", minutes: float = 0) -> Revision:
    return Revision(
        study_instance_uid="1.2.3", job_id=job, model="chest_demo 1", adapter="", reviewer=who,
        at=NOON + timedelta(minutes=minutes), seconds=12.5, before_sha256=text_digest(before),
        after_sha256=text_digest(after), edits=edits(before, after), accepted=1,
    )  # fmt: skip


@pytest.fixture
def log(ledger: SqlLedger) -> ChainedEdits:
    return ChainedEdits(ledger.database, process="web")


def change(ledger: SqlLedger, statement: str) -> None:
    with ledger.database.write() as connection:
        connection.execute(text(statement))


def test_a_report_that_nobody_touched_has_no_history(log: ChainedEdits) -> None:
    assert log.history("1") is None


def test_revisions_are_read_back_and_make_the_final_text(log: ChainedEdits) -> None:
    first, second = revision(DRAFT, FIRST), revision(FIRST, SECOND, who="berta", minutes=1)
    assert log.record(first, draft=DRAFT)
    assert log.record(second, draft=DRAFT)
    history = log.history("1")
    assert history == History(draft=DRAFT, revisions=(first, second))
    assert history.text == SECOND
    assert history.revisions[0].edits[0].classes == (EditClass.LATERALITY,)
    assert [span.provenance for span in history.spans] == [
        Provenance.AI, Provenance.EDITED, Provenance.AI, Provenance.HUMAN
    ]  # fmt: skip
    assert log.breaks() == ()


def test_a_form_is_kept_with_the_sentences_that_it_put_there(log: ChainedEdits) -> None:
    *_, filled = fills(every_kind(), 2)
    form = Submitted(filled=filled, told=(Told(section=Section.FINDINGS, text="Überlagerung durch Kabel."),),
                     touched=frozenset({"words"}))  # fmt: skip
    plain = revision(DRAFT, f"{DRAFT}Überlagerung durch Kabel.\n")
    said = replace(plain, edits=marked(plain.edits, {3: (Provenance.AI, ("cable",))}), form=form)
    assert log.record(said, draft=DRAFT)
    assert log.record(revision(said_text := f"{DRAFT}Überlagerung durch Kabel.\n", FIRST), draft=DRAFT)
    history = log.history("1")
    assert history is not None
    assert history.revisions[0] == said
    assert replace(history, revisions=(said,)).text == said_text
    span = replace(history, revisions=(said,)).spans[-1]
    assert (span.provenance, span.findings) == (Provenance.AI, ("cable",))
    assert log.breaks() == ()


def test_what_was_made_of_a_suggestion_is_a_row_of_its_own_that_changes_no_text(
    log: ChainedEdits, ledger: SqlLedger
) -> None:
    suggestion = Suggestion(section="findings", start=40, text=" left.", taken=5, unsupported=("“left”: not seen",))
    answered = replace(revision(FIRST, FIRST, minutes=1), suggestion=suggestion)
    first, last = revision(DRAFT, FIRST), revision(FIRST, SECOND, minutes=2)
    for each in (first, answered, last):
        assert log.record(each, draft=DRAFT)
    history = log.history("1")
    assert history == History(draft=DRAFT, revisions=(first, answered, last))
    assert (history.text, history.saves) == (SECOND, (first, last))
    assert log.breaks() == ()
    change(ledger, "update edit_log set edits = replace(edits, '\"taken\": 5', '\"taken\": 0')")
    assert log.breaks() == ("web, revision 2: the row was changed",)


def test_of_two_people_at_one_text_the_second_is_told_and_nothing_is_lost(
    log: ChainedEdits, open_ledger: Callable[..., SqlLedger]
) -> None:
    other = ChainedEdits(open_ledger().database, process="web 2")
    assert log.record(revision(DRAFT, FIRST), draft=DRAFT)
    assert other.record(revision(DRAFT, SECOND, who="berta"), draft=DRAFT) is None
    history = other.history("1")
    assert history is not None
    assert history.text == FIRST


def test_many_at_once_make_one_history_and_whole_chains(
    log: ChainedEdits, open_ledger: Callable[..., SqlLedger]
) -> None:
    logs = [log, ChainedEdits(open_ledger().database, process="web 2")]

    def save(number: int) -> bool:
        made = revision(DRAFT, f"{DRAFT}{number}.\n", job=str(number // 4))
        return logs[number % 2].record(made, draft=DRAFT) is not None

    with ThreadPoolExecutor(4) as pool:
        saved = list(pool.map(save, range(16)))
    assert [sum(saved[at : at + 4]) for at in range(0, 16, 4)] == [1, 1, 1, 1]
    assert log.breaks() == ()


def test_edits_that_do_not_make_their_text_are_not_kept(log: ChainedEdits) -> None:
    made = revision(DRAFT, FIRST)
    wrong = Revision(**{name: getattr(made, name) for name in Revision.__slots__} | {"after_sha256": "0" * 64})
    with pytest.raises(ValueError, match="do not make"):
        log.record(wrong, draft=DRAFT)
    assert log.history("1") is None


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE edit_log SET reviewer = 'carla' WHERE seq = 1",
        "UPDATE edit_log SET seconds = 1.0 WHERE seq = 2",
        "UPDATE edit_log SET edits = '[]' WHERE seq = 2",
        "UPDATE edit_log SET draft = 'x' WHERE seq = 1",
        "DELETE FROM edit_log WHERE seq = 1",
    ],
)
def test_what_was_changed_or_removed_is_found(log: ChainedEdits, ledger: SqlLedger, statement: str) -> None:
    log.record(revision(DRAFT, FIRST), draft=DRAFT)
    log.record(revision(FIRST, SECOND), draft=DRAFT)
    assert log.breaks() == ()
    change(ledger, statement)
    assert log.breaks()
