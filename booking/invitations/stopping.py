"""Reminders or none, said by whoever holds the link of a text about a slip: as `reminder_choice` has it for visits."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking.actor import Actor
from booking.appointments.changing import holder
from booking.appointments.reminder_choice import Choice
from booking.invitations.errors import InvitationUnknown
from booking.invitations.models import Invitation
from booking.invitations.telling import SUBJECT
from booking.messages import numbers
from booking.messages.models import Message
from booking.sealed import keys
from booking.trail.service import record


async def chosen(session: AsyncSession, code: str, token: str) -> Choice:
    """How it stands for the number that the text went to. Raises as `choose`."""
    _, phone = await _number(session, code, token)
    return Choice(phone, (await numbers.of_phone(session, phone)).stopped_at)


async def choose(session: AsyncSession, code: str, token: str, *, wanted: bool, by: Actor, now: datetime) -> None:
    """Take reminders and invitations or none, at the number that the text went to. The same again changes nothing.

    Raises:
        InvitationUnknown: there is none of this code, this is not its link, or no text tells of it any more.
    """
    slip, phone = await _number(session, code, token)
    if phone is None:
        raise InvitationUnknown
    if wanted:
        changed = await numbers.take_reminders(session, phone)
    else:
        changed = await numbers.stop_reminders(session, phone, now=now)
    if changed:
        what = "reminders.take" if wanted else "reminders.stop"
        record(session, what, "invitation", slip.public_id, by=holder(by), now=now)


async def _number(session: AsyncSession, code: str, token: str) -> tuple[Invitation, str | None]:
    slip = (await session.execute(select(Invitation).where(col(Invitation.code) == code))).scalar_one_or_none()
    if slip is None or not keys().token_fits(token, str(slip.public_id), 1):
        raise InvitationUnknown
    query = (
        select(Message)
        .where(col(Message.subject_kind) == SUBJECT, col(Message.subject_id) == slip.public_id)
        .order_by(col(Message.id).desc())
        .limit(1)
    )
    message = (await session.execute(query)).scalar_one_or_none()
    return slip, message.phone if message is not None else None
