"""Alembic's entry: it runs on the connection, and in the transaction, that `upgrade` hands over."""

from __future__ import annotations

from alembic import context

from service.adapters.ledger.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
    render_as_batch=True,
)
context.run_migrations()
