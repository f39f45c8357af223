"""Where files of ours and exports of a hospital would lie among each other: then ours would be read as hers."""

import os
import posixpath
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path

from booking.exchange.outgoing.kinds import OutKind
from scheduler.exports.feed_folder import drop_folder
from scheduler.exports.servers import beside
from scheduler.exports.slip_feed import AnyFeed
from scheduler.outgoing import file_name
from scheduler.outgoing.terms import Outgoing


def among_exports(terms: Outgoing, feeds: Iterable[AnyFeed], home: Path) -> list[str]:
    """What terms may not share with the feeds of their folder, as problems of the terms that name both keys."""
    return [problem for feed in feeds for problem in _with(terms, feed, home)]


def _with(terms: Outgoing, feed: AnyFeed, home: Path) -> list[str]:
    problems = []
    drop = drop_folder(feed, home)
    if drop is not None and terms.out.folder is not None:
        out = beside(home, terms.out.folder)
        if (how := _related(out, drop)) is not None:
            problems.append(
                f"out.folder: {how} source.folder of the feed {feed.code!r} ({feed.source.folder}), which takes files"
                " there for the hospital's; give one of them a folder apart"
            )
    if drop is not None and terms.answers is not None and _related(beside(home, terms.answers.folder), drop) == "is":
        problems.append(
            f"answers.folder: is source.folder of the feed {feed.code!r} ({feed.source.folder}), which takes answers"
            " there for exports; give one of them a folder apart"
        )
    if _on_one_server(terms, feed):
        problems.append(
            f"sftp.folder: is source.sftp.folder of the feed {feed.code!r}, whose source.pattern"
            f" ({feed.source.pattern}) takes our files for the hospital's; give one of them a folder or a name apart"
        )
    return problems


def _related(ours: Path, theirs: Path) -> str | None:
    """How two folders lie to each other, links followed as far as they are there."""
    one, other = Path(os.path.realpath(ours)), Path(os.path.realpath(theirs))
    if one == other:
        return "is"
    if other in one.parents:
        return "lies inside"
    return "lies around" if one in other.parents else None


def _on_one_server(terms: Outgoing, feed: AnyFeed) -> bool:
    """One folder there may serve both ways, where names tell the files apart: some hospitals give no second."""
    ours, theirs = terms.sftp, feed.source.sftp
    if ours is None or theirs is None:
        return False
    there = [(each.host.casefold(), each.port, posixpath.normpath(each.folder)) for each in (ours, theirs)]
    pattern = feed.source.pattern.casefold()
    names = [file_name(terms, 1, kind.value).casefold() for kind in OutKind]
    return there[0] == there[1] and any(fnmatchcase(name, pattern) for name in names)
