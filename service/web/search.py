"""Search: what the form of the studies page asks for. It is posted, so that no name stands in an address."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from fastapi import HTTPException

from service.domain.said import say
from service.domain.uids import is_uid
from service.ports.catalogue import StudyQuery, StudyRow

STATES = ("receiving", "scheduled", "reading", "delivering", "done", "attention", "unmatched")
PAGE = 50
PERSONAL = ("patient_name", "patient_id", "accession_number")
"""Fields that may name a patient: never in an address, a log or the audit record."""
FIELDS = (*PERSONAL, "study_instance_uid", "modality", "state", "since", "until")


@dataclass(frozen=True, kw_only=True, slots=True)
class Search:
    """The fields as they were typed, to be shown again."""

    patient_name: str = ""
    patient_id: str = ""
    accession_number: str = ""
    study_instance_uid: str = ""
    modality: str = ""
    state: str = ""
    since: str = ""
    """First day, YYYY-MM-DD, in the site's zone."""
    until: str = ""
    """Last day, inclusive."""
    before_at: str = ""
    before_uid: str = ""

    @classmethod
    def read(cls, field: Callable[[str], str]) -> Search:
        """Take every field from a form."""
        return cls(**{name: field(name) for name in (*FIELDS, "before_at", "before_uid")})

    @property
    def fields(self) -> tuple[tuple[str, str], ...]:
        """What the next page has to ask again."""
        return tuple((name, getattr(self, name)) for name in FIELDS if getattr(self, name))

    @property
    def told(self) -> str:
        """How this was searched, for the audit record: the filled fields by name, never what stands in them."""
        # Not even of the others: people type a name into whatever field they are in.
        names = ", ".join(name for name, _ in self.fields)
        how = f"searched by {names}" if names else "newest"
        return f"{how}, an older page" if self.before_at or self.before_uid else how

    def query(self, zone: ZoneInfo, *, limit: int = PAGE) -> StudyQuery:
        """As the catalogue takes it. Raises 422 with a sentence for a field that cannot be read."""
        if self.state and self.state not in STATES:
            raise HTTPException(
                422, say("There is no state of that name. Known states: {states}.", states=", ".join(STATES))
            )
        if self.study_instance_uid and not set(self.study_instance_uid) <= set("0123456789."):
            raise HTTPException(422, say("A Study Instance UID has digits and dots only."))
        until = _day(self.until, zone)
        return StudyQuery(
            patient_name=self.patient_name,
            patient_id=self.patient_id,
            accession_number=self.accession_number,
            study_instance_uid=self.study_instance_uid,
            modality=self.modality.upper(),
            state=self.state,
            received_since=_day(self.since, zone),
            received_until=until + timedelta(days=1) if until else None,
            before=_before(self.before_at, self.before_uid),
            limit=limit,
        )


def next_page(rows: Sequence[StudyRow], limit: int = PAGE) -> tuple[str, str] | None:
    """Where the page after `rows` begins; None if this is the last one."""
    if len(rows) < limit:
        return None
    return rows[-1].received_last.isoformat(), str(rows[-1].study_instance_uid)


def _day(text: str, zone: ZoneInfo) -> datetime | None:
    if not text:
        return None
    try:
        return datetime.combine(date.fromisoformat(text), time(), tzinfo=zone)
    except ValueError:
        raise HTTPException(422, say("A day is written as YYYY-MM-DD, such as 2026-03-01.")) from None


def _before(at: str, uid: str) -> tuple[datetime, str] | None:
    if not at and not uid:
        return None
    try:
        instant = datetime.fromisoformat(at)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None or not is_uid(uid):
        raise HTTPException(422, say("The place where this page begins cannot be read. Search again."))
    return instant, uid
