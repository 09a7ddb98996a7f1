"""The audit record: rows as PS3.15 A.5 asks for them, each sealing the one before it.

Every process writes a chain of its own, so that none waits for another. A row's digest covers its content
and the digest before it: a changed, removed or inserted row breaks the chain from there. What was cut off at
a chain's end shows in the next seal, which writes down where every chain ends; `seal` returns that text, so
that it can also be kept where the database's owner cannot write.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Row, func, select

from service.adapters.ledger import schema
from service.adapters.ledger.engine import Database, Raced
from service.adapters.ledger.part import insert_into
from service.domain.audit import AuditEvent, AuditKind
from service.domain.errors import Unavailable

_RACES = 20
_SEAL = "seal "
_END = re.compile(r"(.*)#(\d{1,18})=([0-9a-f]{64})", re.DOTALL)

audit = schema.audit
AuditRow = Row[*tuple[Any, ...]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Break:
    """Where a chain does not hold, and why, in words."""

    chain: str
    seq: int
    why: str


class ChainedAudit:
    """The ports `Audit` and `AuditTrail`; `process` names this process's chain."""

    def __init__(self, database: Database, *, site: str = "main", process: str) -> None:
        self._database = database
        self._site = site
        self._chain = process

    def record(self, event: AuditEvent) -> None:
        for _ in range(_RACES):
            try:
                with self._database.write() as connection:
                    return _append(connection, self._site, self._chain, event)
            except Raced:
                continue
        raise Unavailable(f"the audit chain {self._chain} is written by too many at once")

    def recent(self, *, limit: int = 200) -> Sequence[AuditEvent]:
        query = (
            select(audit)
            .where(audit.c.site == self._site)
            .order_by(audit.c.at.desc(), audit.c.chain.desc(), audit.c.seq.desc())
            .limit(limit)
        )
        with self._database.read() as connection:
            return [_event(row) for row in connection.execute(query)]

    def seal(self, *, at: datetime) -> str:
        """Write down where every chain ends, and return that text."""
        with self._database.read() as connection:
            ends = [f"{row.chain}#{row.seq}={row.digest}" for row in _ends(connection, self._site)]
        text = _SEAL + json.dumps(ends)
        self.record(
            AuditEvent(
                at=at,
                kind=AuditKind.APPLICATION_ACTIVITY,
                action="E",
                success=True,
                who=self._chain,
                where="",
                detail=text,
            )
        )
        return text

    def breaks(self) -> tuple[str, ...]:
        """What `verify` finds, in words."""
        return tuple(
            f"{found.chain}, event {found.seq}: {found.why}" for found in verify(self._database, site=self._site)
        )


def verify(database: Database, *, site: str = "main") -> tuple[Break, ...]:
    """Every place where the record does not hold; empty if nothing was changed, removed or inserted."""
    query = select(audit).where(audit.c.site == site).order_by(audit.c.chain, audit.c.seq)
    seals: list[str] = []
    broken: list[Break] = []
    digests: dict[str, list[str]] = {}
    with database.read() as connection:
        rows = connection.execution_options(yield_per=1000).execute(query)
        for chain, members in groupby(rows, key=lambda row: str(row.chain)):
            digests[chain] = []
            broken += _check_chain(chain, members, digests[chain], seals)
    return (*broken, *_check_seals(seals, digests))


def _append(connection: Connection, site: str, chain: str, event: AuditEvent) -> None:
    head = connection.execute(
        select(audit.c.seq, audit.c.digest)
        .where(audit.c.site == site, audit.c.chain == chain)
        .order_by(audit.c.seq.desc())
        .limit(1)
    ).one_or_none()
    content = {
        "site": site,
        "chain": chain,
        "seq": 1 if head is None else head.seq + 1,
        "at": event.at.astimezone(UTC),
        "kind": event.kind.value,
        "action": event.action,
        "success": event.success,
        "who": event.who,
        "place": event.where,
        "study_uid": str(event.study_instance_uid),
        "detail": event.detail,
        "previous": "" if head is None else head.digest,
    }
    statement = insert_into(connection, audit).values(**content, digest=_digest(content)).on_conflict_do_nothing()
    if not connection.execute(statement).rowcount:
        raise Raced


def _digest(content: dict[str, Any]) -> str:
    """SHA-256 over every column but itself, in the table's order."""
    names = [column.name for column in audit.c if column.name != "digest"]
    values = [content[name].isoformat() if name == "at" else content[name] for name in names]
    return hashlib.sha256(json.dumps(values, ensure_ascii=True).encode()).hexdigest()


def _event(row: AuditRow) -> AuditEvent:
    return AuditEvent(
        at=row.at,
        kind=AuditKind(row.kind),
        action=row.action,
        success=row.success,
        who=row.who,
        where=row.place,
        study_instance_uid=row.study_uid,
        detail=row.detail,
    )


def _ends(connection: Connection, site: str) -> Sequence[AuditRow]:
    last = (
        select(audit.c.chain, func.max(audit.c.seq).label("seq"))
        .where(audit.c.site == site)
        .group_by(audit.c.chain)
        .subquery()
    )
    return connection.execute(
        select(audit.c.chain, audit.c.seq, audit.c.digest)
        .join(last, (audit.c.chain == last.c.chain) & (audit.c.seq == last.c.seq))
        .where(audit.c.site == site)
        .order_by(audit.c.chain)
    ).all()


def _check_chain(chain: str, rows: Iterable[AuditRow], digests: list[str], seals: list[str]) -> Iterator[Break]:
    previous, expected = "", 1
    for row in rows:
        if row.seq != expected:
            yield Break(chain=chain, seq=expected, why=f"row {expected} is missing")
        elif row.previous != previous:
            yield Break(chain=chain, seq=row.seq, why="the row before it was changed or replaced")
        if _digest(dict(row._mapping)) != row.digest:
            yield Break(chain=chain, seq=row.seq, why="the row was changed")
        if row.detail.startswith(_SEAL):
            seals.append(row.detail)
        digests += [""] * (row.seq - 1 - len(digests)) + [row.digest]
        previous, expected = row.digest, row.seq + 1


def _check_seals(seals: Iterable[str], digests: dict[str, list[str]]) -> Iterator[Break]:
    reported = set()
    for end in (end for text in seals for end in _ends_in(text)):
        if end in reported:
            continue
        reported.add(end)
        chain, seq, digest = end
        found = digests.get(chain, [])
        if len(found) < seq or found[seq - 1] != digest:
            yield Break(chain=chain, seq=seq, why="a seal names a row here that is gone or was replaced")


def _ends_in(text: str) -> Iterator[tuple[str, int, str]]:
    """(chain, number, digest) of every chain that a seal names; nothing in a text that only looks like one."""
    try:
        ends = json.loads(text.removeprefix(_SEAL))
    except ValueError:
        return
    for end in ends if isinstance(ends, list) else ():
        match = _END.fullmatch(str(end))
        if match:
            yield match[1], int(match[2]), match[3]
