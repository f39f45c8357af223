"""Tables every capability writes: audit, idempotency, rate counters, job runs."""
