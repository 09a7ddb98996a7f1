"""Dismissed issues: kept once for each job, and counted by kind."""

from __future__ import annotations

from service.adapters.dismissals_sql import SqlDismissals
from service.adapters.ledger import SqlLedger
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
