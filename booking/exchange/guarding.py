"""Whether a file may be believed: by itself, beside the last one that was applied wholly, and by what it would do.

Plain values in, plain values out. A guard never changes what a file says; it says how much of it may apply.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from booking.clock import local_day
from booking.exchange.kinds import HOLDING_GUARDS, AbsenceMeaning, GuardReason, VerdictKind
from booking.exchange.rules import GridSlot, Span, StagedRow, merged, outside_hours
from booking.exchange.standing import Place

Days = Mapping[date, int]
Reason = tuple[GuardReason, Mapping[str, int | str]]


@dataclass(frozen=True, slots=True)
class Signs:
    """What the guards look at in one file.

    Attributes:
        rows: all rows of the file but blank ones and continuations.
        read: rows that apply.
        refused: rows that could not be used.
        unmapped: rows of resources nobody mapped.
        outside_period: rows read that lie outside the stated coverage.
        compared: starts that could be compared with the sessions' hours.
        outside_hours: of those, how many lie outside.
        without_resource: rows with a time and nobody who examines.
        without_start: rows of our resources without a start.
        bad_ends: rows whose end cannot be read, or is not after the start.
        let_go: rows that cannot be used, but say that their visit takes no time any more.
        real_dates: begins that are real dates and lie on days 1 to 12, where all others are texts and none does.
        days: rows read that begin in the coverage, per local day.
        resources: the same for each of our codes.
        idle: rows without an id that cannot be used and are none that is kept, by resource and begin (`standing`).
    """

    rows: int = 0
    read: int = 0
    refused: int = 0
    unmapped: int = 0
    outside_period: int = 0
    compared: int = 0
    outside_hours: int = 0
    without_resource: int = 0
    without_start: int = 0
    bad_ends: int = 0
    let_go: int = 0
    real_dates: int = 0
    days: Days = field(default_factory=dict)
    resources: Mapping[str, Days] = field(default_factory=dict)
    idle: Mapping[Place, int] = field(default_factory=dict)

    def plain(self) -> dict[str, object]:
        """As JSON keeps it, beside the report of an applied file."""
        counts = {name: getattr(self, name) for name in self.__slots__ if name not in ("days", "resources", "idle")}
        resources = {code: _plain(days) for code, days in self.resources.items()}
        # What is beyond these is taken to be new next time: it keeps closed.
        first = list(self.idle.items())[:_IDLE]
        idle = [[code, start.isoformat() if start else None, number] for (code, start), number in first]
        return counts | {"days": _plain(self.days), "resources": resources} | ({"idle": idle} if idle else {})

    @staticmethod
    def from_plain(kept: Mapping[str, Any]) -> "Signs":
        """The other way round; what is older than a sign lacks it, and shows no growth of what was not counted then."""
        resources = {code: _days(days) for code, days in kept.get("resources", {}).items()}
        uncounted = dict.fromkeys(_COUNTED_LATER, kept.get("rows", 0))
        idle = {(code, start and datetime.fromisoformat(start)): number for code, start, number in kept.get("idle", ())}
        return Signs(**{**uncounted, **kept, "days": _days(kept["days"]), "resources": resources, "idle": idle})


_IDLE = 2_000
_COUNTED_LATER = ("without_resource", "without_start", "bad_ends")


def _plain(days: Days) -> dict[str, int]:
    return {day.isoformat(): count for day, count in days.items()}


def _days(plain: Mapping[str, int]) -> dict[date, int]:
    return {date.fromisoformat(day): count for day, count in plain.items()}


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Shares above which a guard speaks, and what is too little to speak about.

    Attributes:
        without_resource: of rows with a time and nobody who examines.
        without_start: of rows of our resources without a start.
        bad_ends: of rows read, those whose end cannot be used.
        worse: by so much any of the shares of unusable rows may be above that of the last file.
        full_day: so many rows make a day that cannot vanish unnoticed.
        full_resource: so many rows to come make a resource that cannot.
        ends_early: so many days before the end of the coverage the last row may begin.
        openings: of the times that the feed closes, the share that may open at once.
        closings: of the times it left open, the share that may close at once.
        few_slots: fewer times may open and close whatever the share.
    """

    shrink: float = 0.2
    refused: float = 0.05
    unmapped: float = 0.05
    outside_period: float = 0.5
    outside_hours: float = 0.3
    without_resource: float = 0.05
    without_start: float = 0.05
    bad_ends: float = 0.05
    worse: float = 0.02
    full_day: int = 5
    full_resource: int = 5
    ends_early: int = 366
    openings: float = 0.5
    closings: float = 0.75
    few_slots: int = 10


