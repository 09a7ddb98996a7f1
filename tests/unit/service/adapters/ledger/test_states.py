import pytest

from service.adapters.ledger.states import DeliveryFact, JobFact, state_of
from service.domain.delivery import DeliveryKind, DeliveryState
from service.domain.job import JobState

SCHEDULED = JobFact("chest", JobState.SCHEDULED, "")
READING = JobFact("chest", JobState.IN_PROGRESS, "")
READ = JobFact("chest", JobState.COMPLETED, "analysed")
NOT_READ = JobFact("chest", JobState.COMPLETED, "not analysed")
FAILED = JobFact("chest", JobState.COMPLETED, "failed")
CANCELED = JobFact("chest", JobState.CANCELED, "")
OTHER = JobFact("other", JobState.COMPLETED, "analysed")


def owed(state: DeliveryState, kind: DeliveryKind = DeliveryKind.RESULT) -> DeliveryFact:
    return DeliveryFact(kind, state)


@pytest.mark.parametrize(
    ("jobs", "deliveries", "state"),
    [
        ([], [], "unmatched"),
        ([SCHEDULED], [], "active"),
        ([READ, READING], [owed(DeliveryState.REFUSED)], "active"),
        ([READ], [], "done"),
        ([READ], [owed(DeliveryState.SENT), owed(DeliveryState.SUPERSEDED)], "done"),
        ([READ], [owed(DeliveryState.PENDING)], "delivering"),
        ([READ], [owed(DeliveryState.SENDING)], "delivering"),
        ([READ], [owed(DeliveryState.PENDING), owed(DeliveryState.HELD)], "attention"),
        ([READ], [owed(DeliveryState.EXPIRED)], "attention"),
        ([NOT_READ], [owed(DeliveryState.SENT)], "done"),
        ([FAILED], [owed(DeliveryState.SENT)], "attention"),
        ([FAILED, NOT_READ], [], "done"),
        ([CANCELED], [], "attention"),
        ([CANCELED, READ], [], "done"),
        ([READ, CANCELED], [], "attention"),
        ([CANCELED, OTHER], [], "attention"),
        ([READ], [owed(DeliveryState.PENDING, DeliveryKind.ORIGINAL)], "done"),
        ([], [owed(DeliveryState.REFUSED, DeliveryKind.ORIGINAL)], "attention"),
        ([READ], [owed(DeliveryState.PENDING, DeliveryKind.RETRACTION)], "delivering"),
    ],
)
def test_the_state_follows_from_jobs_and_deliveries(
    jobs: list[JobFact], deliveries: list[DeliveryFact], state: str
) -> None:
    assert state_of(receiving=False, jobs=jobs, deliveries=deliveries) == state


def test_what_is_still_received_is_receiving_whatever_was_read_before() -> None:
    assert state_of(receiving=True, jobs=[READ], deliveries=[owed(DeliveryState.REFUSED)]) == "receiving"
