"""One status per outcome, one meaning per status."""

from __future__ import annotations

import pytest

from dicom_nodes.destinations.dimse import answer_of
from service.domain import errors
from service.flow.store_status import STATUS_OF_ADMISSION, status_of_error
from service.ports.destination import Answered
from service.ports.ledger import Admission


def test_every_admission_has_a_status_and_only_a_conflict_is_no_success() -> None:
    assert set(STATUS_OF_ADMISSION) == set(Admission)
    assert [admission for admission, status in STATUS_OF_ADMISSION.items() if status] == [Admission.CONFLICT]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.Unavailable("x"), 0xA700),
        (errors.Full("x"), 0xA700),
        (errors.Unreadable("x"), 0xC000),
        (errors.Unsupported("x"), 0x0122),
        (errors.Refused("x"), 0x0124),
        (errors.Misconfigured("x"), 0x0110),
        (RuntimeError("x"), 0x0110),
        (OSError(28, "x"), 0x0110),
    ],
)
def test_every_error_has_a_named_status(error: Exception, status: int) -> None:
    assert status_of_error(error) == status


@pytest.mark.parametrize(
    ("status", "answered"),
    [
        (0x0000, Answered.STORED),
        (0xB000, Answered.STORED),
        (0xB007, Answered.STORED),
        (0x0111, Answered.STORED),
        (0xA700, Answered.AWAY),
        (0xA7FF, Answered.AWAY),
        (0x0110, Answered.LATER),
        (0x0122, Answered.REFUSED),
        (0x0124, Answered.REFUSED),
        (0xA900, Answered.REFUSED),
        (0xC211, Answered.REFUSED),
        (0x1234, Answered.REFUSED),
    ],
)
def test_a_peer_s_status_is_stored_away_or_refused(status: int, answered: Answered) -> None:
    result = answer_of(status)
    assert result.answered is answered
    assert result.status.startswith(f"0x{status:04X} ")


def test_only_a_duplicate_was_there_already() -> None:
    assert answer_of(0x0111).already_there
    assert answer_of(0x0111).status == "0x0111 was there already"
    assert [status for status in (0x0000, 0x0107, 0xB000, 0xA700, 0xC211) if answer_of(status).already_there] == []
