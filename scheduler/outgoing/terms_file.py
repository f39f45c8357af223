"""The files of terms in the folder of feeds: `NAME.out.toml`, read again when they change."""

import posixpath
from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from booking.exchange.errors import FeedError
from booking.exchange.outgoing.kinds import OutKind
from scheduler.exports.feed_file import parse_as, text_of
from scheduler.exports.feed_folder import OUT_ENDING, Broken, FeedFolder
from scheduler.exports.servers import beside
from scheduler.exports.slip_feed import AnyFeed
from scheduler.outgoing import file_name
from scheduler.outgoing.beside_feeds import among_exports
from scheduler.outgoing.terms import Outgoing

PATTERN: Final = f"*{OUT_ENDING}"
_Mark = tuple[int, int, int]


def load_terms(path: Path) -> Outgoing:
    """The terms a file describes.

    Raises:
        FeedError: with every problem found.
    """
    return parse_terms(text_of(path))


def in_each_others_way(terms: Outgoing, others: Iterable[Outgoing], home: Path) -> list[str]:
    """What terms of a folder of feeds may not share, as problems of the first: files' names, a way for answers."""
    problems = []
    for other in others:
        if _laid_as(terms, home) == _laid_as(other, home):
            told = f"{other.code!r} lays its files in the same place under the same name; give one another"
            problems.append(f"out.name: {told}")
        problems += _taken_for_answers(terms, other, home) + _taken_for_answers(other, terms, home)
    return problems + _taken_for_answers(terms, terms, home)


def _laid_as(terms: Outgoing, home: Path) -> tuple[object, ...]:
    """Where files lie, and what their names begin with; capitals tell no names apart on every machine."""
    name = (terms.out.name or terms.code).casefold()
    if terms.out.folder is not None:
        return str(beside(home, terms.out.folder)), name
    assert terms.sftp is not None, "one of the two is given"
    server = terms.sftp
    return server.host.casefold(), server.port, server.user, posixpath.normpath(server.folder), name


def _taken_for_answers(telling: Outgoing, asking: Outgoing, home: Path) -> list[str]:
    if telling.out.folder is None or asking.answers is None:
        return []
    if beside(home, telling.out.folder) != beside(home, asking.answers.folder):
        return []
    pattern = asking.answers.pattern.casefold()
    ours = [file_name(telling, 1, kind.value).casefold() for kind in OutKind]
    if not any(fnmatchcase(name, pattern) for name in ours):
        return []
    whose = "our own files" if telling is asking else f"files of {telling.code!r}"
    what = f"takes {whose} for answers of {asking.code!r}; give answers another folder, or a pattern of their own"
    return [f"answers.folder: {what}"]


def parse_terms(text: str) -> Outgoing:
    """The terms a TOML text describes; raises `FeedError` with every problem found."""
    return parse_as(Outgoing, text)


@dataclass(slots=True)
class TermsFolder:
    """Terms by their files, as of the last look."""

    _known: dict[Path, tuple[_Mark, Outgoing | Broken]] = field(default_factory=dict)
    _feeds: FeedFolder = field(default_factory=FeedFolder)

    def look(self, folder: Path) -> tuple[list[Outgoing], list[Broken]]:
        """The terms in force, by file name, and what became broken since the last look (each told once)."""
        known: dict[Path, tuple[_Mark, Outgoing | Broken]] = {}
        broken: list[Broken] = []
        codes: dict[str, Path] = {}
        used: list[Outgoing] = []
        paths = sorted(folder.glob(PATTERN))
        feeds = self._feeds.look(folder)[0] if paths else []
        for path in paths:
            try:
                status = path.stat()
            except OSError:
                continue  # gone since
            mark = status.st_ino, status.st_size, status.st_mtime_ns
            before = self._known.get(path)
            made = before[1] if before is not None and before[0] == mark else _load(path)
            if isinstance(made, Broken) and before is not None and before[0] == mark:
                made = _load(path)  # what stood in its way may have gone
            if not isinstance(made, Broken) and codes.setdefault(made.code.casefold(), path) != path:
                made = Broken(path.name, (f"code: {made.code!r} is the code of another file; not used",))
            if not isinstance(made, Broken) and (problems := _in_the_way(made, used, feeds, folder)):
                made = Broken(path.name, tuple(problems))
            if not isinstance(made, Broken):
                used.append(made)
            if isinstance(made, Broken) and (before is None or before[1] != made):
                broken.append(made)
            known[path] = mark, made
        self._known = known
        return [made for _, made in known.values() if not isinstance(made, Broken)], broken


def beside_others(path: Path, terms: Outgoing) -> list[str]:
    """What stands in the way of the terms of a file: feeds and terms of its folder that can be used."""
    found = [_load(each) for each in sorted(path.parent.glob(PATTERN)) if not each.samefile(path)]
    feeds, _ = FeedFolder().look(path.parent)
    return _in_the_way(terms, [each for each in found if not isinstance(each, Broken)], feeds, path.parent)


def terms_beside(path: Path, feed: AnyFeed) -> list[str]:
    """What stands in the way of a feed's file: terms of its folder that can be used, as problems of the feed."""
    found = [(each.name, _load(each)) for each in sorted(path.parent.glob(PATTERN))]
    return [
        f"source.folder: stands in the way of {name}: {problem}"
        for name, terms in found
        if not isinstance(terms, Broken)
        for problem in among_exports(terms, [feed], path.parent)
    ]


def _in_the_way(terms: Outgoing, others: list[Outgoing], feeds: list[AnyFeed], home: Path) -> list[str]:
    return in_each_others_way(terms, others, home) + among_exports(terms, feeds, home)


def _load(path: Path) -> Outgoing | Broken:
    try:
        return load_terms(path)
    except FeedError as error:
        return Broken(path.name, tuple(error.problems))
