"""Ports: what is said about one that is taken."""

import pytest

from service.embedded.missing import Missing
from service.embedded.ports import require_free, taken


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
