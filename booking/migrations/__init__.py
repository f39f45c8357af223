"""The schema, step by step: `upgrading` runs the steps of `versions/` (Alembic), `needed` says which this code needs."""
