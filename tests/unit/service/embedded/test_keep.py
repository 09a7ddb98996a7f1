"""The keeper's decisions: how long to wait, and what an end means."""

from hypothesis import given
from hypothesis import strategies as st

from service.embedded.keep import HEALTHY_AFTER_S, LONGEST_PAUSE_S, ORDERS, Crashes, Orders, exit_code, how_it_ended
from service.embedded.supervisor import Process, environment_of, shell_line


def pauses(*ran_s: float) -> list[float]:
    crashes, found = Crashes(), list[float]()
    for seconds in ran_s:
        crashes = crashes.after(seconds)
        found.append(crashes.pause_s)
    return found


def test_the_pause_doubles_with_every_crash() -> None:
    assert pauses(1, 1, 1, 1) == [0.5, 1, 2, 4]


def test_a_command_that_ran_well_for_a_while_starts_afresh() -> None:
    assert pauses(1, 1, 1, HEALTHY_AFTER_S) == [0.5, 1, 2, 0.5]


@given(st.integers(0, 10_000))
def test_the_pause_never_outgrows_its_limit(count: int) -> None:
    assert 0 < Crashes(count).pause_s <= LONGEST_PAUSE_S


def test_an_end_is_told_in_words() -> None:
    assert how_it_ended(-9) == "was killed by SIGKILL"
    assert how_it_ended(3) == "ended with code 3"


def test_a_killed_command_has_the_code_a_shell_would_report() -> None:
    assert (exit_code(-9), exit_code(3)) == (137, 3)


@given(st.lists(st.text(), min_size=1, max_size=4).map(tuple), st.booleans())
def test_what_the_supervisor_orders_the_keeper_reads(command: tuple[str, ...], restart: bool) -> None:
    process = Process("any", command, {"A": "b"}, restart=restart, shared_memory="preread-")
    carried = environment_of(process, 7, {"PATH": "/bin"})
    assert carried["PATH"] == "/bin"
    assert Orders.read(carried[ORDERS]) == Orders(
        command, supervisor=7, environment={"A": "b"}, restart=restart, shared_memory="preread-"
    )


def test_neither_the_command_nor_its_environment_stands_in_the_process_list() -> None:
    assert shell_line("/venv/bin/python") == "exec /venv/bin/python -P -m service.embedded.keep"


def test_a_command_without_an_environment_of_its_own_inherits_ours() -> None:
    carried = environment_of(Process("any", ("program",)), 7, {})
    assert Orders.read(carried[ORDERS]).environment is None
