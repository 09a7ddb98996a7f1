"""The studies page: one page of rows, fast with a million studies.

A page walks one index, newest first. Text and modality are asked of their own index first: where that finds few
studies the page is made of those; where it finds many, a walk from the newest finds 50 soon, if they are not all old.
So the walk ends after `_WALKED` studies, and the page is then made of the newest hits of the other index.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import BigInteger, ColumnElement, Connection, and_, exists, func, literal, select, tuple_, type_coerce

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
_WALKED = 20_000
"""Studies that a page walks past before it asks the index of a text."""
_LAST = "\U0010ffff"


def page(connection: Connection, site: str, query: StudyQuery) -> Sequence[StudyRow]:
    """Newest first."""
    numbers = _numbers(connection, site, query)
    found = {row.id: row for row in connection.execute(rows().where(study.c.id.in_(numbers)))} if numbers else {}
    return [study_row(found[number]) for number in numbers]


def _numbers(connection: Connection, site: str, query: StudyQuery) -> Sequence[int]:
    """Of the studies on the page, in its order."""
    few = _few(connection, site, query)
    if few is not None:
        return _sorted(connection, site, study.c.id.in_(few), query) if few else ()
    wanted = [study.c.site == site, *_conditions(site, query)]
    end = _end_of_walk(connection, site, query)
    if end is None:
        return _walk(connection, wanted, query.limit)
    numbers = _walk(connection, [*wanted, study.c.received_last >= end], query.limit)
    return numbers if len(numbers) == query.limit else _newest(connection, site, query)


def _walk(connection: Connection, wanted: Sequence[ColumnElement[bool]], limit: int) -> Sequence[int]:
    newest_first = (study.c.received_last.desc(), study.c.uid.desc())
    return connection.scalars(select(study.c.id).where(*wanted).order_by(*newest_first).limit(limit)).all()


def _end_of_walk(connection: Connection, site: str, query: StudyQuery) -> datetime | None:
    """When the last study was received that a walk may look at; None where it needs no end."""
    if not (_texts(query) or query.modality):
        return None
    plain = replace(query, patient_name="", patient_id="", accession_number="", modality="")
    wanted = (study.c.site == site, *_conditions(site, plain))
    newest_first = (study.c.received_last.desc(), study.c.uid.desc())
    last = select(study.c.received_last).where(*wanted).order_by(*newest_first).offset(_WALKED).limit(1)
    found: datetime | None = connection.scalar(last)
    return found


def _newest(connection: Connection, site: str, query: StudyQuery) -> Sequence[int]:
    """The newest of the many hits of one index, of which each is looked at."""
    hits, rest = _hits(site, query)
    received, others = _off_index(study.c.received_last), _conditions(site, replace(rest, before=None), walks=False)
    if query.before is not None:
        others.append(received < literal(query.before[0], UtcDateTime))
    newest = select(received).where(hits, *others).order_by(received.desc()).offset(query.limit - 1).limit(1)
    last = connection.scalar(newest)
    return _sorted(connection, site, hits if last is None else and_(hits, received >= last), rest)


def _hits(site: str, query: StudyQuery) -> tuple[ColumnElement[bool], StudyQuery]:
    """What one index finds of a query, and what is left to ask of it: a number leaves less than a name does."""
    if query.accession_number:
        column, text = study.c.accession_key, query.accession_number
        rest = replace(query, accession_number="")
    elif query.patient_id:
        column, text, rest = study.c.patient_key, query.patient_id, replace(query, patient_id="")
    elif query.patient_name:
        column, text, rest = study.c.name_key, query.patient_name, replace(query, patient_name="")
    else:
        found = study.c.id.in_(select(series.c.study_id).where(*_has_modality(site, query)))
        return found, replace(query, modality="")
    return and_(study.c.site == site, _starts(column, text.casefold())), rest


def _sorted(connection: Connection, site: str, hits: ColumnElement[bool], query: StudyQuery) -> Sequence[int]:
    """Sorted here: asked for an order and a limit, a database would rather walk past all the others."""
    wanted = (hits, *_conditions(site, query, walks=False))
    found = connection.execute(select(study.c.id, study.c.received_last, study.c.uid).where(*wanted)).all()
    newest = sorted(found, key=lambda row: (row.received_last, row.uid), reverse=True)
    return [row.id for row in newest[: query.limit]]


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


def _conditions(site: str, query: StudyQuery, *, walks: bool = True) -> list[ColumnElement[bool]]:
    """What is asked of a study; unless the page `walks`, so that no index of time or state is used for it."""
    received = study.c.received_last if walks else _off_index(study.c.received_last)
    state = study.c.state if walks else study.c.state.concat("")
    # Not as a range: the index of a text would win over the order of the page, and then all hits be sorted.
    found = [func.substr(study.c[name], 1, len(text)) == text for name, text in _texts(query)]
    if query.study_instance_uid:
        found.append(study.c.uid == query.study_instance_uid)
    if query.modality:
        found.append(exists().where(*_has_modality(site, query), series.c.study_id == study.c.id))
    if query.state in {SCHEDULED, READING}:
        found += [state == ACTIVE, _reading() if query.state == READING else ~_reading()]
    elif query.state:
        found.append(state == query.state)
    if query.received_since is not None:
        found.append(received >= literal(query.received_since, UtcDateTime))
    if query.received_until is not None:
        found.append(received <= literal(query.received_until, UtcDateTime))
    if query.before is not None:
        at, last = query.before
        found.append(tuple_(received, study.c.uid) < tuple_(literal(at, UtcDateTime), literal(last)))
    return found


def _has_modality(site: str, query: StudyQuery) -> tuple[ColumnElement[bool], ...]:
    return series.c.site == site, series.c.modality == query.modality


def _off_index(instant: ColumnElement[datetime]) -> ColumnElement[datetime]:
    """The same instant as a calculated one, which no index has."""
    return type_coerce(type_coerce(instant, BigInteger) + 0, UtcDateTime)


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
        sources.append(select(series.c.study_id).where(*_has_modality(site, query)))
    for source in sources:
        found = connection.scalars(source.limit(_FEW)).all()
        if len(found) < _FEW:
            return found
    return None
