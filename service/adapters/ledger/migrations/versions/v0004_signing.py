"""What named persons say of reports, and the edited documents that come back.

The table `review` of the first version was never written: it is made anew.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.drop_table("review")
    op.create_table(
        "review",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("study_id", KEY, nullable=False),
        sa.Column("job_id", KEY, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("observer", sa.Text(), nullable=False),
        sa.Column("organization", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("zone", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("statements", sa.Text(), nullable=False),
        sa.Column("encoding_id", KEY, nullable=True),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name="fk_review_study_id"),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name="fk_review_job_id"),
        sa.ForeignKeyConstraint(["encoding_id"], ["job.id"], name="fk_review_encoding_id"),
        sa.PrimaryKeyConstraint("id", name="pk_review"),
        sa.UniqueConstraint("job_id", "number", "site", name="uq_review_job_id_number_site"),
    )
    op.create_index("ix_review_study", "review", ["study_id"], unique=False)
    op.create_index("ix_review_encoding", "review", ["encoding_id"], unique=False)
    op.create_table(
        "returned",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("study_id", KEY, nullable=False),
        sa.Column("sop_instance_uid", sa.Text(), nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("settled_at", sa.BigInteger(), nullable=True),
        sa.Column("job_id", KEY, nullable=True),
        sa.Column("matched_by", sa.Text(), server_default="", nullable=False),
        sa.Column("observer", sa.Text(), server_default="", nullable=False),
        sa.Column("verified", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("text", sa.Text(), server_default="", nullable=False),
        sa.Column("edits", sa.Text(), server_default="[]", nullable=False),
        sa.Column("words", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name="fk_returned_study_id"),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name="fk_returned_job_id"),
        sa.PrimaryKeyConstraint("id", name="pk_returned"),
        sa.UniqueConstraint("sop_instance_uid", "site", name="uq_returned_sop_instance_uid_site"),
    )
    op.create_index("ix_returned_study", "returned", ["study_id"], unique=False)
    op.create_index(
        "ix_returned_unsettled", "returned", ["site", "id"], unique=False,
        sqlite_where=sa.text("settled_at IS NULL"), postgresql_where=sa.text("settled_at IS NULL"),
    )  # fmt: skip
