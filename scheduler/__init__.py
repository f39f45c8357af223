"""Timed work, and the only process that talks to the outside world unasked."""