@dataclass(frozen=True, slots=True)
class Verdict:
    """What may be applied, and for each guard that speaks the numbers that made it."""

    kind: VerdictKind
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class Scope:
    """What a file speaks about.

    Attributes:
        today: days before it are over; None: the file's own first day.
        window: the stated coverage, in UTC.
        mapped: our codes that the feed maps now; None: all.
        meaning: what absence says. Of a feed of changes each file is as long as what has changed.
    """

    today: date | None = None
    window: Span | None = None
    mapped: Collection[str] | None = None
    meaning: AbsenceMeaning = AbsenceMeaning.BUSY_LIST

    @property
    def last_day(self) -> date | None:
        """Of the coverage."""
        return local_day(self.window[1] - timedelta(microseconds=1)) if self.window else None

    def coming(self, days: Days, current: Signs) -> Days:
        """Those days that are still to come and that the file speaks about: a stated period may move on."""
        first, last = self.today or min(current.days, default=date.max), self.last_day or date.max
        if self.window:
            first = max(first, local_day(self.window[0]))
        return {day: count for day, count in days.items() if first <= day <= last}


DEFAULT_THRESHOLDS = Thresholds()
ANYWHERE = Scope()


def guard(
    previous: Signs | None, current: Signs, *, scope: Scope = ANYWHERE, limits: Thresholds = DEFAULT_THRESHOLDS
) -> Verdict:
    """Judge a file by itself and beside the last one that was applied wholly (None for the first of a feed)."""
    shares = (
        (GuardReason.OUTSIDE_PERIOD, current.outside_period, current.read, limits.outside_period),
        (GuardReason.OUTSIDE_HOURS, current.outside_hours, current.compared, limits.outside_hours),
    )
    reasons: list[Reason] = []
    if not current.read and not current.let_go:
        reasons.append((GuardReason.NOTHING_READ, {"rows": 0, "of": current.rows}))
    changes = scope.meaning is AbsenceMeaning.CHANGE_FEED
    if current.real_dates:
        reasons.append((GuardReason.DATES_SWAPPED, {"rows": current.real_dates, "of": current.rows}))
    for reason, part, whole, limit in shares:
        # One message of three is no share: held back for it, the cancellation beside it would never be told again.
        if not changes or part >= limits.few_slots:
            reasons += _above(reason, part, whole, limit)
    for reason, counted, limit, least in _unusable(limits):
        if not changes or counted(current)[0] >= limits.few_slots:
            reasons += _worse(reason, counted, None if changes else previous, current, (limit, limits.worse, least))
    if not changes:
        reasons += _beside(previous or Signs(), current, scope, limits)
    return _judged(reasons)


def _above(reason: GuardReason, part: int, whole: int, limit: float, key: str = "rows") -> list[Reason]:
    return [(reason, {key: part, "of": whole})] if whole and part / whole > limit else []


_Counted = Callable[[Signs], tuple[int, int]]
_ODD = 3
"""Fewer rows without a doctor, a start or a usable end are in any export."""
_GREW = 10
"""So many rows more of one kind are needed before they are more than in the last file."""


def _unusable(limits: Thresholds) -> tuple[tuple[GuardReason, _Counted, float, int], ...]:
    """Kinds of rows that tell less than they should: their number and of how many, the share, the least number."""
    return (
        (GuardReason.MANY_REFUSED, lambda signs: (signs.refused, signs.rows), limits.refused, 1),
        (GuardReason.UNMAPPED_RESOURCES, lambda signs: (signs.unmapped, signs.rows), limits.unmapped, 1),
        (
            GuardReason.WITHOUT_RESOURCE,
            lambda signs: (signs.without_resource, signs.rows),
            limits.without_resource,
            _ODD,
        ),
        (GuardReason.WITHOUT_START, lambda signs: (signs.without_start, signs.rows), limits.without_start, _ODD),
        (GuardReason.BAD_ENDS, lambda signs: (signs.bad_ends, signs.read), limits.bad_ends, _ODD),
    )


def _worse(
    reason: GuardReason, counted: _Counted, previous: Signs | None, current: Signs, most: tuple[float, float, int]
) -> list[Reason]:
    """Whether too many rows are of one kind: by their share, or by what it was in the last whole file."""
    share, growth, least = most
    part, whole = counted(current)
    if part < least or not whole:
        return []
    told: dict[str, int | str] = {"rows": part, "of": whole}
    before, all_before = counted(previous) if previous else (0, 0)
    if all_before:
        told |= {"before": before, "of_before": all_before}
    grew = all_before and part - before >= _GREW and part / whole - before / all_before > growth
    return [(reason, told)] if grew or part / whole > share else []


