"""Use cases of the heart: hold, book, move, cancel. Each reads top to bottom as its steps."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from booking import ids
from booking.actor import Actor
from booking.appointments import changing, parameters, refusals
from booking.appointments.caps import Caps
from booking.appointments.commands import (
    BookAppointment,
    CancelAppointment,
    HoldPlace,
    RescheduleAppointment,
)
from booking.appointments.errors import (
    AlreadyBooked,
    AppointmentUnknown,
    HoldLapsed,
    JustGivenUp,
    KeyReused,
    SlotFull,
    TooManyHolds,
    TooManyUpcoming,
)
from booking.appointments.kinds import Channel
from booking.appointments.lookups import (
    EXPIRED_SLOTS,
    EXPIRED_SLOTS_OF_DEVICE,
    GIVEN_UP_BY_DEVICE,
    GIVEN_UP_BY_NUMBER,
    LIVE_HOLDS,
    MAY,
    REPLAY,
    SWEEP_SLOT,
)
from booking.appointments.rules import HOLDS_PER_DEVICE
from booking.appointments.statements import BOOK_HOLD, BOOK_SLOT, HOLD
from booking.errors import Busy
from booking.hot import Hot, Statement
from booking.sealed import keys
from booking.trail.errors import TriedTooOften
from booking.trail.keys import IdempotencyKey

_TRIES = 40
"""A booking code that is taken already (one in millions) is thrown again. A slot that has a free place by the time we
ask why there was none (another request swept it, somebody cancelled) is tried again; whoever loses that often is told
that it is busy."""


COUNTER_FULL = "rate_counter_tries_check"
"""Broken by the statement of a booking when the number's day is full by the time it may count (statements.py)."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """An appointment in the hands of its holder.

    Attributes:
        public_id: what the token is made for.
        code: names it.
        token: opens and changes the appointment; never stored.
        answer: the appointment as JSON text, as PostgreSQL built it.
        replayed: the answer of an earlier request with the same key.
        papers: whether a hospital's slip may concern the patient, known by the number of a paper; of a replay always.
    """

    public_id: UUID
    code: str
    token: str
    answer: str
    replayed: bool = False
    papers: bool = False

    @property
    def view(self) -> dict[str, Any]:
        """The answer's members."""
        members: dict[str, Any] = orjson.loads(self.answer)
        return members


async def book(
    hot: Hot,
    command: BookAppointment,
    *,
    by: Actor,
    now: datetime,
    key: IdempotencyKey,
    channel: Channel,
    caps: Caps,
    token: str | None = None,
    device: bytes | None = None,
) -> Ticket:
    """Take a place for good, from a slot or from a live hold.

    Args:
        hot: the driver's connection; the booking is one statement and one transaction.
        command: what is wanted.
        by: who asks.
        now: the moment of the request, UTC.
        key: one key and one body give one appointment.
        channel: through which door.
        caps: how much one number and one browser may have.
        token: of the hold, where one is confirmed.
        device: which browser or telephone asks, where it says so.

    Raises:
        RuleBroken, Conflict, NotFound: with what can be done about it; nothing was written.
    """
    limit = changing.phone_limit(caps.per_day)
    person = parameters.person(command.patient, now=now)
    values = person | caps.values(now) | {"device_known": device} | {"phone_window": limit.window(now)}
    values |= parameters.common(command.language, by=by, now=now, key=key, channel=channel)
    if command.hold is not None:
        ticket = await _confirm(hot, command.hold, token, values, key=key, caps=caps)
        return _named(ticket, person["name"])
    values |= {"slot": command.slot, "facility": command.facility, "service": command.service}

    async def check() -> None:
        await _check_may(hot, values, caps, now=now)
        await _check_given_up(hot, values, GIVEN_UP_BY_NUMBER, now=now)

    return _named(await _take(hot, BOOK_SLOT, values, key, check, now=now), person["name"])


