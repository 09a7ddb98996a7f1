"""Counting: numbers of what people made of drafts, changed in the transaction of what they count."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from service.adapters.ledger import schema
from service.adapters.ledger.part import AnyRow, AnySelect, Part, insert_into, key
from service.domain.edit import Suggestion
from service.domain.job import JobState
from service.domain.report import Outcome
from service.domain.tally import Count, Numbers, of_dismissal, of_draft, of_suggestion

job, log, step, table = schema.job, schema.edit_log, schema.step, schema.tally

_AT_ONCE = 500
_FINISHED = (JobState.COMPLETED.value, JobState.RECALLED.value)
RESTORED = "-"
"""Before the kind in a row that brings an issue back."""
TURN = "~"
"""In the key of a row, between the issue and how often it was dismissed and brought back before; without for the first.
"""
_READ = (Outcome.ANALYSED.value, Outcome.PARTIAL.value)


class SqlCounting(Part):
    """The port `Counts`."""

    def counts(self) -> Sequence[Count]:
        names = (table.c.model, table.c.adapter, table.c.prompt, table.c.what, table.c.number)
        with self.database.read() as connection:
            rows = connection.execute(select(*names).where(table.c.site == self.site).order_by(*names[:-1]))
            return [Count(**row._mapping) for row in rows]

    def placed(self, job_id: str, numbers: Numbers) -> Sequence[Count]:
        with self.database.read() as connection:
            return _placed(connection, key(job_id), numbers)

    def other(self) -> Sequence[Count]:
        with self.database.read() as connection:
            return [
                *_drafts(connection, self.site),
                *_answers(connection, self.site),
                *_dismissed(connection, self.site),
            ]

    def replace(self, counts: Sequence[Count]) -> None:
        with self.database.write() as connection:
            connection.execute(delete(table).where(table.c.site == self.site))
            if rows := [_row(self.site, each) for each in counts]:
                connection.execute(insert(table), rows)


def add(connection: Connection, site: str, counts: Sequence[Count]) -> None:
    """Add to what is kept. Last in a transaction, and in one order, so that no two wait for each other."""
    if rows := sorted((_row(site, each) for each in counts), key=lambda row: tuple(map(str, row.values()))):
        statement = insert_into(connection, table)
        more = {"number": table.c.number + statement.excluded.number}
        names = [column.name for column in table.primary_key]
        for row in rows:
            connection.execute(statement.values(**row).on_conflict_do_update(index_elements=names, set_=more))


def add_of_reading(connection: Connection, site: str, number: int, numbers: Numbers) -> None:
    """Add what concerns the reading `number`, each under the prompt that its model was asked with."""
    add(connection, site, _placed(connection, number, numbers))


def add_draft(connection: Connection, row: AnyRow, outcome: Outcome, provenance: str) -> None:
    """Count the draft of the job `row`, if it is a reading that has one."""
    if outcome.value in _READ and row.origin_id is None:
        add_of_reading(connection, row.site, row.id, of_draft(models_of(provenance)))


def add_dismissal(connection: Connection, site: str, job_id: str, stored: str) -> None:
    """Count an issue that was dismissed or brought back; `stored` as in the table `dismissal`."""
    number, (kind, sign) = key(job_id), dismissed_kind(stored)
    provenance = connection.scalar(select(job.c.provenance).where(job.c.site == site, job.c.id == number))
    add_of_reading(connection, site, number, of_dismissal(models_of(provenance or ""), kind, number=sign))


def dismissed_kind(stored: str) -> tuple[str, int]:
    """The kind of an issue, and what its row adds to those that are dismissed: 1, or -1 for one brought back."""
    return (stored.removeprefix(RESTORED), -1) if stored.startswith(RESTORED) else (stored, 1)


def add_suggestion(connection: Connection, site: str, model: str, adapter: str, suggestion: Suggestion) -> None:
    add(connection, site, _unprompted(of_suggestion(model, suggestion), adapter))


def models_of(provenance: str) -> list[str]:
    """The models that a job names, as the edit log names them."""
    named = json.loads(provenance or "{}").get("algorithms", ())
    return [f"{each['name']} {each['version']} {each['digest']}" for each in named]


def _placed(connection: Connection, number: int, numbers: Numbers) -> list[Count]:
    prompts = _prompts(connection, number)
    return [
        Count(model=model, prompt=prompts.get(model.rpartition(" ")[2], ""), what=what, number=many)
        for (model, what), many in numbers.items()
    ]


def _prompts(connection: Connection, number: int) -> Mapping[str, str]:
    """Of each model that the reading asked the digest of its first prompt."""
    query = select(step.c.model_digest, step.c.prompt_digest).where(step.c.job_id == number)
    return {row.model_digest: row.prompt_digest for row in connection.execute(query.order_by(step.c.ordinal.desc()))}


def _unprompted(numbers: Numbers, adapter: str) -> list[Count]:
    return [Count(model=model, adapter=adapter, what=what, number=many) for (model, what), many in numbers.items()]


def _drafts(connection: Connection, site: str) -> Iterator[Count]:
    readings = select(job.c.id, job.c.provenance).where(
        job.c.site == site, job.c.origin_id.is_(None), job.c.state.in_(_FINISHED), job.c.outcome.in_(_READ)
    )
    for row in _paged(connection, readings, job.c.id):
        yield from _placed(connection, row.id, of_draft(models_of(row.provenance)))


def _answers(connection: Connection, site: str) -> Iterator[Count]:
    """Rows of the edit log that answer a suggestion: theirs alone hold an object, not a list."""
    chains = select(log.c.chain).where(log.c.site == site).distinct().order_by(log.c.chain)
    for chain in connection.scalars(chains).all():
        rows = select(log.c.seq, log.c.model, log.c.adapter, log.c.edits).where(
            log.c.site == site, log.c.chain == chain, log.c.edits.like('{"suggestion"%')
        )
        for row in _paged(connection, rows, log.c.seq):
            made = json.loads(row.edits)["suggestion"]
            suggestion = Suggestion(**{**made, "unsupported": tuple(made["unsupported"])})
            yield from _unprompted(of_suggestion(row.model, suggestion), row.adapter)


def _dismissed(connection: Connection, site: str) -> Iterator[Count]:
    said = schema.dismissal
    jobs = select(said.c.job_id).where(said.c.site == site).distinct()
    for row in _paged(connection, jobs, said.c.job_id, start=""):
        number = key(row.job_id)
        models = models_of(connection.scalar(select(job.c.provenance).where(job.c.id == number)) or "")
        kinds = select(said.c.kind).where(said.c.site == site, said.c.job_id == row.job_id)
        for stored in connection.scalars(kinds).all():
            kind, sign = dismissed_kind(stored)
            yield from _placed(connection, number, of_dismissal(models, kind, number=sign))


def _paged(connection: Connection, query: AnySelect, place: Any, *, start: Any = 0) -> Iterator[AnyRow]:
    """Every row of `query`, some at a time, in the order of the column `place`, which grows."""
    while rows := connection.execute(query.where(place > start).order_by(place).limit(_AT_ONCE)).all():
        yield from rows
        start = rows[-1]._mapping[place.name]


def _row(site: str, each: Count) -> dict[str, Any]:
    return {
        "site": site, "model": each.model, "adapter": each.adapter, "prompt": each.prompt, "what": each.what,
        "number": each.number,
    }  # fmt: skip
