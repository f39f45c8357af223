"""`henkham feed fetch`: try the server of a feed, and say in words what is wrong. Nothing there is changed.

No database is needed, nothing is put into the drop folder, and what the scheduler remembers stays as it is.
"""

import asyncio
import json
import sys
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

from booking import clock
from booking.exchange.errors import FeedError
from booking.exchange.fetching import Ended
from scheduler.exports.feed_file import load_any
from scheduler.exports.fetching import looking, wording
from scheduler.exports.fetching.looked import Looked
from scheduler.exports.slip_feed import AnyFeed
from scheduler.exports.wording import harmless

FETCHED, NOTHING, UNUSABLE = 0, 1, 2
_SHOWN = 10

_REMARKS = {
    "no_files": "Left alone, because they are links, folders or pipes: {}.",
    "odd_names": "Left alone, because no file here may have such a name: {}.",
    "older": "Left alone, because they are older than one that was fetched: {}.",
    "waiting": "Not whole yet, or waiting for one that is not: {}.",
}


def fetch(path: Path, *, out: Path | None, as_json: bool) -> int:
    """Fetch once as the scheduler would, into a folder of the moment; the exit code of the command."""
    try:
        feed = load_any(path)
    except FeedError as error:
        return _unusable([f"{path.name} cannot be used:", *(f"  {each}" for each in error.problems)], as_json=as_json)
    if not looking.is_fetched(feed):
        return _unusable(
            [f"{path.name} says nothing of a server: give [source.sftp] or [source.https]."], as_json=as_json
        )
    if out is not None and out.exists():
        return _unusable([f"{out.name} is there already; nothing is written over it."], as_json=as_json)
    with tempfile.TemporaryDirectory(prefix="henkham-fetch-") as folder:
        end, found = asyncio.run(_once(feed, Path(folder), path.parent, clock.utc_now()))
        files = [Path(folder) / name for name in found.fetched]
        sizes = {file.name: file.stat().st_size for file in files}
        if out is not None and files:
            out.write_bytes(files[-1].read_bytes())
    lines = _lines(feed, end, sizes, out if files else None)
    if as_json:
        plain: dict[str, Any] = {"feed": feed.code, "place": looking.place_of(feed), "reached": end.reached}
        words = wording.explain(end.problem, end.facts) if end.problem else None
        plain |= {"problem": end.problem, "text": words, "facts": dict(end.facts), "files": sizes}
        lines = [json.dumps(plain, ensure_ascii=False, indent=1)]
    _tell(lines)
    if not end.reached:
        return UNUSABLE
    return FETCHED if sizes and end.problem is None else NOTHING


def _unusable(lines: list[str], *, as_json: bool) -> int:
    _tell([json.dumps({"feed": None, "problems": lines}, ensure_ascii=False, indent=1)] if as_json else lines)
    return UNUSABLE


async def _once(feed: AnyFeed, folder: Path, home: Path, now: datetime) -> tuple[Ended, Looked]:
    async def keep(_memory: dict[str, Any], _name: str | None) -> None:
        """Nothing is remembered."""

    return await looking.look(_untouched(feed), folder, {}, keep, home=home, now=now)


def _untouched(feed: AnyFeed) -> AnyFeed:
    """The feed, with what is there left as it is."""
    if feed.source.sftp is None:
        return feed
    sftp = feed.source.sftp.model_copy(update={"afterwards": "leave"})
    return feed.model_copy(update={"source": feed.source.model_copy(update={"sftp": sftp})})


def _lines(feed: AnyFeed, end: Ended, sizes: dict[str, int], out: Path | None) -> list[str]:
    lines = [f"{looking.place_of(feed)}: {'reached' if end.reached else 'not reached'}."]
    if end.problem is not None:
        lines.append(wording.explain(end.problem, end.facts))
    else:
        lines += [_REMARKS[what].format(count) for what, count in end.facts.items() if what in _REMARKS]
    if sizes:
        lines.append(f"{len(sizes)} to be fetched, in this order:" if len(sizes) > 1 else "To be fetched:")
        lines += [f"  {name} ({size:,} bytes)" for name, size in list(sizes.items())[-_SHOWN:]]
    elif end.reached and end.problem is None:
        lines.append(f"Nothing to be fetched: no whole file there is called {feed.source.pattern}.")
    if out is not None:
        lines.append(f"The last one is now in {out.name}. Next: henkham feed check FEED.toml {out.name}")
    return lines


def _tell(lines: list[str]) -> None:
    # As bytes: a pipe on a machine without a UTF-8 locale would otherwise refuse Vietnamese.
    text = "\n".join(harmless(each) for line in lines for each in line.split("\n"))
    sys.stdout.buffer.write(f"{text}\n".encode())
    sys.stdout.flush()
