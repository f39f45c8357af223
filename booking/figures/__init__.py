"""What managers and auditors see: figures of a span of days, what did not arrive, suspicions, who read which record."""
