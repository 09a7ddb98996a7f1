"""What a kill, a fork, a lock or a database that goes away leaves behind (invariant 1, fault rows 1, 3, 12)."""

import multiprocessing
import os
import shutil
import signal
import sqlite3
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection as Pipe
from pathlib import Path

import pytest
from sqlalchemy import Connection, event, insert, select
from sqlalchemy.exc import DBAPIError

from service.adapters.ledger import Database, SqlLedger, schema
from service.adapters.ledger.direct import run_on_sqlite
from service.domain.delivery import DeliveryEvent
from service.domain.errors import Unavailable
from service.ports.ledger import Admission
from tests.contract.ledger.postgresql import Cluster
from tests.contract.ledger.scene import BERTA, NOON, Scene, sop_uid, study_uid
from tests.support.waiting import PATIENCE_S, eventually


class Killed(Exception):
    """The process ends here."""


@contextmanager
def killed_at(ledger: SqlLedger, statement: int) -> Iterator[list[str]]:
    """Raise Killed instead of running the n-th statement; gives the statements that were run."""
    seen: list[str] = []

    def before(connection: object, cursor: object, text: str, *rest: object) -> None:
        if not text.startswith("BEGIN"):
            seen.append(text)
            if len(seen) == statement:
                raise Killed

    event.listen(ledger.database.engine, "before_cursor_execute", before)
    try:
        yield seen
    finally:
        event.remove(ledger.database.engine, "before_cursor_execute", before)


def admit(scene: Scene) -> Callable[[], object]:
    scene.associate()
    return lambda: scene.receive(1, forward_to=("archive",))


def correct(scene: Scene) -> Callable[[], object]:
    scene.read("archive")
    reception = scene.reception(
        1, version="b", identity=BERTA, same_pixels=True, replaces="1-1-a".ljust(64, "0"), forward_to=("archive",)
    )
    return lambda: scene.ledger.admit(reception)


def close(scene: Scene) -> Callable[[], object]:
    scene.associate()
    scene.receive(1)
    scene.receive(1, study=2)
    return lambda: scene.ledger.close_association("assoc", how="released", at=NOON)


def hand_over(scene: Scene) -> Callable[[], object]:
    scene.receive(1)
    scene.hand_over("chest")
    scene.receive(2)
    return lambda: scene.hand_over("chest", "other")


def finish(scene: Scene) -> Callable[[], object]:
    scene.read("archive")
    scene.receive(2)
    scene.hand_over("chest")
    claim = scene.claim()
    return lambda: scene.finish(claim, "archive", "workstation", objects=2)


def reidentify(scene: Scene) -> Callable[[], object]:
    scene.read("archive")
    return lambda: scene.ledger.reidentify(study_uid(), BERTA, source="ris", now=NOON)


def settle(scene: Scene) -> Callable[[], object]:
    scene.read("archive")
    (delivery,) = scene.owed()
    return lambda: scene.settle(delivery, DeliveryEvent.REFUSED)


@pytest.mark.parametrize("prepare", [admit, correct, close, hand_over, finish, reidentify, settle])
def test_a_kill_at_any_statement_leaves_nothing_half_done(
    scene: Scene, prepare: Callable[[Scene], Callable[[], object]]
) -> None:
    act = prepare(scene)
    before = scene.everything()
    for statement in range(1, 100):
        with killed_at(scene.ledger, statement) as seen:
            try:
                act()
            except Killed:
                pass
            else:
                assert len(seen) < statement
                break
        assert scene.everything() == before
    assert statement > 3
    assert scene.everything() != before


def _admit_from(url: str, acknowledged: Pipe, first: int) -> None:
    scene = Scene(SqlLedger(url))
    for number in range(first, 10_000):
        assert scene.receive(number, forward_to=("archive",)) == [Admission.NEW]
        acknowledged.send(number)


