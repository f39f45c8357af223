"""Speaking to a terminal."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from booking.settings import Settings, SettingsError, load

CANNOT_START = 78
"""sysexits' EX_CONFIG: the settings are at fault, and starting again will not help."""


def say(text: str = "") -> None:
    """A line for the person at the terminal, at once."""
    print(text, flush=True)


def settings_or_exit() -> Settings:
    """The settings of the environment, or a list of what to put right and an exit."""
    with told_to_start():
        return load()


@contextmanager
def told_to_start() -> Iterator[None]:
    """End the process with a list of what to put right, where the settings are at fault."""
    try:
        yield
    except SettingsError as problem:
        print("Hẹn Khám cannot start. Put these right (docs/operations.md, Settings):", file=sys.stderr)
        for line in problem.problems:
            print(f"  - {line}", file=sys.stderr)
        raise SystemExit(CANNOT_START) from None
