from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import update

from service.adapters.ledger import SqlLedger, schema
from service.adapters.ledger.clock import db_now
from service.domain.errors import Misconfigured
from service.ports.ledger import Beat
from tests.contract.ledger.scene import ENDED, LEASE, NOON, Scene


def beat(process: str = "scp", *, host: str = "here", pid: int = 1, detail: str = "") -> Beat:
    return Beat(process=process, host=host, pid=pid, at=NOON, detail=detail)


def test_lanes_are_due_while_they_hold_what_could_be_claimed(scene: Scene) -> None:
    assert list(scene.ledger.due_lanes()) == []
    scene.receive(1, forward_to=("archive", "research"))
    scene.hand_over("chest")
    assert list(scene.ledger.due_lanes()) == ["read", "forward:archive", "forward:research"]
    scene.claim()
    scene.deliver("forward:archive")
    assert list(scene.ledger.due_lanes()) == ["forward:research"]
    scene.owed("forward:research", lease=ENDED)
    assert list(scene.ledger.due_lanes()) == ["forward:research"], "its sender died"


def test_a_lock_is_held_by_one_until_its_lease_runs_out(scene: Scene) -> None:
    ledger = scene.ledger
    assert ledger.lock("sweep", "one", lease=LEASE)
    assert not ledger.lock("sweep", "two", lease=LEASE)
    assert ledger.lock("sweep", "one", lease=LEASE), "its holder renews it"
    assert ledger.lock("other", "two", lease=LEASE)
    scene.let_pass(LEASE.total_seconds() + 1)
    assert ledger.lock("sweep", "two", lease=LEASE)
    assert not ledger.lock("sweep", "one", lease=LEASE)


def test_of_many_who_want_a_lock_at_once_one_gets_it(ledger: SqlLedger) -> None:
    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(lambda n: ledger.lock("sweep", f"holder-{n}", lease=LEASE), range(8)))
    assert got.count(True) == 1


def test_beats_tell_who_is_alive(ledger: SqlLedger) -> None:
    ledger.beat(beat("web"))
    ledger.beat(beat("scp"))
    ledger.beat(beat("scp", pid=2, detail="port 11112"))
    assert list(ledger.beats()) == [beat("scp", pid=2, detail="port 11112"), beat("web")]


def test_a_process_that_ends_in_order_takes_its_own_beat_along(ledger: SqlLedger) -> None:
    ledger.beat(beat("web"))
    ledger.beat(beat("scp"))
    ledger.end_beat(beat("scp"))
    assert list(ledger.beats()) == [beat("web")]
    ledger.end_beat(beat("scp"))
    ledger.beat(beat("web", pid=2))
    ledger.end_beat(beat("web", pid=1))
    assert list(ledger.beats()) == [beat("web", pid=2)], "the one that was started anew is alive"


def test_sqlite_refuses_a_second_host_and_postgresql_does_not(ledger: SqlLedger) -> None:
    ledger.beat(beat("scp", host="here"))
    if ledger.database.is_sqlite:
        with pytest.raises(Misconfigured, match="PostgreSQL"):
            ledger.beat(beat("worker", host="there"))
        assert [b.process for b in ledger.beats()] == ["scp"]
        ledger.beat(beat("scp", host="here"))
    else:
        ledger.beat(beat("worker", host="there"))
        assert len(ledger.beats()) == 2


@pytest.mark.parametrize("process", ["scp", "worker"])
def test_sqlite_refuses_a_second_host_whatever_its_processes_are_called(ledger: SqlLedger, process: str) -> None:
    """Hosts that are set up alike name their processes alike."""
    if not ledger.database.is_sqlite:
        pytest.skip("PostgreSQL serves many hosts")
    ledger.beat(beat("scp", host="here"))
    with pytest.raises(Misconfigured, match=r"in use on here, this is there.*PostgreSQL.*start again in 60 s"):
        ledger.beat(beat(process, host="there"))
    ledger.beat(beat("scp", host="here"))
    assert [b.host for b in ledger.beats()] == ["here"]


def test_a_container_made_anew_beats_once_its_former_name_has_aged(ledger: SqlLedger) -> None:
    ledger.beat(beat("scp", host="here"))
    ledger.beat(beat("web", host="here"))
    age(ledger, timedelta(seconds=61))
    ledger.beat(beat("scp", host="there"))
    assert {b.process: b.host for b in ledger.beats()} == {"scp": "there", "web": "here"}
    if ledger.database.is_sqlite:
        with pytest.raises(Misconfigured, match="in use on there"):
            ledger.beat(beat("web", host="here"))


def age(ledger: SqlLedger, by: timedelta) -> None:
    """As if every beat had come so much earlier."""
    with ledger.database.write() as connection:
        connection.execute(update(schema.beat).values(seen_at=db_now(-by)))


def test_expiry_moves_jobs_and_deliveries(scene: Scene) -> None:
    scene.receive(1, 2, forward_to=("archive",))
    scene.hand_over("chest")
    scene.claim(lease=ENDED)
    scene.owed("forward:archive", lease=ENDED)
    assert scene.ledger.expire() == 3
    assert scene.ledger.expire() == 0


def test_expiry_and_claims_that_race_lose_nothing(scene: Scene, open_ledger: Callable[..., SqlLedger]) -> None:
    scene.receive(*range(1, 31), forward_to=("archive",))
    sweeper = open_ledger()

    def churn(n: int) -> None:
        for _ in range(10):
            if n % 2:
                sweeper.expire()
            else:
                scene.owed("forward:archive", lease=ENDED, limit=5)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(churn, range(4)))
    scene.ledger.expire()
    assert len(scene.deliver("forward:archive")) == 30
