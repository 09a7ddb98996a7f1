from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone

import pytest
from sqlalchemy import text

from service.adapters.audit_chain import ChainedAudit, verify
from service.adapters.ledger import SqlLedger
from service.domain.audit import AuditEvent, AuditKind
from tests.contract.ledger.scene import NOON


def viewed(study: str = "1.2.3", *, at: datetime = NOON, detail: str = "") -> AuditEvent:
    return AuditEvent(
        at=at,
        kind=AuditKind.INSTANCES_ACCESSED,
        action="R",
        success=True,
        who="anna",
        where="127.0.0.1",
        study_instance_uid=study,
        detail=detail,
    )


@pytest.fixture
def filled(ledger: SqlLedger) -> SqlLedger:
    """Five rows in each of two chains."""
    for chain in ("scp", "web"):
        audit = ChainedAudit(ledger.database, process=chain)
        for number in range(5):
            audit.record(viewed(f"1.2.{number}", at=NOON + timedelta(seconds=number)))
    return ledger


def change(ledger: SqlLedger, statement: str) -> None:
    with ledger.database.write() as connection:
        connection.execute(text(statement))


def test_events_are_read_back_newest_first_over_all_processes(ledger: SqlLedger) -> None:
    scp, web = (ChainedAudit(ledger.database, process=name) for name in ("scp", "web"))
    first = viewed(detail="Überweisung")
    second = viewed(at=NOON + timedelta(seconds=1))
    scp.record(first)
    web.record(second)
    assert list(scp.recent()) == [second, first]
    assert list(web.recent(limit=1)) == [second]


def test_an_untouched_record_holds(filled: SqlLedger) -> None:
    assert verify(filled.database) == ()


def test_an_instant_in_any_zone_is_the_same_instant(ledger: SqlLedger) -> None:
    audit = ChainedAudit(ledger.database, process="web")
    audit.record(viewed(at=NOON.astimezone(timezone(timedelta(hours=5, minutes=30)))))
    assert audit.recent()[0].at == NOON
    assert verify(ledger.database) == ()


@pytest.mark.parametrize(
    ("statement", "seq", "why"),
    [
        ("UPDATE audit SET who = 'berta' WHERE chain = 'web' AND seq = 3", 3, "changed"),
        ("UPDATE audit SET at = at + 1 WHERE chain = 'web' AND seq = 3", 3, "changed"),
        ("UPDATE audit SET success = NOT success WHERE chain = 'web' AND seq = 5", 5, "changed"),
        ("UPDATE audit SET chain = 'new' WHERE chain = 'web'", 1, "changed"),
        ("DELETE FROM audit WHERE chain = 'web' AND seq = 2", 2, "missing"),
        ("DELETE FROM audit WHERE chain = 'web' AND seq = 1", 1, "missing"),
    ],
)
def test_what_was_changed_or_removed_is_found(filled: SqlLedger, statement: str, seq: int, why: str) -> None:
    change(filled, statement)
    first = verify(filled.database)[0]
    assert first.seq == seq
    assert why in first.why


def test_a_row_that_was_replaced_by_a_well_made_one_breaks_the_next(filled: SqlLedger, ledger: SqlLedger) -> None:
    forger = ChainedAudit(ledger.database, site="forged", process="web")
    for number in range(3):
        forger.record(viewed(f"1.2.{number}"))
    change(filled, "DELETE FROM audit WHERE site = 'main' AND chain = 'web' AND seq = 3")
    change(filled, "UPDATE audit SET site = 'main' WHERE site = 'forged' AND seq = 3")
    assert {found.seq for found in verify(filled.database)} == {3, 4}


def test_a_tail_that_was_cut_off_is_found_by_the_next_seal(filled: SqlLedger) -> None:
    text_ = ChainedAudit(filled.database, process="sweep").seal(at=NOON)
    assert "web#5=" in text_
    assert verify(filled.database) == ()
    change(filled, "DELETE FROM audit WHERE chain = 'web' AND seq >= 4")
    (found,) = verify(filled.database)
    assert (found.chain, found.seq) == ("web", 5)


@pytest.mark.parametrize(
    "detail", ["seal ", "seal []", 'seal ["x"]', 'seal {"a": 1}', "seal [[1]]", "seal \x00"[:5] + "#"]
)
def test_a_text_that_looks_like_a_seal_breaks_nothing(ledger: SqlLedger, detail: str) -> None:
    ChainedAudit(ledger.database, process="web").record(viewed(detail=detail))
    assert verify(ledger.database) == ()


def test_threads_and_processes_of_one_name_make_one_chain(
    ledger: SqlLedger, open_ledger: Callable[..., SqlLedger]
) -> None:
    audits = [ChainedAudit(database, process="web") for database in (ledger.database, open_ledger().database)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: audits[n % 2].record(viewed(f"1.2.{n}")), range(24)))
    assert len(audits[0].recent()) == 24
    assert verify(ledger.database) == ()
