"""The priority of what waits of a study for a radiologist, so that the work list walks one index; and the time in the
indexes of names and numbers, so that the newest of many old hits are found in them alone.

It is filled in for what waits already: with a million studies that takes a minute or two, once.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

FILL = """
UPDATE study SET waits = (
  SELECT min(job.priority) FROM job
  WHERE job.study_id = study.id AND job.state = 'COMPLETED' AND job.mode = 'live'
    AND EXISTS (SELECT 1 FROM report WHERE report.job_id = job.id)
    AND NOT EXISTS (SELECT 1 FROM review WHERE review.job_id = job.generation)
    AND NOT EXISTS (
      SELECT 1 FROM job AS other JOIN report AS of_other ON of_other.job_id = other.id
      WHERE other.study_id = job.study_id AND other.rule = job.rule AND other.generation > job.generation
    )
) WHERE state IN ('done', 'delivering', 'attention') AND id BETWEEN :first AND :last
"""
AT_ONCE = 50_000
"""Studies of one statement, so that none takes longer than a statement may."""


TEXTS = ("name", "patient", "accession")


def upgrade() -> None:
    for each in TEXTS:
        op.drop_index(f"ix_study_{each}", table_name="study")
        op.create_index(f"ix_study_{each}", "study", ["site", f"{each}_key", "received_last"], unique=False)
    op.add_column("study", sa.Column("waits", sa.Integer(), nullable=True))
    fill(op.get_bind())
    op.create_index(
        "ix_study_waits", "study", ["site", "waits", "received_last", "uid"], unique=False,
        sqlite_where=sa.text("waits IS NOT NULL"), postgresql_where=sa.text("waits IS NOT NULL"),
    )  # fmt: skip


def fill(connection: sa.Connection) -> None:
    """Write down what waits of every study."""
    most = connection.scalar(sa.text("SELECT max(id) FROM study")) or 0
    for first in range(1, most + 1, AT_ONCE):
        connection.execute(sa.text(FILL), {"first": first, "last": first + AT_ONCE - 1})
