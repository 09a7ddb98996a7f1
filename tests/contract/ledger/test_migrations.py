import multiprocessing
from multiprocessing.synchronize import Barrier

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from service.adapters.ledger import SqlLedger, schema
from service.domain.errors import Misconfigured
from service.ports.ledger import Admission
from tests.contract.ledger.scene import Scene


def test_an_empty_database_is_brought_up_once_and_again_is_harmless(empty_url: str) -> None:
    ledger = SqlLedger(empty_url)
    assert ledger.pending() == ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008")
    ledger.upgrade()
    assert ledger.pending() == ()
    scene = Scene(ledger)
    assert scene.receive(1) == [Admission.NEW]
    ledger.upgrade()
    assert scene.receive(1) == [Admission.DUPLICATE]
    ledger.close()


def test_the_migrations_make_the_tables_that_the_program_expects(empty_url: str) -> None:
    ledger = SqlLedger(empty_url)
    ledger.upgrade()
    with ledger.database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        assert compare_metadata(context, schema.metadata) == []
    ledger.close()


def _upgrade(url: str, start: Barrier) -> None:
    ledger = SqlLedger(url)
    start.wait(timeout=60)
    ledger.upgrade()
    assert ledger.pending() == ()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_processes_that_start_at_once_migrate_once(empty_url: str) -> None:
    context = multiprocessing.get_context("fork")
    start = context.Barrier(4)
    processes = [context.Process(target=_upgrade, args=(empty_url, start)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0] * 4
    ledger = SqlLedger(empty_url)
    assert Scene(ledger).receive(1) == [Admission.NEW]
    ledger.close()


def test_a_database_of_a_newer_version_is_refused(ledger: SqlLedger) -> None:
    with ledger.database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    try:
        with pytest.raises(Misconfigured, match="9999"):
            ledger.pending()
        with pytest.raises(Misconfigured, match="newer"):
            ledger.upgrade()
    finally:
        with ledger.database.write() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '0005'"))