def nobody_writes(ledger: SqlLedger) -> bool:
    """Whether no transaction is open beside ours: PostgreSQL ends what its killed client had sent off."""
    if ledger.database.is_sqlite:
        return True
    others = "datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'"
    with ledger.database.read() as connection:
        return not connection.exec_driver_sql(f"SELECT count(*) FROM pg_stat_activity WHERE {others}").scalar_one()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_what_was_acknowledged_before_a_kill_is_there_after_it(scene: Scene, url: str) -> None:
    context = multiprocessing.get_context("fork")
    acknowledged: list[int] = []
    for first in (0.05, 0.11, 0.17):
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=_admit_from, args=(url, theirs, len(acknowledged) + 1))
        process.start()
        theirs.close()
        acknowledged.append(ours.recv())
        time.sleep(first)
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        try:
            while True:
                acknowledged.append(ours.recv())
        except EOFError:
            process.join()
        ours.close()
        eventually(lambda: nobody_writes(scene.ledger))
        known = [number for number in acknowledged if scene.ledger.find_instance(sop_uid(number)) is not None]
        assert known == acknowledged
        after = acknowledged[-1] + 1
        # The one that was under way either is there as a whole, or not at all.
        whole = scene.ledger.find_instance(sop_uid(after)) is not None
        assert len(scene.ledger.deliveries(limit=10_000)) == len(acknowledged) + whole
        if whole:
            acknowledged.append(after)


def _admit_beside_others(url: str, told: Pipe, senders: int) -> None:
    """Many senders at once, until the commit of a transaction that carries at least three of them: it never comes."""
    ledger, telling, gate = SqlLedger(url), threading.Lock(), threading.Barrier(senders)

    def sent_by(sender: int) -> None:
        gate.wait()
        for number in range(sender, 10_000, senders):
            Scene(ledger).receive(number, forward_to=("archive",))
            with telling:
                told.send(("acknowledged", number))

    @event.listens_for(ledger.database.engine, "commit")
    def kill(connection: Connection) -> None:
        beside = sqlite3.connect(str(ledger.database.url.database))
        known = {uid for (uid,) in beside.execute("SELECT sop_instance_uid FROM instance")}
        beside.close()
        added = connection.scalars(select(schema.instance.c.sop_instance_uid))
        carried = [uid for uid in added if uid not in known]
        if len(known) >= 20 and len(carried) >= 3:
            with telling:
                told.send(("carried", carried))
                os.kill(os.getpid(), signal.SIGKILL)

    for sender in range(senders):
        threading.Thread(target=sent_by, args=(sender,)).start()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_kill_before_the_commit_of_several_admissions_loses_none_that_was_acknowledged(
    migrated: Path, tmp_path: Path
) -> None:
    shutil.copy(migrated, file := tmp_path / "ledger.sqlite")
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_admit_beside_others, args=(f"sqlite:///{file}", theirs, 8))
    process.start()
    theirs.close()
    told = []
    with suppress(EOFError):
        while ours.poll(PATIENCE_S):
            told.append(ours.recv())
    process.join()
    assert process.exitcode == -signal.SIGKILL
    (carried,) = (uids for what, uids in told if what == "carried")
    acknowledged = [number for what, number in told if what == "acknowledged"]
    assert acknowledged
    ledger = SqlLedger(f"sqlite:///{file}")
    assert [number for number in acknowledged if ledger.find_instance(sop_uid(number)) is None] == []
    assert [uid for uid in carried if ledger.find_instance(uid) is not None] == []
    assert not {str(sop_uid(number)) for number in acknowledged} & set(carried)
    # Sent again, as their senders do, they come as if for the first time; what was acknowledged is known.
    again = [int(uid.rpartition(".")[2]) for uid in carried]
    assert Scene(ledger).receive(*again) == [Admission.NEW] * len(carried)
    assert Scene(ledger).receive(*acknowledged) == [Admission.DUPLICATE] * len(acknowledged)
    ledger.close()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_connects_for_itself(scene: Scene) -> None:
    scene.receive(1)
    child = os.fork()
    if child == 0:
        try:
            code = 0 if scene.receive(2) == [Admission.NEW] and scene.receive(1) == [Admission.DUPLICATE] else 1
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert scene.receive(2) == [Admission.DUPLICATE]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_child_that_is_forked_amid_a_transaction_does_not_wait_for_it(scene: Scene) -> None:
    with scene.ledger.database.write():
        child = os.fork()
        if child == 0:
            try:
                code = 0 if scene.ledger.find_instance(sop_uid(1)) is None else 1
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert scene.receive(1) == [Admission.NEW]


