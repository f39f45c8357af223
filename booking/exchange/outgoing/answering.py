"""What a hospital's software answers about our files: kept, so that a booking it did not take is seen by somebody."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel, col

from booking.actor import Actor
from booking.appointments.models import Appointment
from booking.exchange.outgoing.kinds import OutAnswer, OutKind
from booking.exchange.outgoing.models import OutFeed, OutFile
from booking.text import clean
from booking.trail.service import record

LONGEST_REASON: Final = 200
_answered = SQLModel.metadata.tables["out_answered"]


@dataclass(frozen=True, slots=True)
class Said:
    """One answer, about the visit at a position of a numbered file, or about a booking code.

    Attributes:
        accepted: whether their software took it.
        reason: in its words.
        number: of our file; None where only the code is named: then the last file that told of it is meant.
        position: in that file, from 1.
        code: the booking code.
    """

    accepted: bool
    reason: str = ""
    number: int | None = None
    position: int | None = None
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """How many answers were kept as accepted and refused, and how many name nothing that we told."""

    accepted: int = 0
    refused: int = 0
    unknown: int = 0


async def keep(session: AsyncSession, feed: str, said: Sequence[Said], *, by: Actor, now: datetime) -> Kept:
    """Keep answers; the last about a visit in a file counts. The same again changes nothing."""
    accepted = refused = unknown = 0
    for answer in said:
        found = await _place(session, feed, answer)
        if found is None:
            unknown += 1
            continue
        new = insert(_answered).values(
            out_file_id=found[0], position=found[1],
            answer=OutAnswer.ACCEPTED if answer.accepted else OutAnswer.REFUSED,
            reason="" if answer.accepted else clean(answer.reason)[:LONGEST_REASON], answered_at=now,
        )  # fmt: skip
        names = ("answer", "reason", "answered_at")
        values = {name: new.excluded[name] for name in names}
        await session.execute(new.on_conflict_do_update(constraint="out_answered_pkey", set_=values))
        accepted, refused = accepted + answer.accepted, refused + (not answer.accepted)
    kept = Kept(accepted, refused, unknown)
    record(
        session, "bookings.answered", "out_feed", feed, by=by, now=now, feed=feed, accepted=accepted, refused=refused,
        unknown=unknown,
    )  # fmt: skip
    return kept


async def _place(session: AsyncSession, feed: str, answer: Said) -> tuple[int, int] | None:
    """The file and position that an answer is about."""
    query = select(OutFile).where(col(OutFile.feed) == feed)
    if answer.number is not None:
        query = query.where(col(OutFile.number) == answer.number)
    if answer.position is not None:
        file = None if answer.number is None else await session.scalar(query)
        known = file is not None and 1 <= answer.position <= len(file.visits)
        return (file.id or 0, answer.position) if file is not None and known else None
    visit = await _visit(session, feed, answer.code)
    if visit is None:
        return None
    query = query.where(col(OutFile.visits).contains([visit]))
    # A whole file repeats what changes told: an answer without a number means the telling, where there was one.
    newest = query.order_by((col(OutFile.kind) == OutKind.CHANGES).desc(), col(OutFile.number).desc())
    file = await session.scalar(newest.limit(1))
    return None if file is None else (file.id or 0, file.visits.index(visit) + 1)


async def _visit(session: AsyncSession, feed: str, code: str | None) -> int | None:
    """The row of a booking code, at the facility of the feed only."""
    if not code:
        return None
    query = (
        select(col(Appointment.id))
        .join(OutFeed, col(OutFeed.facility_id) == col(Appointment.facility_id))
        .where(col(OutFeed.feed) == feed, col(Appointment.code) == clean(code).upper())
    )
    return await session.scalar(query)