def _judged(reasons: Iterable[Reason]) -> Verdict:
    told = tuple(reasons)
    if any(reason in HOLDING_GUARDS for reason, _ in told):
        return Verdict(VerdictKind.HOLD, told)
    return Verdict(VerdictKind.CLOSINGS_ONLY if told else VerdictKind.APPLY, told)


def _beside(previous: Signs, current: Signs, scope: Scope, limits: Thresholds) -> list[Reason]:
    """What the last whole file had, and this one has not."""
    reasons = _above(GuardReason.ROWS_SHRANK, previous.rows - current.rows, previous.rows, limits.shrink)
    if not current.days:
        return reasons
    last, days = max(current.days), scope.coming(previous.days, current)
    missing = sorted(
        day for day, count in days.items() if count >= limits.full_day and day <= last and day not in current.days
    )
    if missing:
        listed = ", ".join(day.isoformat() for day in missing[:10])
        reasons.append((GuardReason.DAYS_MISSING, {"rows": len(missing), "of": len(previous.days), "days": listed}))
    if absent := _absent(previous, current, scope, limits):
        of = len(previous.resources)
        reasons.append((GuardReason.RESOURCES_MISSING, {"rows": len(absent), "of": of, "resources": ", ".join(absent)}))
    return reasons + _short(last, days, scope, limits)


def _absent(previous: Signs, current: Signs, scope: Scope, limits: Thresholds) -> list[str]:
    """Resources of which rows were still to come, and of which there is none."""
    return sorted(
        code
        for code, days in previous.resources.items()
        if code not in current.resources
        and (scope.mapped is None or code in scope.mapped)
        and sum(scope.coming(days, current).values()) >= limits.full_resource
    )


def _short(last: date, before: Days, scope: Scope, limits: Thresholds) -> list[Reason]:
    """Whether the rows end earlier than those of the last whole file, or long before the coverage."""
    beyond = {day: count for day, count in before.items() if day > last}
    if sum(beyond.values()) >= limits.full_day:
        return [(GuardReason.COVERAGE_SHORT, {"last": last.isoformat(), "until": max(beyond).isoformat()})]
    end = scope.last_day
    if end is not None and (end - last).days > limits.ends_early:
        return [(GuardReason.COVERAGE_SHORT, {"last": last.isoformat(), "until": end.isoformat()})]
    return []


def compared(signs: Signs, rows: Sequence[StagedRow], slots: Sequence[GridSlot]) -> Signs:
    """The signs with the published hours in place of the feed's own, where there are any to compare with."""
    hours = merged((slot.resource, (slot.starts_at, slot.ends_at)) for slot in slots)
    together, outside = outside_hours(rows, hours)
    return replace(signs, compared=together, outside_hours=outside) if together else signs


@dataclass(frozen=True, slots=True)
class Shift:
    """How much of the calendar a file would turn over: times that open of those closed, and the other way round."""

    opening: int = 0
    closed: int = 0
    closing: int = 0
    open: int = 0


def shift_of(before: Collection[int], after: Collection[int], known: Iterable[GridSlot]) -> Shift:
    """Compare what a feed closes with what it would close.

    Args:
        before: slots it closes now.
        after: slots it would close.
        known: slots that the last whole file spoke about: a day or a doctor that is new may well be full.
    """
    old, new = frozenset(before), frozenset(after)
    left_open = {slot.id for slot in known} - old
    return Shift(len(old - new), len(old), len(left_open & new), len(left_open))


def spoken_about(
    slots: Iterable[GridSlot], signs: Signs, window: Span | None, mapped: Collection[str]
) -> list[GridSlot]:
    """The slots a file spoke about: of its resources, in its coverage; where it states none, within its days."""
    if window is None and not signs.days:
        return []
    first, last = (min(signs.days), max(signs.days)) if window is None else (date.min, date.max)

    def within(moment: datetime) -> bool:
        return window[0] <= moment < window[1] if window is not None else first <= local_day(moment) <= last

    return [slot for slot in slots if slot.resource in mapped and within(slot.starts_at)]


def weighed(verdict: Verdict, shift: Shift, limits: Thresholds) -> Verdict:
    """The verdict with what the file would do to the calendar."""
    reasons = list(verdict.reasons)
    if shift.opening >= limits.few_slots:
        reasons += _above(GuardReason.MANY_OPENINGS, shift.opening, shift.closed, limits.openings, "slots")
    if shift.closing >= limits.few_slots:
        reasons += _above(GuardReason.MANY_CLOSINGS, shift.closing, shift.open, limits.closings, "slots")
    return _judged(reasons)