async def hold(
    hot: Hot,
    command: HoldPlace,
    *,
    by: Actor,
    now: datetime,
    key: IdempotencyKey,
    channel: Channel,
    device: bytes,
    device_known: bool,
    minutes: int,
    caps: Caps,
) -> Ticket:
    """Keep a place while somebody types; at most two live holds for a device.

    `device` is an address where the device does not say which it is; then `device_known` is false.

    Raises:
        TooManyHolds: two are held already.
        Conflict, RuleBroken, NotFound: as for a booking.
    """
    mine = {"device": device}
    for row in await hot.fetch(EXPIRED_SLOTS_OF_DEVICE.sql, *EXPIRED_SLOTS_OF_DEVICE.arguments(mine)):
        await release_expired(hot, row["slot_id"])
    values = parameters.common(command.language, by=by, now=now, key=key, channel=channel)
    values |= {"slot": command.slot, "facility": command.facility, "service": command.service}
    values |= mine | {"hold_minutes": minutes, "device_known": device if device_known else None}
    values |= caps.values(now)

    async def check() -> None:
        if await hot.fetchval(LIVE_HOLDS.sql, *LIVE_HOLDS.arguments(mine)) >= HOLDS_PER_DEVICE:
            raise TooManyHolds(most=HOLDS_PER_DEVICE, retry_after=minutes * 60)
        await _check_given_up(hot, values, GIVEN_UP_BY_DEVICE, now=now)

    return await _take(hot, HOLD, values, key, check, now=now)


async def release_expired(hot: Hot, slot_id: int) -> int:
    """Give back the places of a slot whose holds have expired; returns how many."""
    return await hot.fetchval(SWEEP_SLOT.sql, *SWEEP_SLOT.arguments({"slot": slot_id})) or 0


async def expired_slots(hot: Hot, *, after: int = 0) -> list[int]:
    """Slots with expired holds, the next thousand at most after this one, by their ids."""
    return [row["slot_id"] for row in await hot.fetch(EXPIRED_SLOTS.sql, *EXPIRED_SLOTS.arguments({"after": after}))]


async def cancel(
    session: AsyncSession, code: str, token: str, command: CancelAppointment, *, by: Actor, now: datetime
) -> None:
    """Give the place up; cancelling again changes nothing. A hold is let go.

    Raises:
        AppointmentUnknown: no such code, or the token does not fit.
        TooLateToChange, NotChangeable: see `rules.check_changeable`.
    """
    await changing.cancel(session, code, token, command, by=by, now=now)


async def let_go(session: AsyncSession, code: str, token: str, *, by: Actor, now: datetime) -> bool:
    """Let go of a hold and only of a hold: a visit stays, even one that was booked this very moment.

    Returns:
        Whether there was a hold to let go of.

    Raises:
        AppointmentUnknown: no such code, or the token does not fit.
    """
    return await changing.let_go(session, code, token, by=by, now=now)


async def reschedule(
    session: AsyncSession,
    code: str,
    token: str,
    command: RescheduleAppointment,
    *,
    by: Actor,
    now: datetime,
    per_phone: int,
    since: datetime | None = None,
) -> None:
    """Take a place of another slot of the same service, then free the old one, in one transaction.

    Moving to the slot one has changes nothing. Each move sends an SMS, so it counts towards the number's day like a
    booking: `per_phone` for both together. A place that the same hands gave up after `since` is not for them.

    Raises:
        AppointmentUnknown: no such code, or the token does not fit.
        TooLateToChange, NotChangeable: see `rules.check_changeable`.
        SlotFull, JustGivenUp and their kin: the old place is kept then.
        TriedTooOften: the number has no bookings and moves left today.
    """
    await changing.reschedule(session, code, token, command, by=by, now=now, per_phone=per_phone, since=since)


async def _take(
    hot: Hot,
    statement: Statement,
    values: dict[str, Any],
    key: IdempotencyKey,
    check: Callable[[], Awaitable[None]],
    *,
    now: datetime,
) -> Ticket:
    """Run the statement until it took a place or a reason is known why it did not.

    It also takes nothing for a number that has booked enough today or a device that holds enough; `check` raises then,
    asked only where the slot itself gives no other reason.
    """
    for _ in range(_TRIES):
        try:
            row = await _written(hot, statement, values)
        except asyncpg.UniqueViolationError as violation:
            replay = await _replay(hot, key)
            if replay is not None:
                return replay
            if violation.constraint_name == "appointment_day_key":
                raise AlreadyBooked from None
            # The code is taken, or a place that was freed and taken this moment: throw again.
            values["code"] = ids.booking_code()
            continue
        if row is not None:
            return _ticket(values["public_id"], values["code"], row["answer"], papers=row["papers"])
        replay = await _replay(hot, key)
        if replay is not None:
            return replay
        if await release_expired(hot, values["slot"]):
            continue
        refused = await refusals.explain(
            hot, values["slot"], facility=values["facility"], service=values["service"], now=now
        )
        if refused is None or isinstance(refused, SlotFull):
            await check()
        if refused is not None:
            raise refused
    raise Busy(retry_after=1)


