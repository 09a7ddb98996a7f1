"""The filled forms that were signed with a report."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("review", sa.Column("forms", sa.Text(), nullable=False, server_default="[]"))
