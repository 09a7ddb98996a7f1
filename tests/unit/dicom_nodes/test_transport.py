"""What pynetdicom's upper layer does with what comes too late."""

from __future__ import annotations

import queue
from types import SimpleNamespace

import pytest
from pynetdicom.fsm import InvalidEventError

from dicom_nodes.transport import LateMachine


@pytest.mark.parametrize("state", ["Sta1", "Sta13"])
def test_data_for_a_peer_that_has_gone_goes_nowhere_and_ends_nothing(state: str) -> None:
    waiting: queue.Queue[str] = queue.Queue()
    waiting.put("an answer")
    machine = LateMachine(SimpleNamespace(to_provider_queue=waiting))  # type: ignore[arg-type]
    machine.current_state = state
    machine.do_action("Evt9")
    machine.do_action("Evt9")
    assert (machine.current_state, waiting.empty()) == (state, True)


def test_what_makes_no_sense_is_an_error_as_ever() -> None:
    machine = LateMachine(SimpleNamespace())  # type: ignore[arg-type]
    with pytest.raises(InvalidEventError):
        machine.do_action("Evt10")
