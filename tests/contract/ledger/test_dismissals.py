"""Dismissed issues: kept once for each job, brought back by a further row, and counted by kind."""

from __future__ import annotations

from sqlalchemy import select

from service.adapters.dismissals_sql import SqlDismissals
from service.adapters.ledger import SqlLedger, schema
from service.domain.quality.dismissal import Dismissal, key_of
from service.domain.quality.issue import Kind
from tests.contract.ledger.scene import NOON


def dismissal(words: str, *, job: str = "1", kind: Kind = Kind.TYPO) -> Dismissal:
    key = key_of("typo.spelling", words)
    return Dismissal(study_instance_uid="1.2.3", job_id=job, kind=kind, key=key, reviewer="anna", at=NOON)


def test_an_issue_is_dismissed_once_and_counted_by_its_kind(ledger: SqlLedger) -> None:
    kept = SqlDismissals(ledger.database)
    assert (kept.keys("1"), dict(kept.counts())) == (frozenset(), {})
    for each in (dismissal("plerual"), dismissal("plerual"), dismissal("x"), dismissal("right", kind=Kind.LATERALITY)):
        kept.dismiss(each)
    kept.dismiss(dismissal("plerual", job="2"))
    assert kept.keys("1") == {key_of("typo.spelling", words) for words in ("plerual", "x", "right")}
    assert dict(kept.counts()) == {"typo": 3, "laterality": 1}


def test_an_issue_is_brought_back_and_dismissed_again_and_no_row_is_lost(ledger: SqlLedger) -> None:
    kept, issue = SqlDismissals(ledger.database), dismissal("plerual")
    assert not kept.restore(issue), "what is not dismissed cannot be brought back"
    kept.dismiss(issue)
    kept.dismiss(dismissal("x"))
    assert [kept.restore(issue), kept.restore(issue)] == [True, False]
    assert (kept.keys("1"), dict(kept.counts())) == ({key_of("typo.spelling", "x")}, {"typo": 1})
    kept.dismiss(issue)
    kept.dismiss(issue)
    assert (len(kept.keys("1")), dict(kept.counts())) == (2, {"typo": 2})
    with ledger.database.read() as connection:
        rows = (
            connection.execute(select(schema.dismissal.c.kind).order_by(schema.dismissal.c.issue_key)).scalars().all()
        )
    assert sorted(rows) == ["-typo", "typo", "typo", "typo"]
    kept.restore(issue)
    kept.restore(dismissal("x"))
    assert (kept.keys("1"), dict(kept.counts())) == (frozenset(), {})
