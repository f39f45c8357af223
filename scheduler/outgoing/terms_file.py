"""The files of terms in the folder of feeds: `NAME.out.toml`, read again when they change."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from booking.exchange.errors import FeedError
from scheduler.exports.feed_file import parse_as, text_of
from scheduler.exports.feed_folder import OUT_ENDING, Broken
from scheduler.outgoing.terms import Outgoing

PATTERN: Final = f"*{OUT_ENDING}"
_Mark = tuple[int, int, int]


def load_terms(path: Path) -> Outgoing:
    """The terms a file describes.

    Raises:
        FeedError: with every problem found.
    """
    return parse_terms(text_of(path))


def parse_terms(text: str) -> Outgoing:
    """The terms a TOML text describes; raises `FeedError` with every problem found."""
    return parse_as(Outgoing, text)


@dataclass(slots=True)
class TermsFolder:
    """Terms by their files, as of the last look."""

    _known: dict[Path, tuple[_Mark, Outgoing | Broken]] = field(default_factory=dict)

    def look(self, folder: Path) -> tuple[list[Outgoing], list[Broken]]:
        """The terms in force, by file name, and what became broken since the last look (each told once)."""
        known: dict[Path, tuple[_Mark, Outgoing | Broken]] = {}
        broken: list[Broken] = []
        codes: dict[str, Path] = {}
        for path in sorted(folder.glob(PATTERN)):
            try:
                status = path.stat()
            except OSError:
                continue  # gone since
            mark = status.st_ino, status.st_size, status.st_mtime_ns
            before = self._known.get(path)
            made = before[1] if before is not None and before[0] == mark else _load(path)
            if not isinstance(made, Broken) and codes.setdefault(made.code.casefold(), path) != path:
                made = Broken(path.name, (f"code: {made.code!r} is the code of another file; not used",))
            if isinstance(made, Broken) and (before is None or before[1] != made):
                broken.append(made)
            known[path] = mark, made
        self._known = known
        return [made for _, made in known.values() if not isinstance(made, Broken)], broken


def _load(path: Path) -> Outgoing | Broken:
    try:
        return load_terms(path)
    except FeedError as error:
        return Broken(path.name, tuple(error.problems))
