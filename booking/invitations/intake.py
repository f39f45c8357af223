"""What a hospital's file says of slips, taken in as a whole: the newest word on a slip counts, each is taken once.

A slip that a later file does not name stays as it is: such files hold the visits of a day, not all slips there are.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Text, any_, literal
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking.actor import Actor
from booking.clock import local_day
from booking.directory.errors import FacilityUnknown, ServiceUnknown
from booking.errors import BookingError
from booking.invitations import telling
from booking.invitations.columns import Places, columns_of
from booking.invitations.commands import ReceiveInvitation, TakeBack
from booking.invitations.kinds import InvitationState
from booking.invitations.models import Invitation
from booking.sealed import keys
from booking.trail.service import record

Word = ReceiveInvitation | TakeBack
"""What a file says of one slip."""

_WAITING = (InvitationState.OPEN, InvitationState.LAPSED)


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of the slips of a file; together they are all of it.

    Attributes:
        new: stored.
        changed: known, and said otherwise by this file.
        same: known and unchanged.
        withdrawn: taken back by the hospital.
        over: not known here and over already, or taken back before they were known.
        older: a newer file has spoken of them.
        ended: used here, or taken back before: they stay so.
        refused: no person has such a name, birth or number.
    """

    new: int = 0
    changed: int = 0
    same: int = 0
    withdrawn: int = 0
    over: int = 0
    older: int = 0
    ended: int = 0
    refused: int = 0


def source_key(source: str, key: str) -> str:
    """Under which key a slip of a hospital is stored: keyed, because some make it of an insurance number."""
    return keys().index("invitation-slip", f"{source}|{key}").hex()


async def take(
    session: AsyncSession, words: Sequence[Word], *, by: Actor, now: datetime, places: Places | None = None
) -> Taken:
    """Take in what a file says, in its order; of two words on one slip the later counts.

    Raises:
        FacilityUnknown, ServiceUnknown: nothing here has this code; then nothing of the file may count.
    """
    last = {(word.source, word.key): word for word in words}
    known = await _known(session, last)
    places = places or Places(session)
    counts = dict.fromkeys(Taken.__dataclass_fields__, 0)
    touched: list[Invitation] = []
    for mine, word in last.items():
        slip = known.get(mine)
        if slip is not None and _later(slip.as_of, word.as_of):
            counts["older"] += 1
        else:
            counts[await _one(session, word, slip, places, touched, by=by, now=now)] += 1
    await session.flush()
    await telling.call_back(session, touched, now=now)
    return Taken(**counts)


async def _known(session: AsyncSession, wanted: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Invitation]:
    """The slips that are there already, locked in the order of their ids."""
    sources = {source for source, _ in wanted}
    named = [key for _, key in wanted]
    query = (
        select(Invitation)
        .where(col(Invitation.source).in_(sources), col(Invitation.source_key) == any_(literal(named, ARRAY(Text))))
        .order_by(col(Invitation.id))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return {(slip.source, slip.source_key): slip for slip in await session.scalars(query)}


async def _one(
    session: AsyncSession, word: Word, slip: Invitation | None, places: Places, touched: list[Invitation], *,
    by: Actor, now: datetime,
) -> str:  # fmt: skip
    """What becomes of one slip, as a name of `Taken`."""
    if isinstance(word, TakeBack):
        return _take_back(session, word, slip, touched, by=by, now=now)
    try:
        values = await columns_of(word, places, today=local_day(now))
    except BookingError as refused:
        if isinstance(refused, (FacilityUnknown, ServiceUnknown)):
            raise
        return "refused"
    values["state"] = InvitationState.LAPSED if values["last_day"] < local_day(now) else InvitationState.OPEN
    if slip is None:
        return _store(session, word, values, by=by, now=now)
    newer = _later(word.as_of, slip.as_of)
    slip.as_of = word.as_of or slip.as_of
    if slip.state not in _WAITING and not (newer and slip.state is InvitationState.WITHDRAWN):
        return "ended"
    changed = sorted(name for name, value in values.items() if getattr(slip, name) != value)
    if not changed:
        return "same"
    for name in changed:
        setattr(slip, name, values[name])
    slip.changed_at = now
    touched.append(slip)
    record(session, "invitation.change", "invitation", slip.public_id, by=by, now=now, changed=changed)
    return "changed"


def _store(session: AsyncSession, word: ReceiveInvitation, values: dict[str, Any], *, by: Actor, now: datetime) -> str:
    """A slip that is new here; one that is over already is nobody's any more."""
    if values["state"] is InvitationState.LAPSED:
        return "over"
    slip = Invitation(
        public_id=_id_of(word), source=word.source, source_key=word.key, received_at=now, changed_at=now,
        as_of=word.as_of, **values,
    )  # fmt: skip
    session.add(slip)
    record(session, "invitation.receive", "invitation", slip.public_id, by=by, now=now, source=word.source)
    return "new"


def _id_of(word: ReceiveInvitation) -> UUID:
    """Its public id: keyed, so nobody guesses it, and the same where a file is read anew after a restore.

    So are the code and the link of its text, by which the provider's list knows a text again that was sent before.
    """
    return UUID(bytes=keys().index("slip id", f"{word.source}|{word.key}")[:16], version=4)


def _take_back(
    session: AsyncSession, word: TakeBack, slip: Invitation | None, touched: list[Invitation], *, by: Actor,
    now: datetime,
) -> str:  # fmt: skip
    if slip is None:
        return "over"
    slip.as_of = word.as_of or slip.as_of
    if slip.state not in _WAITING:
        return "ended"
    slip.state, slip.changed_at = InvitationState.WITHDRAWN, now
    touched.append(slip)
    record(session, "invitation.withdraw", "invitation", slip.public_id, by=by, now=now)
    return "withdrawn"


def _later(one: datetime | None, other: datetime | None) -> bool:
    """Whether one moment is known to be later than another."""
    return one is not None and other is not None and one > other
