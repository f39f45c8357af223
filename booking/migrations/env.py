"""How Alembic runs a migration: one at a time, with a short wait for locks, each in its own transaction."""

from alembic import context
from sqlalchemy import Connection, text

from booking import clock
from booking.migrations.tables import METADATA
from booking.migrations.upgrading import ADVISORY_LOCK, LOCK_TIMEOUT

_ASK_EVERY = 0.05
"""Seconds."""


def run(connection: Connection) -> None:
    """Upgrade over the connection the caller opened."""
    # A session's lock, because each migration commits by itself. Whoever waits here finds nothing left to do.
    # Asked for again and again: a statement that waits would hold a snapshot, and an index that is built beside the
    # traffic waits for every snapshot, for ours too.
    while not connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": ADVISORY_LOCK}).scalar_one():
        connection.rollback()
        clock.pause(_ASK_EVERY)
    connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}'"))
    connection.commit()
    try:
        context.configure(
            connection=connection,
            target_metadata=METADATA,
            transaction_per_migration=True,
            compare_type=True,
        )
        with context.begin_transaction():
            context.run_migrations()
    finally:
        connection.rollback()
        connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": ADVISORY_LOCK})
        connection.commit()


run(context.config.attributes["connection"])
