"""Tables of states: every line is reachable, nothing else is allowed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.assembly import Arrival, Patience, complete, complete_at
from service.domain.delivery import DELIVERY_TRANSITIONS, DeliveryEvent, DeliveryState, backoff, delivery_after
from service.domain.job import JOB_TRANSITIONS, IllegalTransition, JobEvent, JobState, job_after

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("state", JobState)
@pytest.mark.parametrize("event", JobEvent)
def test_a_job_changes_by_the_table_or_not_at_all(state: JobState, event: JobEvent) -> None:
    if (state, event) in JOB_TRANSITIONS:
        assert job_after(state, event) is JOB_TRANSITIONS[state, event]
    else:
        with pytest.raises(IllegalTransition, match=f"{event} while {state}"):
            job_after(state, event)


@pytest.mark.parametrize("state", DeliveryState)
@pytest.mark.parametrize("event", DeliveryEvent)
def test_a_delivery_changes_by_the_table_or_not_at_all(state: DeliveryState, event: DeliveryEvent) -> None:
    if (state, event) in DELIVERY_TRANSITIONS:
        assert delivery_after(state, event) is DELIVERY_TRANSITIONS[state, event]
    else:
        with pytest.raises(IllegalTransition, match=f"{event} while {state}"):
            delivery_after(state, event)


def test_a_finished_job_is_recalled_or_stays_as_it_is() -> None:
    assert [key for key in JOB_TRANSITIONS if key[0] is JobState.COMPLETED] == [(JobState.COMPLETED, JobEvent.RECALLED)]
    assert not [key for key in JOB_TRANSITIONS if key[0] in {JobState.CANCELED, JobState.RECALLED}]


def test_nothing_leaves_a_superseded_or_retracted_delivery_and_every_other_can_be_retracted() -> None:
    ended = {DeliveryState.SUPERSEDED, DeliveryState.RETRACTED}
    assert not [key for key in DELIVERY_TRANSITIONS if key[0] in ended]
    assert {state for state, event in DELIVERY_TRANSITIONS if event is DeliveryEvent.RETRACTED} == (
        set(DeliveryState) - ended
    )


def test_back_off_grows_to_ten_minutes_and_no_further() -> None:
    waits = [backoff(attempt) for attempt in range(1, 30)]
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (timedelta(seconds=1), timedelta(minutes=10))


seconds = st.integers(0, 4000).map(lambda s: START + timedelta(seconds=s))


@given(seconds, seconds, st.integers(0, 3), st.none() | seconds, seconds)
def test_a_study_is_never_handed_over_while_an_association_is_open_unless_the_cap_is_reached(
    one: datetime, other: datetime, open_associations: int, released: datetime | None, now: datetime
) -> None:
    first, last = sorted((one, other))
    arrival = Arrival(
        first_instance=first, last_instance=last, open_associations=open_associations, last_release=released
    )
    patience = Patience()
    if complete(arrival, patience, now=now) and open_associations:
        assert now - first >= patience.cap
    assert complete(arrival, patience, now=complete_at(arrival, patience))


def test_release_is_followed_by_the_quiet_time_and_silence_by_the_longer_one() -> None:
    patience = Patience(quiet=timedelta(seconds=2), silent=timedelta(seconds=60))
    released = Arrival(first_instance=START, last_instance=START, open_associations=0, last_release=START)
    lost = Arrival(first_instance=START, last_instance=START, open_associations=0, last_release=None)
    assert not complete(released, patience, now=START + timedelta(seconds=1.9))
    assert complete(released, patience, now=START + timedelta(seconds=2))
    assert not complete(lost, patience, now=START + timedelta(seconds=59))
    assert complete(lost, patience, now=START + timedelta(seconds=60))