async def _written(hot: Hot, statement: Statement, values: dict[str, Any]) -> Mapping[str, Any] | None:
    """What the statement returned; None when it wrote nothing, also where the number's day filled up meanwhile."""
    try:
        return await hot.fetchrow(statement.sql, *statement.arguments(values))
    except asyncpg.CheckViolationError as violation:
        if violation.constraint_name != COUNTER_FULL:
            raise
        return None


async def _confirm(
    hot: Hot, code: str, token: str | None, values: dict[str, Any], *, key: IdempotencyKey, caps: Caps
) -> Ticket:
    held = await refusals.opened(hot, code, token)
    if held is None:
        raise AppointmentUnknown
    values |= {"public_id": held["public_id"], "code": code}
    try:
        row = await _written(hot, BOOK_HOLD, values)
    except asyncpg.UniqueViolationError as violation:
        row = None
        if violation.constraint_name == "appointment_day_key" and (replay := await _replay(hot, key)) is None:
            raise AlreadyBooked from None
    if row is not None:
        return _ticket(values["public_id"], values["code"], row["answer"], papers=row["papers"])
    replay = await _replay(hot, key)
    if replay is not None:
        return replay
    await _check_may(hot, values, caps, now=values["now"])
    if (found := await refusals.opened(hot, code, token)) and orjson.loads(found["view"])["patient"]:
        raise AlreadyBooked  # confirmed already, under another key
    refused = await refusals.explain_closed(hot, held["slot_id"], now=values["now"])
    raise refused or HoldLapsed(nearest=await refusals.nearest(hot, held["slot_id"], now=values["now"]))


async def _check_may(hot: Hot, values: dict[str, Any], caps: Caps, *, now: datetime) -> None:
    row = await hot.fetchrow(MAY.sql, *MAY.arguments(values))
    if row is not None and not row["today"]:
        limit = changing.phone_limit(caps.per_day)
        raise TriedTooOften(limit=limit.name, most=limit.most, retry_after=limit.retry_after(now))
    if row is not None and not row["ahead"]:
        raise TooManyUpcoming(reason="phone", most=caps.phone)
    if row is not None and not row["device"]:
        raise TooManyUpcoming(reason="device", most=caps.device)


async def _check_given_up(hot: Hot, values: dict[str, Any], statement: Statement, *, now: datetime) -> None:
    if await hot.fetchval(statement.sql, *statement.arguments(values)):
        near = await refusals.nearest(hot, values["slot"], now=now)
        raise JustGivenUp(nearest=[slot for slot in near if slot["id"] != values["slot"]])


async def _replay(hot: Hot, key: IdempotencyKey) -> Ticket | None:
    row = await hot.fetchrow(REPLAY.sql, *REPLAY.arguments({"scope": key.scope, "key": key.key}))
    if row is None:
        return None
    if row["body_hash"] != key.body_hash:
        raise KeyReused
    return _ticket(row["subject"], orjson.loads(row["answer"])["code"], row["answer"], replayed=True, papers=True)


_NOBODY = '"patient" : null'
"""As PostgreSQL writes it. A quote inside a text is written with a backslash, so no name of ours looks like it."""


def _named(ticket: Ticket, name: str) -> Ticket:
    """The answer with the name as typed now, which is never kept with it; the same body gives the same answer.

    Not as first stored: a stranger who guesses phone and birth learns no spelling.
    """
    patient = f'"patient" : {{"name" : {orjson.dumps(name).decode()}}}'
    return replace(ticket, answer=ticket.answer.replace(_NOBODY, patient, 1))


def _ticket(public_id: UUID, code: str, answer: str, *, papers: bool, replayed: bool = False) -> Ticket:
    return Ticket(public_id, code, keys().link_token(str(public_id), 1), answer, replayed, papers)
