"""What the desk sees of what its hospital's software is told: how up to date that is, files, and what was refused.

No names of patients: a visit stands there by its booking code.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from booking.exchange.errors import FeedUnknown
from booking.exchange.outgoing.kinds import OutEvent, OutKind

FILES: Final = 20
REFUSED: Final = 100
"""So many refusals are listed; all are counted."""


@dataclass(frozen=True, slots=True)
class Told:
    """How far one hospital is told.

    Attributes:
        code: of the terms.
        facility: code of the facility.
        since: when everything lay where the hospital takes it; None before the first time.
        old: whether that is too long ago.
        name: of the last file made; None before the first.
        handed_at: when that was handed over.
        waiting: files made and not handed over.
        problem: why not.
        refused: visits that the hospital's software refused, and that were not told anew since.
        unanswered: visits told in changes without an answer, where answers are expected.
        asks: whether they are.
    """

    code: str
    facility: str
    since: datetime | None
    old: bool
    name: str | None
    handed_at: datetime | None
    waiting: int
    problem: str | None
    refused: int
    unanswered: int
    asks: bool


@dataclass(frozen=True, slots=True)
class ToldFile:
    """One file: what it told, and what was answered."""

    number: int
    kind: OutKind
    name: str
    made_at: datetime
    handed_at: datetime | None
    problem: str | None
    visits: int
    accepted: int
    refused: int

    @property
    def unanswered(self) -> int:
        """Visits without an answer."""
        return self.visits - self.accepted - self.refused


@dataclass(frozen=True, slots=True)
class Refusal:
    """A visit that the hospital's software did not take, with its reason in its words."""

    code: str
    event: OutEvent
    starts_at: datetime
    number: int
    reason: str
    at: datetime


# A refusal is over once the visit was told anew: then the answer to that counts.
_STANDING: Final = """
    FROM out_answered JOIN out_file ON out_file.id = out_answered.out_file_id
    WHERE out_answered.answer = 'refused' AND out_file.feed = f.feed AND NOT EXISTS (
        SELECT FROM out_file AS later WHERE later.feed = out_file.feed AND later.number > out_file.number
        AND later.kind = 'changes' AND out_file.visits[out_answered.position] = ANY (later.visits)
    )
"""
_FEEDS: Final = text(f"""
    SELECT f.feed, f.current_at, f.started_at, f.old_minutes, f.asks, facility.code AS facility,
        last.file_name, last.handed_at,
        (SELECT count(*) FROM out_file WHERE feed = f.feed AND handed_at IS NULL) AS waiting,
        (SELECT problem FROM out_file WHERE feed = f.feed AND handed_at IS NULL ORDER BY number LIMIT 1) AS problem,
        (SELECT count(*) {_STANDING}) AS refused,
        (SELECT coalesce(sum(cardinality(visits)), 0) FROM out_file WHERE feed = f.feed AND kind = 'changes'
            AND handed_at IS NOT NULL)
        - (SELECT count(*) FROM out_answered JOIN out_file ON out_file.id = out_answered.out_file_id
            WHERE feed = f.feed AND kind = 'changes') AS unanswered
    FROM out_feed AS f JOIN facility ON facility.id = f.facility_id
    LEFT JOIN LATERAL (
        SELECT file_name, handed_at FROM out_file WHERE feed = f.feed ORDER BY number DESC LIMIT 1
    ) AS last ON true
    WHERE (CAST(:place AS bigint) IS NULL OR f.facility_id = :place) AND (CAST(:feed AS text) IS NULL OR f.feed = :feed)
    ORDER BY f.feed
""")
_FILES: Final = text("""
    SELECT number, kind, file_name AS name, made_at, handed_at, problem, cardinality(visits) AS visits,
        (SELECT count(*) FROM out_answered WHERE out_file_id = out_file.id AND answer = 'accepted') AS accepted,
        (SELECT count(*) FROM out_answered WHERE out_file_id = out_file.id AND answer = 'refused') AS refused
    FROM out_file WHERE feed = :feed AND facility_id = :place ORDER BY number DESC LIMIT :most
""")
_REFUSED: Final = text(f"""
    SELECT appointment.code, substr(found.events, found.position, 1) AS event, appointment.starts_at, found.number,
        found.reason, found.answered_at AS at
    FROM out_feed AS f, LATERAL (SELECT out_answered.*, out_file.number, out_file.events,
        out_file.visits[out_answered.position] AS visit {_STANDING}) AS found
    JOIN appointment ON appointment.id = found.visit
    WHERE f.feed = :feed AND f.facility_id = :place AND appointment.facility_id = :place
    ORDER BY found.answered_at DESC, found.number DESC, found.position LIMIT :most
""")


async def feeds(
    session: AsyncSession, facility_id: int | None, *, now: datetime, code: str | None = None
) -> list[Told]:
    """How far each hospital of a facility is told; of every facility where none is named."""
    found = await session.execute(_FEEDS, {"place": facility_id, "feed": code})
    return [_told(row, now) for row in found.mappings()]


def _told(row: Any, now: datetime) -> Told:
    old = now - (row["current_at"] or row["started_at"]) > timedelta(minutes=row["old_minutes"])
    return Told(
        row["feed"], row["facility"], row["current_at"], old, row["file_name"], row["handed_at"], row["waiting"],
        row["problem"], row["refused"], row["unanswered"] if row["asks"] else 0, row["asks"],
    )  # fmt: skip


async def feed(session: AsyncSession, facility_id: int, code: str, *, now: datetime) -> Told:
    """One of them; FeedUnknown where there is none of this name."""
    found = await feeds(session, facility_id, now=now, code=code)
    if not found:
        raise FeedUnknown
    return found[0]


async def files(session: AsyncSession, facility_id: int, code: str, *, most: int = FILES) -> list[ToldFile]:
    """The last files, the newest first."""
    found = await session.execute(_FILES, {"place": facility_id, "feed": code, "most": most})
    return [ToldFile(**{**row, "kind": OutKind(row["kind"])}) for row in found.mappings()]


async def refused(session: AsyncSession, facility_id: int, code: str, *, most: int = REFUSED) -> list[Refusal]:
    """Visits that were refused and not told anew since, the latest answer first."""
    found = await session.execute(_REFUSED, {"place": facility_id, "feed": code, "most": most})
    return [Refusal(**{**row, "event": OutEvent.of_sign(row["event"])}) for row in found.mappings()]
