"""The edit log in SQL: one row per revision, each sealing the one before it, as in the audit record.

Every process writes a chain of its own. What is cut off at a chain's end shows in the audit record, which names the
digest of every row.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import UTC
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, select

from service.adapters.edit_rows import edit_of, edit_row
from service.adapters.form_rows import form_of, form_row
from service.adapters.ledger import schema
from service.adapters.ledger.counting import add_suggestion
from service.adapters.ledger.engine import Database, Raced
from service.adapters.ledger.part import AnyRow, AnySelect, insert_into
from service.adapters.ledger.signing import closed
from service.domain.edit import History, Revision, Suggestion, replayed, text_digest
from service.domain.errors import Unavailable

_RACES = 20

log = schema.edit_log


class ChainedEdits:
    """The port `EditLog`; `process` names this process's chain."""

    def __init__(self, database: Database, *, site: str = "main", process: str) -> None:
        self._database = database
        self._site = site
        self._chain = process

    def record(self, revision: Revision, *, draft: str) -> str | None:
        for _ in range(_RACES):
            try:
                with self._database.write() as connection:
                    return self._append(connection, revision, draft)
            except Raced:
                continue
        raise Unavailable(f"the edit log {self._chain} is written by too many at once")

    def history(self, job_id: str) -> History | None:
        with self._database.read() as connection:
            return _history(connection.execute(self._of(job_id)).all())

    def breaks(self) -> tuple[str, ...]:
        query = select(log).where(log.c.site == self._site)
        with self._database.read() as connection:
            chained = connection.execute(query.order_by(log.c.chain, log.c.seq)).all()
            by_job = connection.execute(query.order_by(log.c.job_id, log.c.number)).all()
        return (*_broken_chains(chained), *_broken_histories(by_job))

    def _of(self, job_id: str) -> AnySelect:
        return select(log).where(log.c.site == self._site, log.c.job_id == job_id).order_by(log.c.number)

    def _append(self, connection: Connection, revision: Revision, draft: str) -> str | None:
        if closed(connection, self._site, revision.study_instance_uid, revision.job_id):
            return None
        history = _history(connection.execute(self._of(revision.job_id)).all()) or History(draft=draft)
        if text_digest(history.text) != revision.before_sha256:
            return None
        if text_digest(replayed(history.text, revision.edits)) != revision.after_sha256:
            raise ValueError("the edits of this revision do not make the text that it names")
        head = _head(connection, self._site, self._chain)
        content = {
            "site": self._site,
            "chain": self._chain,
            "seq": 1 if head is None else head.seq + 1,
            "number": len(history.revisions) + 1,
            "draft": "" if history.revisions else draft,
            "previous": "" if head is None else head.digest,
            **_columns(revision),
        }
        digest = _digest(content)
        # Somebody else's revision has the same number in the job, or the same place in the chain: look again.
        statement = insert_into(connection, log).values(**content, digest=digest).on_conflict_do_nothing()
        if not connection.execute(statement).rowcount:
            raise Raced
        if revision.suggestion is not None:
            add_suggestion(connection, self._site, revision.model, revision.adapter, revision.suggestion)
        return f"{self._chain}#{content['seq']}={digest}"


def _columns(revision: Revision) -> dict[str, Any]:
    plain = ("job_id", "model", "adapter", "reviewer", "accepted", "before_sha256", "after_sha256")
    return {
        **{name: getattr(revision, name) for name in plain},
        "seconds": float(revision.seconds),
        "at": revision.at.astimezone(UTC),
        "study_uid": revision.study_instance_uid,
        "edits": json.dumps(_made(revision), ensure_ascii=True),
    }


def _made(revision: Revision) -> object:
    """What one row holds of edits: the list of them, also with the form that they put into the text, the answer to a
    suggestion, a first impression, or what changed beside the text."""
    if revision.impression is not None:
        return {"impression": revision.impression}
    if revision.suggestion is not None:
        return {"suggestion": asdict(revision.suggestion)}
    if revision.beside:
        return {"beside": [edit_row(edit) for edit in revision.beside]}
    made = [edit_row(edit) for edit in revision.edits]
    return {"form": form_row(revision.form), "edits": made} if revision.form else made


def _revision(row: AnyRow) -> Revision:
    made = json.loads(row.edits)
    aside = made if isinstance(made, dict) else {}
    suggestion, form = aside.get("suggestion"), aside.get("form")
    return Revision(
        study_instance_uid=row.study_uid, job_id=row.job_id, model=row.model, adapter=row.adapter,
        reviewer=row.reviewer, at=row.at, seconds=row.seconds, accepted=row.accepted,
        before_sha256=row.before_sha256, after_sha256=row.after_sha256,
        edits=tuple(edit_of(data) for data in (aside.get("edits", ()) if aside else made)),
        suggestion=_suggestion(suggestion) if suggestion else None, impression=aside.get("impression"),
        beside=tuple(edit_of(data) for data in aside.get("beside", ())), form=form_of(form) if form else None,
    )  # fmt: skip


def _suggestion(data: dict[str, Any]) -> Suggestion:
    return Suggestion(**{**data, "unsupported": tuple(data["unsupported"])})


def _history(rows: Sequence[AnyRow]) -> History | None:
    return History(draft=rows[0].draft, revisions=tuple(map(_revision, rows))) if rows else None


def _head(connection: Connection, site: str, chain: str) -> AnyRow | None:
    mine = (log.c.site == site, log.c.chain == chain)
    return connection.execute(
        select(log.c.seq, log.c.digest).where(*mine).order_by(log.c.seq.desc()).limit(1)
    ).one_or_none()


def _digest(content: dict[str, Any]) -> str:
    """SHA-256 over every column but itself, in the table's order."""
    names = [column.name for column in log.c if column.name != "digest"]
    values = [content[name].isoformat() if name == "at" else content[name] for name in names]
    return hashlib.sha256(json.dumps(values, ensure_ascii=True).encode()).hexdigest()


def _broken_chains(rows: Iterable[AnyRow]) -> Iterator[str]:
    for chain, members in groupby(rows, key=lambda row: str(row.chain)):
        previous, expected = "", 1
        for row in members:
            if row.seq != expected:
                yield f"{chain}, revision {expected}: the row is missing"
            elif row.previous != previous:
                yield f"{chain}, revision {row.seq}: the row before it was changed or replaced"
            if _digest(dict(row._mapping)) != row.digest:
                yield f"{chain}, revision {row.seq}: the row was changed"
            previous, expected = row.digest, row.seq + 1


def _broken_histories(rows: Iterable[AnyRow]) -> Iterator[str]:
    """Reports whose revisions do not follow from each other."""
    for job_id, members in groupby(rows, key=lambda row: str(row.job_id)):
        text = ""
        for number, row in enumerate(members, start=1):
            text = row.draft if number == 1 else text
            try:
                text = replayed(text, _revision(row).edits)
            except (ValueError, KeyError, TypeError):
                text = ""
            if row.number != number or text_digest(text) != row.after_sha256:
                yield f"job {job_id}, revision {number}: the text cannot be made again from the draft"
                break
