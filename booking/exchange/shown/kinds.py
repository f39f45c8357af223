"""Enums of what is shown."""

from enum import StrEnum


class ShownState(StrEnum):
    """How far a file that was shown is."""

    WAITING = "waiting"
    DONE = "done"  # `told` says what was read, or why nothing could be
    FAILED = "failed"  # the reader was lost each time; the file may be shown again
