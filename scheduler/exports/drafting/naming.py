"""Words of the state and names of those who examine, with their counts; and who of ours may be meant."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from difflib import SequenceMatcher
from typing import Final

from booking.text import fold
from scheduler.exports.drafting import dates
from scheduler.exports.drafting.finding import FILL_IN, Findings, Table
from scheduler.exports.drafting.picking import Picked
from scheduler.exports.drafting.words import sort_of_state
from scheduler.exports.feed import KEY_JOINT, folded

_TITLES: Final = (
    "bs",
    "ths",
    "ts",
    "bsck1",
    "bsck2",
    "bscki",
    "bsckii",
    "ck1",
    "ck2",
    "cki",
    "ckii",
    "gs",
    "pgs",
    "dr",
    "bac",
    "si",
    "bscc",
    "i",
    "ii",
)
_ALIKE: Final = 0.75
LISTED: Final = 200
"""So many of theirs are listed, the busiest first."""
_ROWS_FOR_LENGTH: Final = 3


@dataclass(frozen=True, slots=True)
class Resource:
    """One of theirs.

    Attributes:
        key: as the feed writes it.
        rows: how many rows name it.
        ours: our code, where a name is the same and no other's; else `FILL IN`.
        near: codes and names of ours that are alike, best first.
        minutes: length of a visit; None when the rows do not tell.
        evidence: of the minutes.
    """

    key: str
    rows: int
    ours: str
    near: tuple[tuple[str, str], ...]
    minutes: int | None
    evidence: str


def say_states(table: Table, picked: Picked, standard: Mapping[str, Sequence[str]], findings: Findings) -> None:
    """Sorts the words. Only what a standard says, or a word says of the patient herself, releases a time."""
    if "state" not in picked.places:
        return
    counts = Counter(table.column(picked.places["state"]))
    empty = len(table.rows) - counts.total()
    meaning = {folded(word): sort for sort, words in standard.items() for word in words}
    sorts: dict[str, list[str]] = {name: list(standard.get(name, ())) for name in ("closes", "releases", "free")}
    doubtful: list[str] = []
    hidden = 0
    for word, count in _one_spelling(counts).items():
        sort = meaning.get(folded(word)) or ("unknown" if standard else sort_of_state(word))
        if sort in sorts:
            sorts[sort] += [] if folded(word) in meaning else [word]
            findings.notes.append(f"state {word!r}: {count} rows, {sort}")
        elif sort == "unknown" and (count == 1 or any(sign.isdigit() for sign in word)):
            hidden += count  # a word that stands once may be anything, a name too
        else:
            doubtful.append(f"{word!r} ({count} rows{', by whom is not said' if sort == 'cancelled' else ''})")
    for name, words in sorts.items():
        if words:
            findings.say(f"states.{name}", words)
    if empty:
        findings.notes.append(f"{empty} rows have no state; they close")
    told = [f"not sorted, so it closes: {each}" for each in doubtful]
    told += [f"{hidden} rows hold other words, not shown because they may be personal; they close"] if hidden else []
    if told:
        findings.ask("states.releases" if not sorts["releases"] else "states", [], *told)


def _one_spelling(counts: Counter[str]) -> dict[str, int]:
    found: dict[str, tuple[str, int]] = {}
    for word, count in counts.most_common():
        shown, before = found.get(folded(word), (word, 0))
        found[folded(word)] = (shown, before + count)
    return dict(found.values())


def resources_of(
    table: Table, picked: Picked, formats: Sequence[str], today: date, ours: Sequence[tuple[str, str]]
) -> list[Resource]:
    """Everyone who examines, the busiest first, as the feed would name them."""
    rows: dict[str, list[Sequence[str]]] = {}
    names: dict[str, str] = {}
    for row in table.rows:
        key = next(
            (
                KEY_JOINT.join(values)
                for way in picked.ways
                if all(values := [row[picked.places[f"resource.{name}"]] for name in way])
            ),
            None,
        )
        if key is not None:
            rows.setdefault(folded(key), []).append(row)
            name = picked.places.get("resource.name")
            names.setdefault(folded(key), row[name] if name is not None else key)
    spelled = {folded_key: _key(found[0], picked) for folded_key, found in rows.items()}
    times = Counter(fold_name(name) for name in names.values())
    busiest = sorted(rows, key=lambda key: -len(rows[key]))[:LISTED]
    return [
        Resource(
            spelled[key],
            len(rows[key]),
            *_ours(names[key], ours, alone=times[fold_name(names[key])] == 1),
            *_minutes(rows[key], picked, formats, today),
        )
        for key in busiest
    ]


def _key(row: Sequence[str], picked: Picked) -> str:
    ways = [[row[picked.places[f"resource.{name}"]] for name in way] for way in picked.ways]
    return KEY_JOINT.join(next(values for values in ways if all(values)))


def fold_name(name: str) -> str:
    """A doctor's name without titles, accents and commas."""
    words = "".join(sign if sign.isalnum() else " " for sign in fold(name)).split()
    return " ".join(word for word in words if word not in _TITLES) or " ".join(words)


def _ours(name: str, ours: Sequence[tuple[str, str]], *, alone: bool) -> tuple[str, tuple[tuple[str, str], ...]]:
    wanted = fold_name(name)
    alike = [(SequenceMatcher(None, wanted, fold_name(each)).ratio(), code, each) for code, each in ours]
    near = tuple((code, each) for ratio, code, each in sorted(alike, key=lambda one: -one[0])[:3] if ratio >= _ALIKE)
    same = [code for _, code, each in alike if fold_name(each) == wanted]
    return (same[0] if len(same) == 1 and alone else FILL_IN), near


def _minutes(
    rows: Sequence[Sequence[str]], picked: Picked, formats: Sequence[str], today: date
) -> tuple[int | None, str]:
    """The shortest usual length of their rows."""
    lengths: Counter[int] = Counter(
        minutes for row in rows[:2000] if (minutes := _length(row, picked, formats, today)) is not None
    )
    usual = [minutes for minutes, count in lengths.items() if count >= 0.1 * lengths.total()]
    if lengths.total() < _ROWS_FOR_LENGTH or lengths.total() < 0.5 * len(rows):
        return None, "too few rows tell how long a visit is"
    told = ", ".join(f"{minutes} minutes {lengths[minutes]} times" for minutes in sorted(usual))
    return min(usual), f"from begin to end: {told}"


def _length(row: Sequence[str], picked: Picked, formats: Sequence[str], today: date) -> int | None:
    places = picked.places
    if "duration" in places:
        text = row[places["duration"]]
        found = int(text) if text.isascii() and text.isdigit() else 0
        return found if 1 <= found <= 480 else None  # noqa: PLR2004
    start = _clock(row, places.get("start", places.get("start_time")), formats, today)
    end = _clock(row, places.get("end", places.get("end_time")), formats, today)
    if start is None or end is None:
        return None
    minutes = round((end - start).total_seconds() / 60)
    return minutes if 1 <= minutes <= 480 else None  # noqa: PLR2004


def _clock(row: Sequence[str], place: int | None, formats: Sequence[str], today: date) -> datetime | None:
    for text in formats if place is not None and row[place] else ():
        read = dates.parsed(text, row[place or 0], today)
        if read and read.clock:
            day = read.day if read.day and "start_date" not in formats else today
            moment = datetime.combine(day, read.clock)
            return moment - read.offset if read.offset else moment
    return None
