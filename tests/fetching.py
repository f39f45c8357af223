"""Feeds that are fetched, for tests: the smallest feed with a server, and one look at it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from booking.exchange.fetching import Ended
from scheduler.exports.feed import Feed
from scheduler.exports.fetching import looking
from scheduler.exports.fetching.looked import Looked
from tests.exports import small

NOW = datetime(2026, 11, 23, 1, tzinfo=UTC)
SOURCE = 'format = "csv"'


def fetched(lines: str, *, more: str = "") -> Feed:
    """The smallest feed, its files in `small`, fetched as these lines of `[source...]` say."""
    return small((SOURCE, f'{SOURCE}\nfolder = "small"\n{lines}'), more=more)


@dataclass(slots=True)
class Looker:
    """Looks at a server as the scheduler does, without a database."""

    home: Path
    memory: dict[str, Any] = field(default_factory=dict)
    kept: list[str | None] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        return self.home / "small"

    def names(self) -> list[str]:
        """What lies in the drop folder, hidden files too."""
        return sorted(path.name for path in self.folder.iterdir()) if self.folder.is_dir() else []

    async def look(self, feed: Feed, *, now: datetime = NOW) -> tuple[Ended, Looked]:
        async def keep(_memory: dict[str, Any], name: str | None) -> None:
            self.kept.append(name)

        end, found = await looking.look(feed, self.folder, self.memory, keep, home=self.home, now=now)
        assert not [name for name in self.names() if name.startswith(".")], "something half written was left"
        return end, found
