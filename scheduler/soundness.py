"""When each job of this process last ran without failing, for monitoring: a job may fail for ever and nobody hear."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

LONG: Final = timedelta(seconds=30)
"""A run that has gone on for so long without failing counts as sound: some end with the scheduler alone."""


class Soundness:
    """What the ticks note and one job writes down."""

    def __init__(self) -> None:
        self._every: dict[str, float] = {}
        self._sound: dict[str, datetime] = {}
        self._begun: dict[str, datetime] = {}

    def expect(self, job: str, every: timedelta) -> None:
        """A job of the timetable."""
        self._every[job] = every.total_seconds()

    def begins(self, job: str, now: datetime) -> None:
        """A run begins."""
        self._begun[job] = now

    def ends(self, job: str, now: datetime, *, well: bool) -> None:
        """It has ended, without failing or not."""
        self._begun.pop(job, None)
        if well:
            self._sound[job] = now

    def known(self, now: datetime) -> Mapping[str, tuple[float, datetime | None]]:
        """By job, how often it runs in seconds and when it last was sound; None: not since this process began."""
        for job, begun in self._begun.items():
            if now - begun >= LONG:
                self._sound[job] = now
        return {job: (every, self._sound.get(job)) for job, every in self._every.items()}
