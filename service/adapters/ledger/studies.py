"""The studies page: one page of rows, fast with a million studies.

A page walks one index, newest first. Text and modality are asked of their own index first: where that
finds few studies the page is made of those, where it finds many a walk from the newest finds 50 soon.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, and_, exists, func, literal, select, tuple_

from service.adapters.ledger import schema
from service.adapters.ledger.clock import UtcDateTime
from service.adapters.ledger.part import AnyRow, AnySelect
from service.adapters.ledger.rows import identity_of, uid
from service.adapters.ledger.states import ACTIVE, READING, SCHEDULED
from service.domain.job import JobState
from service.ports.catalogue import StudyQuery, StudyRow

event, identity, job, series, study = schema.event, schema.identity, schema.job, schema.series, schema.study

_FEW = 1000
"""Hits of an index that are sorted rather than walked past."""
_LAST = "\U0010ffff"


def page(connection: Connection, site: str, query: StudyQuery) -> Sequence[StudyRow]:
    """Newest first."""
    wanted = [study.c.site == site, *_conditions(site, query)]
    few = _few(connection, site, query)
    numbers = _walk(connection, wanted, query.limit) if few is None else _pick(connection, wanted, few, query.limit)
    found = {row.id: row for row in connection.execute(rows().where(study.c.id.in_(numbers)))}
    return [study_row(found[number]) for number in numbers]


def _walk(connection: Connection, wanted: Sequence[ColumnElement[bool]], limit: int) -> Sequence[int]:
    newest_first = (study.c.received_last.desc(), study.c.uid.desc())
    return connection.scalars(select(study.c.id).where(*wanted).order_by(*newest_first).limit(limit)).all()


def _pick(
    connection: Connection, wanted: Sequence[ColumnElement[bool]], few: Sequence[int], limit: int
) -> Sequence[int]:
    """Sorted here: asked for an order and a limit, a database would rather walk past all the others."""
    query = select(study.c.id, study.c.received_last, study.c.uid).where(*wanted, study.c.id.in_(few))
    found = sorted(connection.execute(query), key=lambda row: (row.received_last, row.uid), reverse=True)
    return [row.id for row in found[:limit]]


def one(connection: Connection, site: str, study_uid: str) -> AnyRow | None:
    """The row of one study, with the columns of `study` for whoever needs more than the page shows."""
    return connection.execute(rows().where(study.c.site == site, study.c.uid == study_uid)).one_or_none()


def study_row(row: AnyRow) -> StudyRow:
    state = row.state
    if state == ACTIVE:
        state = READING if row.reading else SCHEDULED
    return StudyRow(
        study_instance_uid=uid(row.uid),
        identity=identity_of(row.facts),
        source=row.source,
        modalities=tuple(filter(None, row.modalities.split("\\"))),
        instances=row.instances,
        received_first=row.received_first,
        received_last=row.received_last,
        state=state,
        note=row.note or "",
        series=row.series,
    )


def rows() -> AnySelect:
    """Studies with what their row on a page is made of."""
    note = (
        select(event.c.text)
        .where(event.c.study_id == study.c.id)
        .order_by(event.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    count = select(func.count()).where(series.c.study_id == study.c.id).scalar_subquery()
    columns = (study, identity.c.facts, note.label("note"), _reading().label("reading"), count.label("series"))
    return select(*columns).join(
        identity, and_(identity.c.study_id == study.c.id, identity.c.version == study.c.identity_version)
    )


def _reading() -> ColumnElement[bool]:
    return exists().where(job.c.study_id == study.c.id, job.c.state == JobState.IN_PROGRESS.value)


def _conditions(site: str, query: StudyQuery) -> list[ColumnElement[bool]]:
    # Not as a range: the index of a text would win over the order of the page, and then all hits be sorted.
    found = [func.substr(study.c[name], 1, len(text)) == text for name, text in _texts(query)]
    if query.study_instance_uid:
        found.append(study.c.uid == query.study_instance_uid)
    if query.modality:
        has = (series.c.site == site, series.c.modality == query.modality, series.c.study_id == study.c.id)
        found.append(exists().where(*has))
    if query.state in {SCHEDULED, READING}:
        found += [study.c.state == ACTIVE, _reading() if query.state == READING else ~_reading()]
    elif query.state:
        found.append(study.c.state == query.state)
    if query.received_since is not None:
        found.append(study.c.received_last >= query.received_since)
    if query.received_until is not None:
        found.append(study.c.received_last <= query.received_until)
    if query.before is not None:
        at, last = query.before
        found.append(tuple_(study.c.received_last, study.c.uid) < tuple_(literal(at, UtcDateTime), literal(last)))
    return found


def _texts(query: StudyQuery) -> list[tuple[str, str]]:
    asked = (
        ("name_key", query.patient_name),
        ("patient_key", query.patient_id),
        ("accession_key", query.accession_number),
    )
    return [(name, text.casefold()) for name, text in asked if text]


def _starts(column: ColumnElement[str], prefix: str) -> ColumnElement[bool]:
    """A range of the index: LIKE would need an operator class on PostgreSQL and a collation on SQLite."""
    return and_(column >= prefix, column <= prefix + _LAST)


def _few(connection: Connection, site: str, query: StudyQuery) -> Sequence[int] | None:
    """Studies that one condition leaves, if they are few; None if every condition leaves many."""
    sources = [
        select(study.c.id).where(study.c.site == site, _starts(study.c[name], text)) for name, text in _texts(query)
    ]
    if query.modality:
        sources.append(select(series.c.study_id).where(series.c.site == site, series.c.modality == query.modality))
    for source in sources:
        found = connection.scalars(source.limit(_FEW)).all()
        if len(found) < _FEW:
            return found
    return None
