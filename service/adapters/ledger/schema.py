"""The ledger's tables; what each holds stands in deploy/docs/ledger.md.

`site` is in every unique key; it stands last where another column says as much already, so that the key is
also that column's index. Trailing columns of other indexes let counts be read from the index alone.

In rows that are worked on, `next_due` says when somebody may take the row: its due time, or the end of its
lease while it is leased; it is NULL where nobody may. So one range over one partial index answers "what may
I claim".
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from service.adapters.ledger.clock import UtcDateTime

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Key = BigInteger().with_variant(Integer, "sqlite")
"""SQLite gives row numbers to INTEGER primary keys only."""

Folded = Text().with_variant(Text(collation="C"), "postgresql")
"""Case-folded text that a prefix is searched in: its order must be that of code points."""


def _id() -> Column[int]:
    return Column("id", Key, primary_key=True, autoincrement=True)


def _site() -> Column[str]:
    return Column("site", Text, nullable=False)


def _to(table: str, *, name: str | None = None, nullable: bool = False) -> Column[int]:
    return Column(name or f"{table}_id", Key, ForeignKey(f"{table}.id"), nullable=nullable)


def _worked() -> Iterator[Column[object]]:
    """What every row that is worked on has."""
    yield Column("next_due", UtcDateTime)
    yield Column("lease_until", UtcDateTime)
    yield Column("attempt", Integer, nullable=False, server_default="0")
    yield Column("worker", Text, nullable=False, server_default="")
    yield Column("last_error", Text, nullable=False, server_default="")


site = Table(
    "site", metadata,
    Column("name", Text, primary_key=True),
    Column("created_at", UtcDateTime, nullable=False),
)  # fmt: skip

config_version = Table(
    "config_version", metadata,
    _id(), _site(),
    Column("number", Integer, nullable=False),
    Column("texts", Text, nullable=False),
    Column("applied_at", UtcDateTime, nullable=False),
    Column("applied_by", Text, nullable=False),
    UniqueConstraint("site", "number"),
)  # fmt: skip

# --- what arrived ----------------------------------------------------------------------------------------

patient = Table(
    "patient", metadata,
    _id(), _site(),
    Column("identifier", Text, nullable=False),
    Column("issuer", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("birth_date", Text, nullable=False),
    Column("sex", Text, nullable=False),
    UniqueConstraint("site", "identifier", "issuer"),
)  # fmt: skip

study = Table(
    "study", metadata,
    _id(), _site(),
    Column("uid", Text, nullable=False),
    Column("source", Text, nullable=False),
    _to("patient", nullable=True),
    Column("identity_version", Integer, nullable=False),
    Column("identity_digest", Text, nullable=False),
    Column("name_key", Folded, nullable=False),
    Column("patient_key", Folded, nullable=False),
    Column("accession_key", Folded, nullable=False),
    Column("modalities", Text, nullable=False, server_default=""),
    Column("instances", Integer, nullable=False, server_default="0"),
    Column("images", Integer, nullable=False, server_default="0"),
    Column("conflicts", Integer, nullable=False, server_default="0"),
    Column("manifests", Integer, nullable=False, server_default="0"),
    Column("received_first", UtcDateTime, nullable=False),
    Column("received_last", UtcDateTime, nullable=False),
    Column("opened_at", UtcDateTime),
    Column("touched_at", UtcDateTime),
    Column("last_release", UtcDateTime),
    Column("state", Text, nullable=False),
    Column("waits", Integer),
    UniqueConstraint("site", "uid"),
    Index("ix_study_page", "site", "received_last", "uid", "instances"),
    Index("ix_study_state", "site", "state", "received_last", "uid"),
    Index("ix_study_waits", "site", "waits", "received_last", "uid",
          sqlite_where=text("waits IS NOT NULL"), postgresql_where=text("waits IS NOT NULL")),
    Index("ix_study_name", "site", "name_key", "received_last"),
    Index("ix_study_patient", "site", "patient_key", "received_last"),
    Index("ix_study_accession", "site", "accession_key", "received_last"),
    Index("ix_study_open", "site", "opened_at",
          sqlite_where=text("opened_at IS NOT NULL"), postgresql_where=text("opened_at IS NOT NULL")),
    Index("ix_study_conflicts", "site", "conflicts",
          sqlite_where=text("conflicts > 0"), postgresql_where=text("conflicts > 0")),
)  # fmt: skip

identity = Table(
    "identity", metadata,
    _id(), _site(), _to("study"),
    Column("version", Integer, nullable=False),
    Column("digest", Text, nullable=False),
    Column("facts", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    UniqueConstraint("study_id", "version", "site"),
)  # fmt: skip

series = Table(
    "series", metadata,
    _id(), _site(), _to("study"),
    Column("uid", Text, nullable=False),
    Column("modality", Text, nullable=False),
    UniqueConstraint("study_id", "uid", "site"),
    Index("ix_series_modality", "site", "modality", "study_id"),
)  # fmt: skip

instance = Table(
    "instance", metadata,
    _id(), _site(), _to("study"), _to("series"),
    Column("sop_class_uid", Text, nullable=False),
    Column("sop_instance_uid", Text, nullable=False),
    Column("transfer_syntax_uid", Text, nullable=False),
    Column("attributes", Text, nullable=False),
    Column("location", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
    UniqueConstraint("site", "sop_instance_uid"),
    Index("ix_instance_study", "study_id"),
)  # fmt: skip

rejection = Table(
    "rejection", metadata,
    _id(), _site(),
    Column("study_uid", Text, nullable=False),
    Column("sop_instance_uid", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    UniqueConstraint("study_uid", "sop_instance_uid", "site"),
)  # fmt: skip

association = Table(
    "association", metadata,
    _id(), _site(),
    Column("association_id", Text, nullable=False),
    Column("process", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("calling_ae_title", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("opened_at", UtcDateTime, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
    Column("closed_at", UtcDateTime),
    Column("how", Text, nullable=False, server_default=""),
    UniqueConstraint("site", "association_id"),
    Index("ix_association_open", "site", "seen_at",
          sqlite_where=text("closed_at IS NULL"), postgresql_where=text("closed_at IS NULL")),
)  # fmt: skip

association_study = Table(
    "association_study", metadata,
    _site(),
    Column("association_id", Key, ForeignKey("association.id"), primary_key=True),
    Column("study_id", Key, ForeignKey("study.id"), primary_key=True),
    Column("new", Integer, nullable=False, server_default="0"),
    Column("duplicate", Integer, nullable=False, server_default="0"),
    Column("corrected", Integer, nullable=False, server_default="0"),
    Column("conflict", Integer, nullable=False, server_default="0"),
    Column("echo", Integer, nullable=False, server_default="0"),
    Column("seen_at", UtcDateTime, nullable=False),
    Column("closed_at", UtcDateTime),
    Index("ix_association_study_open", "study_id",
          sqlite_where=text("closed_at IS NULL"), postgresql_where=text("closed_at IS NULL")),
)  # fmt: skip

# --- what is read ----------------------------------------------------------------------------------------

manifest = Table(
    "manifest", metadata,
    _id(), _site(), _to("study"),
    Column("version", Integer, nullable=False),
    Column("digest", Text, nullable=False),
    Column("opened_at", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("study_id", "version", "site"),
    Index("ix_manifest_created", "site", "created_at"),
)  # fmt: skip

manifest_instance = Table(
    "manifest_instance", metadata,
    Column("manifest_id", Key, ForeignKey("manifest.id"), primary_key=True),
    Column("instance_id", Key, ForeignKey("instance.id"), primary_key=True),
    _to("series"),
    Column("sop_class_uid", Text, nullable=False),
    Column("transfer_syntax_uid", Text, nullable=False),
    Column("attributes", Text, nullable=False),
    Column("location", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
)  # fmt: skip

job = Table(
    "job", metadata,
    _id(), _site(), _to("study"),
    Column("manifest_version", Integer, nullable=False),
    Column("identity_version", Integer, nullable=False),
    Column("protocol", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("config_version", Integer, nullable=False),
    Column("mode", Text, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("run_number", Integer, nullable=False),
    Column("generation", BigInteger, nullable=False),
    _to("job", name="origin_id", nullable=True),
    Column("state", Text, nullable=False),
    *_worked(),
    Column("crashes", Integer, nullable=False, server_default="0"),
    Column("reason", Text, nullable=False, server_default=""),
    Column("deadline", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    Column("started_at", UtcDateTime),
    Column("finished_at", UtcDateTime),
    Column("outcome", Text, nullable=False, server_default=""),
    Column("provenance", Text, nullable=False, server_default=""),
    Index("ix_job_due", "site", "priority", "next_due", "id", "state", "crashes", "attempt", "created_at",
          sqlite_where=text("next_due IS NOT NULL"), postgresql_where=text("next_due IS NOT NULL")),
    Index("ix_job_state", "site", "state", "id"),
    Index("ix_job_study", "study_id", "rule"),
    Index("ix_job_finished", "site", "finished_at",
          sqlite_where=text("finished_at IS NOT NULL"), postgresql_where=text("finished_at IS NOT NULL")),
)  # fmt: skip

step = Table(
    "step", metadata,
    _id(), _site(), _to("job"),
    Column("ordinal", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("algorithm", Text, nullable=False),
    Column("answer", Text, nullable=False),
    Column("error", Text, nullable=False),
    Column("model_digest", Text, nullable=False),
    Column("prompt_digest", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("took_s", Float, nullable=False),
    UniqueConstraint("job_id", "ordinal", "site"),
)  # fmt: skip

report = Table(
    "report", metadata,
    _id(), _site(), _to("job"),
    Column("text", Text, nullable=False),
    UniqueConstraint("job_id", "site"),
)  # fmt: skip

object_ = Table(
    "object", metadata,
    _id(), _site(), _to("study"), _to("job"),
    Column("role", Text, nullable=False),
    Column("sop_class_uid", Text, nullable=False),
    Column("sop_instance_uid", Text, nullable=False),
    Column("series_instance_uid", Text, nullable=False),
    Column("transfer_syntax_uid", Text, nullable=False),
    Column("instance_number", Integer, nullable=False),
    Column("location", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("returned_at", UtcDateTime),
    UniqueConstraint("site", "sop_instance_uid"),
    Index("ix_object_study", "study_id"),
    Index("ix_object_job", "job_id"),
)  # fmt: skip

review = Table(
    "review", metadata,
    _id(), _site(), _to("study"), _to("job"),
    Column("number", Integer, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("observer", Text, nullable=False),
    Column("organization", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("zone", Integer, nullable=False),
    Column("text", Text, nullable=False),
    Column("statements", Text, nullable=False),
    _to("job", name="encoding_id", nullable=True),
    Column("forms", Text, nullable=False, server_default="[]"),
    UniqueConstraint("job_id", "number", "site"),
    Index("ix_review_study", "study_id"),
    Index("ix_review_encoding", "encoding_id"),
)  # fmt: skip

returned = Table(
    "returned", metadata,
    _id(), _site(), _to("study"),
    Column("sop_instance_uid", Text, nullable=False),
    Column("location", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("settled_at", UtcDateTime),
    _to("job", nullable=True),
    Column("matched_by", Text, nullable=False, server_default=""),
    Column("observer", Text, nullable=False, server_default=""),
    Column("verified", Boolean, nullable=False, server_default="0"),
    Column("text", Text, nullable=False, server_default=""),
    Column("edits", Text, nullable=False, server_default="[]"),
    Column("words", Text, nullable=False, server_default=""),
    UniqueConstraint("sop_instance_uid", "site"),
    Index("ix_returned_study", "study_id"),
    Index("ix_returned_unsettled", "site", "id",
          sqlite_where=text("settled_at IS NULL"), postgresql_where=text("settled_at IS NULL")),
)  # fmt: skip

edit_log = Table(
    "edit_log", metadata,
    Column("site", Text, primary_key=True),
    Column("chain", Text, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("job_id", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("study_uid", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("adapter", Text, nullable=False),
    Column("reviewer", Text, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("accepted", Integer, nullable=False),
    Column("draft", Text, nullable=False),
    Column("before_sha256", Text, nullable=False),
    Column("after_sha256", Text, nullable=False),
    Column("edits", Text, nullable=False),
    Column("previous", Text, nullable=False),
    Column("digest", Text, nullable=False),
    UniqueConstraint("job_id", "number", "site"),
)  # fmt: skip

dismissal = Table(
    "dismissal", metadata,
    Column("site", Text, primary_key=True),
    Column("job_id", Text, primary_key=True),
    Column("issue_key", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("study_uid", Text, nullable=False),
    Column("reviewer", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)  # fmt: skip

tally = Table(
    "tally", metadata,
    Column("site", Text, primary_key=True),
    Column("model", Text, primary_key=True),
    Column("adapter", Text, primary_key=True),
    Column("prompt", Text, primary_key=True),
    Column("what", Text, primary_key=True),
    Column("number", BigInteger, nullable=False),
)  # fmt: skip

# --- what is owed ----------------------------------------------------------------------------------------

delivery = Table(
    "delivery", metadata,
    _id(), _site(), _to("study"),
    _to("job", nullable=True), _to("object", nullable=True), _to("instance", nullable=True),
    Column("lane", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("destination", Text, nullable=False),
    Column("sop_class_uid", Text, nullable=False),
    Column("sop_instance_uid", Text, nullable=False),
    Column("transfer_syntax_uid", Text, nullable=False),
    Column("location", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("role", Text, nullable=False, server_default=""),
    Column("identity_version", Integer),
    Column("priority", Integer, nullable=False),
    Column("state", Text, nullable=False),
    *_worked(),
    Column("nothing_sent", Integer, nullable=False, server_default="0"),
    Column("sent_again_at", Integer, nullable=False, server_default="0"),
    Column("doomed", Boolean, nullable=False, server_default="0"),
    Column("created_at", UtcDateTime, nullable=False),
    Column("sent_at", UtcDateTime),
    UniqueConstraint("object_id", "destination", "site"),
    Index("ix_delivery_due", "site", "lane", "priority", "next_due", "id", "state", "attempt", "created_at",
          sqlite_where=text("next_due IS NOT NULL"), postgresql_where=text("next_due IS NOT NULL")),
    Index("ix_delivery_state", "site", "state", "id"),
    Index("ix_delivery_destination", "site", "destination", "state", "id"),
    Index("ix_delivery_study", "study_id", "kind", "state"),
    Index("ix_delivery_job", "job_id"),
    Index("ix_delivery_sent", "site", "sent_at",
          sqlite_where=text("sent_at IS NOT NULL"), postgresql_where=text("sent_at IS NOT NULL")),
)  # fmt: skip

# --- what happened ---------------------------------------------------------------------------------------

event = Table(
    "event", metadata,
    _id(), _site(),
    Column("at", UtcDateTime, nullable=False),
    Column("kind", Text, nullable=False),
    Column("text", Text, nullable=False),
    _to("study", nullable=True),
    Column("study_uid", Text),
    Column("job_id", Text, nullable=False, server_default=""),
    Column("delivery_id", Text, nullable=False, server_default=""),
    Column("took_s", Float),
    Index("ix_event_study", "study_id", "id"),
    Index("ix_event_orphan", "site", "study_uid",
          sqlite_where=text("study_uid IS NOT NULL"), postgresql_where=text("study_uid IS NOT NULL")),
)  # fmt: skip

lock = Table(
    "lock", metadata,
    Column("site", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("lease_until", UtcDateTime, nullable=False),
)  # fmt: skip

beat = Table(
    "beat", metadata,
    Column("site", Text, primary_key=True),
    Column("process", Text, primary_key=True),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("detail", Text, nullable=False),
    Column("since", UtcDateTime, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
)  # fmt: skip

# --- who may come in, and who did ------------------------------------------------------------------------

token = Table(
    "token", metadata,
    Column("site", Text, primary_key=True),
    Column("token_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("roles", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("revoked", Boolean, nullable=False, server_default="0"),
)  # fmt: skip

audit = Table(
    "audit", metadata,
    Column("site", Text, primary_key=True),
    Column("chain", Text, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("kind", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("success", Boolean, nullable=False),
    Column("who", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column("study_uid", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("previous", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Index("ix_audit_at", "site", "at"),
)  # fmt: skip