def test_a_ledger_that_was_closed_opens_anew(scene: Scene) -> None:
    scene.receive(1)
    scene.ledger.close()
    assert scene.receive(1) == [Admission.DUPLICATE]


def test_a_ledger_that_is_locked_too_long_is_unavailable(
    kind: str, url: str, open_ledger: Callable[..., SqlLedger]
) -> None:
    """Another process holds the lock, and the wait is bounded."""
    hasty = Scene(open_ledger(busy_s=0.3))
    hasty.receive(1)
    holder = open_ledger()
    with holder.database.write() as connection:
        if kind != "sqlite":
            connection.exec_driver_sql("LOCK TABLE study IN ACCESS EXCLUSIVE MODE")
        begun = time.monotonic()
        with pytest.raises(Unavailable):
            hasty.receive(2)
        assert time.monotonic() - begun < 30, "the lock is held for ever"
    assert hasty.receive(2) == [Admission.NEW]


def test_sqlite_writers_of_one_process_wait_for_each_other_only_so_long(migrated: Path, tmp_path: Path) -> None:
    file = tmp_path / "busy.sqlite"
    file.write_bytes(migrated.read_bytes())
    ledger = SqlLedger(Database(f"sqlite:///{file}", busy_s=0.2))
    with ledger.database.write(), pytest.raises(Unavailable):
        Scene(ledger).receive(1)
    ledger.close()


def test_readers_do_not_wait_for_a_writer(scene: Scene, open_ledger: Callable[..., SqlLedger]) -> None:
    scene.receive(1)
    with open_ledger().database.write() as connection:
        connection.exec_driver_sql("UPDATE study SET source = 'elsewhere'")
        study = scene.ledger.study(study_uid())
        assert study is not None
        assert study.source == "cr-room"


@pytest.mark.e2e
def test_a_postgresql_that_was_killed_is_unavailable_until_it_is_back(
    postgresql: Cluster, emptied: Callable[[], str]
) -> None:
    ledger = SqlLedger(emptied())
    scene = Scene(ledger)
    scene.receive(1)
    postgresql.stop()
    try:
        for _ in range(3):
            with pytest.raises(Unavailable):
                scene.receive(2)
            with pytest.raises(Unavailable):
                ledger.due_lanes()
    finally:
        postgresql.start()
    assert scene.receive(1, 2) == [Admission.DUPLICATE, Admission.NEW]
    ledger.close()


def test_a_full_disk_is_unavailable_and_leaves_what_was_there(migrated: Path, tmp_path: Path) -> None:
    file = tmp_path / "full.sqlite"
    file.write_bytes(migrated.read_bytes())
    ledger = SqlLedger(f"sqlite:///{file}")
    scene = Scene(ledger)
    scene.receive(1)

    @event.listens_for(ledger.database.engine, "begin")
    def no_more_pages(connection: Connection) -> None:
        run_on_sqlite(connection, "PRAGMA max_page_count = 1")  # SQLite keeps what it has and grows no further

    with pytest.raises(Unavailable):
        scene.receive(*range(2, 500), Manufacturer="x" * 4000)
    before = len(ledger.study(study_uid()).instances)  # type: ignore[union-attr]
    event.remove(ledger.database.engine, "begin", no_more_pages)
    with ledger.database.read() as connection:
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"
    assert 1 <= before < 500
    ledger.close()


def test_the_text_of_an_error_quotes_no_patient(ledger: SqlLedger) -> None:
    """It reaches logs (invariant 11); PostgreSQL, too, would quote the row that failed."""
    row = {"site": "main", "identifier": "P-4711", "issuer": None, "name": "Müller^Anna", "birth_date": "", "sex": "F"}
    with pytest.raises(DBAPIError) as caught, ledger.database.write() as connection:
        connection.execute(insert(schema.patient).values(**row))
    told = "".join(traceback.format_exception(caught.value))
    assert "issuer" in told
    assert "4711" not in told
    assert "Müller" not in told
