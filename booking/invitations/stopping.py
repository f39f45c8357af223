"""Reminders or none, said by whoever holds the link of a text about a slip: as `reminder_choice` has it for visits."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking.actor import Actor
from booking.appointments import reminder_choice
from booking.appointments.reminder_choice import Choice
from booking.invitations.errors import InvitationUnknown
from booking.invitations.models import Invitation
from booking.invitations.telling import SUBJECT
from booking.messages.models import Message
from booking.sealed import keys


async def chosen(session: AsyncSession, code: str, token: str) -> Choice:
    """How it stands for the number that the text went to. Raises as `choose`."""
    _, phone = await _number(session, code, token)
    return await reminder_choice.standing(session, phone)


async def choose(session: AsyncSession, code: str, token: str, *, wanted: bool, by: Actor, now: datetime) -> None:
    """Take reminders and invitations or none, at the number that the text went to. The same again changes nothing.

    Raises:
        InvitationUnknown: there is none of this code, this is not its link, or no text tells of it any more.
    """
    slip, phone = await _number(session, code, token)
    if phone is None:
        raise InvitationUnknown
    await reminder_choice.say(session, phone, ("invitation", slip.public_id), wanted=wanted, by=by, now=now)


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
