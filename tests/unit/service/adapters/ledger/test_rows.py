from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects import sqlite

from service.adapters.ledger.clock import UtcDateTime
from service.adapters.ledger.part import key
from service.adapters.ledger.rows import identity_of, identity_text
from service.domain.study import Identity, Patient

TEXTS = st.text(max_size=20)
PAIRS = st.lists(st.tuples(TEXTS, TEXTS), max_size=3).map(tuple)
PATIENTS = st.builds(Patient, patient_id=TEXTS, issuer=TEXTS, name=TEXTS, birth_date=TEXTS, sex=TEXTS)
IDENTITIES = st.builds(
    Identity, patient=PATIENTS, accession_number=TEXTS, study_id=TEXTS, other_patient_ids=PAIRS, requests=PAIRS
)


@given(IDENTITIES)
def test_an_identity_is_read_back_as_it_was_written(identity: Identity) -> None:
    again = identity_of(identity_text(identity))
    assert again == identity
    assert again.digest == identity.digest


@given(st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=-9, minutes=-30))])))
def test_an_instant_is_read_back_to_the_microsecond_in_utc(instant: datetime) -> None:
    column, dialect = UtcDateTime(), sqlite.dialect()
    again = column.process_result_value(column.process_bind_param(instant, dialect), dialect)
    assert again == instant
    assert again is not None
    assert again.tzinfo is UTC


def test_an_instant_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        UtcDateTime().process_bind_param(datetime(2026, 3, 2), sqlite.dialect())


@pytest.mark.parametrize(
    ("text", "number"),
    [("12", 12), ("0", 0), (None, -1), ("", -1), ("-1", -1), ("1.0", -1), ("x", -1), ("٣", -1), ("9" * 5000, -1)],
)
def test_a_row_is_named_by_its_number(text: str | None, number: int) -> None:
    assert key(text) == number
