"""How the rows we keep of a feed follow its files: plain values in, plain values out.

What is kept is always the truth that applies, so that the closed slots can be worked out anew from it at any time
(after slots were published, say). A file that may only close leaves every earlier closing where it is: a row that moved
then stands twice, at its old time and, under a key of its own, at its new one, until a whole file settles it.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from booking.clock import ZONE
from booking.exchange.commands import Terms
from booking.exchange.guarding import Verdict
from booking.exchange.kinds import AbsenceMeaning, GuardReason, VerdictKind
from booking.exchange.recognising import MISSING
from booking.exchange.rules import Span, StagedRow, Trace, gone, identities
from booking.exchange.standing import AGAIN, BESIDE, NUMBERED, Place, Standing, standing

_LONGEST_KEY = 200
"""Characters of a key that are kept; an index of PostgreSQL takes 2,700 bytes."""


LONGEST_VISIT = timedelta(days=1)
"""A row without an end is taken to be over by then: no slot is longer."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What changes in the rows kept.

    Attributes:
        put: new or different.
        drop: they go.
        stay: they would go, did the file not have rows that cannot be used and may be these.
        idle: the file's unusable rows without an id that are none of these, by their places.
    """

    put: Mapping[str, StagedRow] = field(default_factory=dict)
    drop: frozenset[str] = frozenset()
    stay: frozenset[str] = frozenset()
    idle: Mapping[Place, int] = field(default_factory=dict)

    def after(self, kept: Mapping[str, StagedRow]) -> dict[str, StagedRow]:
        """The rows kept afterwards."""
        return {key: row for key, row in kept.items() if key not in self.drop} | dict(self.put)


def follow(
    kept: Mapping[str, StagedRow],
    rows: Iterable[StagedRow],
    terms: Terms,
    verdict: VerdictKind,
    *,
    since: datetime | None = None,
    traces: Iterable[Trace] = (),
    idle: Mapping[Place, int] | None = None,
) -> Changes:
    """What a file changes in the rows kept, as far as its verdict lets it.

    A row that was over before `since` is kept only where it takes the place of one that is kept. `traces` are of the
    rows that cannot be used: what they may be is not gone, but for those that were `idle` in the last whole file.
    """
    if verdict is VerdictKind.HOLD:
        return Changes()
    said = keyed(rows, terms.meaning)
    if verdict is VerdictKind.APPLY:
        short = [replace(one, row_key=one.row_key and _short(one.row_key)) for one in traces]
        changes = _wholly(kept, said, terms, standing(kept, said, short, idle or {}, numbered=terms.numbered))
    else:
        changes = _closing_only(kept, said, terms)
    if since is None:
        return changes
    return replace(changes, put={key: row for key, row in changes.put.items() if key in kept or not over(row, since)})


def doubted(verdict: Verdict, applied: datetime | None) -> Verdict:
    """The verdict on a content that was applied before, and another since (None: it was not): openings wait.

    Which of the two is newer nobody can tell; a time that was given away again must not be open.
    """
    if applied is None:
        return verdict
    kind = VerdictKind.HOLD if verdict.kind is VerdictKind.HOLD else VerdictKind.CLOSINGS_ONLY
    told = f"{applied.astimezone(ZONE):%d/%m/%Y %H:%M}"
    return Verdict(kind, (*verdict.reasons, (GuardReason.CAME_BEFORE, {"applied": told})))


def over(row: StagedRow, moment: datetime) -> bool:
    """Whether a row takes no time from this moment on."""
    return (row.ends_at or row.starts_at + LONGEST_VISIT) <= moment


def keyed(rows: Iterable[StagedRow], meaning: AbsenceMeaning) -> dict[str, StagedRow]:
    """Rows by the key under which they are kept.

    Of a list of free times only rows that close or offer are kept; there a row that does neither says nothing.
    """
    telling = [row for row in rows if meaning is not AbsenceMeaning.FREE_LIST or row.closes or row.offers]
    found: dict[str, StagedRow] = {}
    for key, row in zip(identities(telling), telling, strict=True):
        short = _short(key)
        while short in found:  # a hospital whose own keys end in #2
            short += "#"
        found[short] = row if row.row_key == short else replace(row, row_key=short)
    return found


def _short(key: str) -> str:
    if len(key) <= _LONGEST_KEY:
        return key
    return f"{key[: _LONGEST_KEY - 64]}{hashlib.sha256(key.encode()).hexdigest()}"


def _wholly(kept: Mapping[str, StagedRow], said: Mapping[str, StagedRow], terms: Terms, known: Standing) -> Changes:
    unsure = {key: row for key, row in said.items() if key in known.unsure}
    # Inside its period a list of free times decides alone, like a full snapshot.
    meaning = AbsenceMeaning.FULL_SNAPSHOT if terms.meaning.decides else AbsenceMeaning.BUSY_LIST
    lost = gone({key: row.starts_at for key, row in kept.items()}, said, meaning=meaning, window=terms.window)
    lost |= _offered_no_more(kept, said, terms)
    stay = frozenset(key for key in lost if key not in known.freed and known.stays(key, kept[key]))
    lost -= stay
    settled = {key for key in kept if BESIDE in key and (at := key.split(BESIDE, 1)[0]) in said and at not in unsure}
    settled |= _with_no_more(kept, said, known) if terms.numbered else set()
    settled |= _fewer_under_one_id(kept, said, terms, known)
    freed = {} if terms.meaning is AbsenceMeaning.FREE_LIST else known.freed  # there a row that closes not says nothing
    missed = {key: _missed(kept[key]) for key in lost - set(freed) if terms.ours_listed and kept[key].our_code}
    sure = {key: row for key, row in said.items() if key not in unsure}
    put = _different(kept, {**missed, **freed, **sure}) | dict(_closing_only(kept, unsure, terms).put)
    drop = frozenset((lost | settled | set(known.freed)) - set(missed) - set(freed))
    return Changes(put, drop, stay, known.idle_after(kept[key] for key in stay))


def _with_no_more(kept: Mapping[str, StagedRow], said: Mapping[str, StagedRow], known: Standing) -> set[str]:
    """Rows of visits with somebody whom their newest message or resource does not name any more."""
    sure = {key for key in said if key not in known.unsure}
    return {
        key
        for key in kept
        if (found := NUMBERED.fullmatch(name := key.split(BESIDE, 1)[0]))
        and found[1] in sure
        and name not in said
        and name not in known.unsure
    }


def _fewer_under_one_id(
    kept: Mapping[str, StagedRow], said: Mapping[str, StagedRow], terms: Terms, known: Standing
) -> set[str]:
    """Second and further rows of an id that a list of busy times shows with fewer: it says all that this id takes."""
    if terms.meaning is not AbsenceMeaning.BUSY_LIST or not terms.numbered:
        return set()
    return {
        key
        for key, row in kept.items()
        if (found := AGAIN.fullmatch(name := key.split(BESIDE, 1)[0]))
        and found[1] in said
        and name not in said
        and found[1] not in known.there
        and not known.stays(key, row)
    }


def _offered_no_more(kept: Mapping[str, StagedRow], said: Mapping[str, StagedRow], terms: Terms) -> set[str]:
    """Rows that offered a time of the period, whenever they began, and that a list of free times has no more."""
    if terms.meaning is not AbsenceMeaning.FREE_LIST or terms.window is None:
        return set()
    return {key for key, row in kept.items() if row.offers and key not in said and _reaches(row, terms.window)}


def _reaches(row: StagedRow, window: Span) -> bool:
    return row.starts_at < window[1] and not over(row, window[0])


def _missed(row: StagedRow) -> StagedRow:
    """A booking of ours that a snapshot had, and this one has not: it takes no time, and is asked about."""
    return replace(row, closes=False, offers=False, state_text=MISSING)


def _closing_only(kept: Mapping[str, StagedRow], said: Mapping[str, StagedRow], terms: Terms) -> Changes:
    wanted: dict[str, StagedRow] = {}
    for key, row in said.items():
        if not row.closes:
            continue
        old = kept.get(key)
        if old is None or not old.closes or _as_strong(old, row):
            wanted[key] = row
        else:
            beside = f"{key}{BESIDE}{row.resource}@{row.starts_at:%Y-%m-%dT%H:%MZ}"
            wanted[beside] = replace(row, row_key=beside)
    drop: set[str] = set()
    if terms.meaning is AbsenceMeaning.FREE_LIST and terms.window:
        offered = {_place(row) for row in said.values() if row.offers}
        drop = {
            key
            for key, row in kept.items()
            if row.offers and _place(row) not in offered and _reaches(row, terms.window)
        }
    return Changes(_different(kept, wanted), frozenset(drop - set(wanted)))


def _as_strong(old: StagedRow, row: StagedRow) -> bool:
    """Whether a row may stand in for one that closes: at the same time, and no booking of ours where that was none.

    As a booking of ours it may take no time, or its booking may be cancelled: that would open.
    """
    return _place(old) == _place(row) and row.our_code in (None, old.our_code)


def _place(row: StagedRow) -> tuple[str, datetime, datetime | None]:
    return row.resource, row.starts_at, row.ends_at


def _different(kept: Mapping[str, StagedRow], said: Mapping[str, StagedRow]) -> dict[str, StagedRow]:
    return {key: row for key, row in said.items() if key not in kept or _told(kept[key]) != _told(row)}


def _told(row: StagedRow) -> tuple[object, ...]:
    return *_place(row), row.state_text, row.closes, row.our_code
