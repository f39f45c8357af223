"""What pages show of the figures: frozen counts of one facility in all its cuts, or of many side by side."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import TextClause
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking.clock import ZONE, day_bounds
from booking.directory.models import Facility
from booking.figures import suspicions
from booking.figures.rules import Span, share
from booking.figures.statements import LOST, OF_MANY, OF_ONE

Key = tuple[str, Any]
"""A cut and which of it: ("hour", 7), ("weekday", 1) is Monday, ("cell", (1, 7)), ("day", date), ("all", None)."""

ALL: Final[Key] = ("all", None)


@dataclass(frozen=True, slots=True)
class Counts:
    """What was counted in one cut. Minutes are floats; None where nobody was called or seen.

    Attributes:
        booked: visits promised for these days and not cancelled; came + missed + unsettled + ahead.
        unsettled: the time is over, and nobody said whether she came.
        cancelled, cancelled_by_us: given up by patients, by the facility.
        walk_ins: came without booking. emergencies: outside every line.
        waiting: stand in line now and were never called. gave_up: went away before being called.
        called: people whose waiting is known; too_long: those who waited longer than the target.
        stays: people whose whole stay is known (done, without tests).
        places: of open times. unused: nobody had booked them when their time came, whether or not somebody without
            booking was seen then: who that was in which place is not kept. free: of times still to come.
        closed: places of times that were closed.
    """

    booked: int = 0
    came: int = 0
    missed: int = 0
    unsettled: int = 0
    ahead: int = 0
    cancelled: int = 0
    cancelled_by_us: int = 0
    walk_ins: int = 0
    emergencies: int = 0
    waiting: int = 0
    gave_up: int = 0
    called: int = 0
    too_long: int = 0
    wait_median: float | None = None
    wait_90: float | None = None
    stays: int = 0
    stay_median: float | None = None
    stay_90: float | None = None
    places: int = 0
    unused: int = 0
    free: int = 0
    closed: int = 0

    @property
    def people(self) -> int:
        """Everybody who came, booked or not."""
        return self.came + self.walk_ins

    @property
    def settled(self) -> int:
        """Visits of which is known whether she came."""
        return self.came + self.missed

    @property
    def missed_share(self) -> float | None:
        """Per cent of the settled ones who did not come."""
        return share(self.missed, self.settled)

    @property
    def unused_share(self) -> float | None:
        """Per cent of the open places that nobody had booked."""
        return share(self.unused, self.places)

    @property
    def anything(self) -> bool:
        """Whether there is anything to show."""
        return bool(self.booked or self.people or self.emergencies or self.places or self.cancelled)


NOTHING: Final = Counts()


@dataclass(frozen=True, slots=True)
class Figures:
    """One facility: counts by cut, what did not arrive, suspicions nobody has answered."""

    span: Span
    cuts: Mapping[Key, Counts]
    lost: int
    suspicions: int

    def of(self, cut: str, which: Any = None) -> Counts:
        """The counts of a cut; nothing where there are none."""
        return self.cuts.get((cut, which), NOTHING)

    def keys(self, cut: str) -> list[Any]:
        """What there is of a cut, in order."""
        return sorted(which for name, which in self.cuts if name == cut)

    def most(self, cut: str) -> int:
        """The largest number of people, booked or not, in one of a cut."""
        return max((one.booked + one.walk_ins for (name, _), one in self.cuts.items() if name == cut), default=0)

    @property
    def total(self) -> Counts:
        """All together."""
        return self.of(*ALL)


@dataclass(frozen=True, slots=True)
class Row:
    """One facility beside the others."""

    facility_id: int
    counts: Counts
    lost: int
    suspicions: int


@dataclass(frozen=True, slots=True)
class City:
    """Many facilities, in the order they were asked for; `total` is over all of them, medians included."""

    span: Span
    rows: Sequence[Row]
    total: Counts
    lost: int = field(default=0)
    suspicions: int = field(default=0)


async def of_one(session: AsyncSession, facility_id: int, span: Span, *, now: datetime) -> Figures:
    """The figures of a facility."""
    cuts = await _cuts(session, OF_ONE, [facility_id], span, now)
    lost = await _lost(session, [facility_id], span)
    open_ones = await suspicions.open_at(session, [facility_id])
    return Figures(span, cuts, lost.get(facility_id, 0), open_ones.get(facility_id, 0))


async def of_many(session: AsyncSession, facilities: Sequence[int], span: Span, *, now: datetime) -> City:
    """The figures of several facilities beside each other."""
    cuts = await _cuts(session, OF_MANY, facilities, span, now)
    lost = await _lost(session, facilities, span)
    open_ones = await suspicions.open_at(session, facilities)
    rows = [
        Row(each, cuts.get(("facility", each), NOTHING), lost.get(each, 0), open_ones.get(each, 0))
        for each in facilities
    ]
    return City(span, rows, cuts.get(ALL, NOTHING), sum(lost.values()), sum(open_ones.values()))


async def real_ones(session: AsyncSession, facilities: Iterable[int]) -> set[int]:
    """Those of the facilities that are no place to practise: no figure counts what is invented."""
    query = select(Facility.id).where(col(Facility.id).in_(list(facilities)), col(Facility.training).is_(False))
    return {found for found in (await session.execute(query)).scalars() if found is not None}


async def _cuts(
    session: AsyncSession, statements: Sequence[TextClause], facilities: Sequence[int], span: Span, now: datetime
) -> dict[Key, Counts]:
    found: dict[Key, dict[str, Any]] = {}
    values = {"facilities": list(facilities), "first": span.first, "last": span.last, "zone": str(ZONE), "now": now}
    for statement in statements:
        wanted = {name: values[name] for name in statement.compile().params}
        for row in (await session.execute(statement, wanted)).mappings():
            counts = dict(row)
            found.setdefault(_key(counts), {}).update(counts)
    return {key: Counts(**counts) for key, counts in found.items()}


def _key(row: dict[str, Any]) -> Key:
    """The cut a row is of; its names are taken out of it."""
    which = {name: row.pop(name) for name in ("facility_id", "service_id", "weekday", "hour", "day") if name in row}
    given = {name: value for name, value in which.items() if value is not None}
    if not given:
        return ALL
    if len(given) > 1:
        return "cell", (given["weekday"], given["hour"])
    ((name, value),) = given.items()
    return name.removesuffix("_id"), value


async def _lost(session: AsyncSession, facilities: Sequence[int], span: Span) -> dict[int, int]:
    values = {"facilities": list(facilities), "begins": day_bounds(span.first)[0], "ends": day_bounds(span.last)[1]}
    rows: list[Any] = [*(await session.execute(LOST, values)).all()]
    return dict(rows)
