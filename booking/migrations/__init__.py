"""The schema, step by step: `upgrading` runs `versions/` (Alembic), `needed` says which step this code needs."""
