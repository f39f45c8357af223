"""One look at an address: nothing read where nothing is new, else the whole answer put into the drop folder."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

from scheduler.exports.fetching import https
from scheduler.exports.fetching.https import Wanted
from scheduler.exports.fetching.landing import landing, swept
from scheduler.exports.fetching.looked import Keep, Looked, Memory
from scheduler.exports.slip_feed import AnyFeed
from scheduler.exports.sources import HttpsSource, name_in_pattern


async def fetch(
    feed: AnyFeed, source: HttpsSource, folder: Path, memory: Memory, keep: Keep, *, home: Path, now: datetime
) -> Looked:
    """Ask once. The name of the file is ours: what the server would call it is not looked at.

    Raises:
        Unreached: with what is wrong.
    """
    swept(folder, feed.code)
    wanted = Wanted(feed.limits.megabytes * 1_000_000, memory.get("etag"), memory.get("modified"))
    with landing(folder, feed.code) as file:
        answer = await https.get(source, wanted, file.write, home=home)
        modified = _moment(answer.modified, now=now)
        if answer.unchanged or file.sha256.hex() == memory.get("sha256"):
            return Looked(unchanged=True, said_at=modified)
        before = _moment(memory.get("modified"), now=now)
        if modified is not None and before is not None and modified < before:
            return Looked(remarks={"older": 1})
        name = name_in_pattern(feed.source.pattern, f"{feed.code}-{now:%Y%m%dT%H%M%S}")
        assert name is not None, "the feed was checked"
        if not file.settled(name, mtime=now.timestamp()):
            return Looked(waiting=1)
        memory |= {"etag": answer.etag, "modified": answer.modified, "sha256": file.sha256.hex()}
        await keep(memory, name)
        return Looked(fetched=[name])


def _moment(text: str | None, *, now: datetime) -> datetime | None:
    """A moment as HTTP writes it, never later than now; None where there is none."""
    try:
        found = parsedate_to_datetime(text) if text else None
    except ValueError:
        return None
    if found is None:
        return None
    return min(found if found.tzinfo is not None else found.replace(tzinfo=UTC), now)
