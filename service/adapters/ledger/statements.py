"""The statements of the hot path, built once: for most of an admission's time used to go into building them."""

from __future__ import annotations

from functools import cache

from sqlalchemy import Table, bindparam, insert, literal, select, update
from sqlalchemy.dialects import postgresql, sqlite

from service.adapters.ledger import schema
from service.adapters.ledger.clock import db_now
from service.adapters.ledger.direct import Direct
from service.ports.ledger import Admission

_association, _carried, _instance, _made, _series, _study = (
    schema.association, schema.association_study, schema.instance, schema.object_, schema.series, schema.study
)  # fmt: skip

KNOWN = Direct(
    select(_instance.c.id, _instance.c.study_id, _instance.c.sha256, _instance.c.location, _instance.c.attributes,
           _study.c.uid.label("study_uid"))
    .join(_study, _study.c.id == _instance.c.study_id)
    .where(_instance.c.site == bindparam("site"), _instance.c.sop_instance_uid == bindparam("uid"))
)  # fmt: skip
"""The instance with this UID (site, uid)."""

OURS = Direct(
    select(_made.c.id, _made.c.study_id, _made.c.returned_at).where(
        _made.c.site == bindparam("site"), _made.c.sop_instance_uid == bindparam("uid")
    )
)
"""The result that we issued under this UID (site, uid)."""

SERIES = Direct(
    select(_series.c.id).where(
        _series.c.site == bindparam("site"), _series.c.study_id == bindparam("study"), _series.c.uid == bindparam("uid")
    )
)
"""The number of a series (site, study, uid)."""

ADD_SERIES = insert(_series)

TOUCH_STUDY = Direct(update(_study).where(_study.c.id == bindparam("number")))
"""Sets the given columns of a study (number)."""

ADD_ORIGINAL = Direct(insert(schema.delivery).values(next_due=db_now()))
"""A delivery that is due at once."""


@cache
def add_instance(dialect: str) -> Direct:
    """Inserts an instance and returns its number; nothing where the UID is known."""
    return Direct(_insert(dialect, _instance).on_conflict_do_nothing().returning(_instance.c.id))


@cache
def count(dialect: str, admission: Admission) -> Direct:
    """Counts an admission for an association that is known (site, association, study); one that was given up
    meanwhile stays closed."""
    name = admission.value
    source = select(
        bindparam("site", type_=_carried.c.site.type),
        _association.c.id,
        bindparam("study", type_=_carried.c.study_id.type),
        literal(1),
        db_now(),
        _association.c.closed_at,
    ).where(_association.c.site == bindparam("site"), _association.c.association_id == bindparam("association"))
    return Direct(
        _insert(dialect, _carried)
        .from_select(["site", "association_id", "study_id", name, "seen_at", "closed_at"], source)
        .on_conflict_do_update(
            index_elements=["association_id", "study_id"],
            set_={name: _carried.c[name] + 1, "seen_at": db_now()},
        )
    )


def _insert(dialect: str, table: Table) -> postgresql.Insert | sqlite.Insert:
    return sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)
