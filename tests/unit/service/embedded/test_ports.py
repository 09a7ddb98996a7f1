"""Ports: which are chosen, and what is said about one that is taken."""

import os
from pathlib import Path

import pytest

from service.embedded.missing import Missing
from service.embedded.ports import SERVERS, Given, before_connections, require_free, taken


def all_free(port: int, host: str) -> bool:
    return True


def only_80_taken(port: int, host: str) -> bool:
    return port != 80


def test_free_ports_are_nothing_to_talk_about() -> None:
    require_free({"PREREAD_WEB__PORT": (8042, "pages"), "PREREAD_SCP__PORT": (11112, "DICOM")}, free=all_free)


def test_a_taken_port_is_told_with_its_purpose_and_the_setting_that_moves_it() -> None:
    with pytest.raises(Missing) as told:
        require_free({"PREREAD_WEB__PORT": (80, "pages")}, free=only_80_taken)
    assert str(told.value) == taken(80, "pages", "PREREAD_WEB__PORT")
    assert "PREREAD_WEB__PORT=NUMBER" in str(told.value)


def test_two_settings_with_one_port_are_told_before_anything_starts() -> None:
    with pytest.raises(Missing, match="A and B both ask for port 8042"):
        require_free({"A": (8042, "pages"), "B": (8042, "DICOM")}, free=all_free)


def test_every_taken_port_is_told_at_once() -> None:
    with pytest.raises(Missing) as told:
        require_free({"A": (1, "x"), "B": (2, "y")}, free=lambda port, host: False)
    assert "Port 1 " in str(told.value)
    assert "Port 2 " in str(told.value)


@pytest.mark.parametrize(
    ("told", "chosen"),
    [
        ("32768\t60999\n", SERVERS),
        ("49152 65535", SERVERS),
        ("25000 60999", range(SERVERS.start, 25_000)),
        ("1024 65535", range(0)),
        ("1024 4999", SERVERS),
    ],
)
def test_ports_are_chosen_where_no_connection_gets_one(told: str, chosen: range) -> None:
    assert before_connections(told) == chosen


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_port_is_given_once_whichever_process_asks(tmp_path: Path) -> None:
    given = Given(tmp_path)
    assert given.take(20_001)
    assert not given.take(20_001)
    child = os.fork()
    if child == 0:
        try:
            code = 0 if not given.take(20_001) and given.take(20_002) and not Given(tmp_path).take(20_001) else 1
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert given.take(20_002), "whoever had it is gone"


def test_where_nothing_can_be_locked_ports_are_given_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "given").mkdir()
    given = Given(tmp_path)
    assert given.take(20_001)
    assert not given.take(20_001)
