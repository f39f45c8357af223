"""What the words of a file's states do: all there is to judge by where no file of the feed was applied before."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from booking.exchange.rules import StagedRow
from booking.text import fold
from scheduler.exports.feed import Feed, folded

_ALIKE = 0.8


@dataclass(frozen=True, slots=True)
class StateRead:
    """One word of the state column.

    Attributes:
        state: as the file has it; empty where it has none.
        rows: how many rows have it.
        does: `closes`, `releases` or `offers` their time.
        named: whether the feed names it; what it does not name closes.
        near: a word of the feed that is written almost alike.
    """

    state: str
    rows: int
    does: str
    named: bool
    near: str | None = None

    def as_json(self) -> dict[str, object]:
        """Plain values."""
        return {name: getattr(self, name) for name in self.__slots__}

    def line(self) -> str:
        """For a terminal."""
        told = f"{self.state or '(empty)'}: {self.rows} rows, {self.does}"
        if self.named:
            return told
        return f"{told}, because the feed does not name it" + (f"; is it {self.near}?" if self.near else "")


def states_of(feed: Feed, rows: Iterable[StagedRow]) -> tuple[StateRead, ...]:
    """Every word, those of most rows first; nothing where the feed reads no state."""
    if feed.columns.state is None:
        return ()
    said = (feed.states.closes, feed.states.releases, feed.states.free)
    known = {folded(word) for words in said for word in words}
    alike = {fold(word): word for words in said for word in words}
    counted = Counter((row.state_text, _does(row)) for row in rows)
    return tuple(
        StateRead(state, count, does, folded(state) in known, None if folded(state) in known else _near(state, alike))
        for (state, does), count in counted.most_common()
    )


def unnamed(states: Iterable[StateRead]) -> Counter[str]:
    """Rows by state that the feed does not name; they close."""
    return Counter({each.state: each.rows for each in states if not each.named})


def _does(row: StagedRow) -> str:
    return "closes" if row.closes else "offers" if row.offers else "releases"


def _near(state: str, alike: Mapping[str, str]) -> str | None:
    """The same but for accents, a sign or two: most often another spelling of one word."""
    found = get_close_matches(fold(state), list(alike), n=1, cutoff=_ALIKE) if state else []
    return alike[found[0]] if found else None
