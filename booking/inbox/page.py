"""The SMS inbox: what was sent, newest first, as a phone shows it; below, what was not sent and why."""

import re
from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter, Request
from sqlalchemy import select
from sqlmodel import col
from starlette.responses import Response

from booking.messages.kinds import MessageKind, MessageState
from booking.messages.models import Message
from booking.messages.preparing import body_of
from booking.messages.texts import MissingFactError
from booking.web.dependencies import Ask
from booking.web.pages import page

router = APIRouter(prefix="/inbox", include_in_schema=False)

_MOST = 100
_ARRIVED = (MessageState.SENT, MessageState.DELIVERED)
_LINK = re.compile(r"(https?://\S+)")


@dataclass(frozen=True, slots=True)
class Shown:
    """A message as the page shows it; `parts` alternate between text and links, and are none for an erased code."""

    phone: str | None
    state: str
    reason: str | None
    kind: str
    at: datetime
    language: str
    parts: list[str]


@router.get("")
async def inbox(request: Request, asked: Ask) -> Response:
    """The last hundred messages."""
    query = select(Message).order_by(col(Message.changed_at).desc(), col(Message.id).desc()).limit(_MOST)
    async with asked.db.transaction() as session:
        found = (await session.scalars(query)).all()
    base = asked.settings.public_base_url
    sent = [_shown(message, base) for message in found if message.state in _ARRIVED]
    waiting = [_shown(message, base) for message in found if message.state not in _ARRIVED]
    return page(request, "inbox.html", personal=True, sent=sent, waiting=waiting)


def _shown(message: Message, base_url: str) -> Shown:
    arrived = message.state in _ARRIVED
    return Shown(
        message.phone,
        message.state.value,
        message.reason,
        message.kind.value,
        (message.posted_at or message.changed_at) if arrived else message.due_at,
        message.language,
        _parts(message, base_url) if arrived else [],
    )


def _parts(message: Message, base_url: str) -> list[str]:
    """The text between links and the links; nothing where it holds a code that is erased by now."""
    try:
        return _LINK.split(body_of(message, base_url=base_url))
    except MissingFactError:
        if message.kind is not MessageKind.OTP:
            raise
        return []
