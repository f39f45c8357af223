"""Who asks, in which language, when; and the database. Read once per request, passed down."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request

from booking import clock
from booking.actor import Actor, ActorKind
from booking.db import Database
from booking.i18n import Language, preferred
from booking.logs import request_id
from booking.settings import Settings
from booking.web import device

_MOST_REMEMBERED = 50_000
"""Addresses a process keeps in mind; beyond that it begins anew, which forgives each less than a step."""


@dataclass(slots=True)
class Tally:
    """Tries by limit and address that this process has not handed over yet, and whom the database refused till when."""

    pending: dict[str, int] = field(default_factory=dict)
    refused: dict[str, datetime] = field(default_factory=dict)

    def due(self, subject: str, step: int, number: int = 1) -> int:
        """Count tries, mostly one; how many to hand over now, mostly none."""
        if len(self.pending) > _MOST_REMEMBERED:
            self.pending.clear()
        tries = self.pending.get(subject, 0) + number
        self.pending[subject] = 0 if tries >= step else tries
        return tries if tries >= step else 0


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, as the doors see it.

    Attributes:
        by: on whose behalf.
        now: the moment the request was taken up, UTC; nobody below asks the clock again.
        address: the network address the request came from (behind a proxy: what the trusted proxy says).
    """

    by: Actor
    now: datetime
    address: str
    db: Database
    settings: Settings
    tally: Tally
    request: Request

    @property
    def language(self) -> Language:
        """Of the answer; found out only when somebody is told something."""
        return language_of(self.request)

    def link(self, code: str, token: str) -> str:
        """The address of an appointment's page: whoever has it may open and change it."""
        return f"{self.settings.public_base_url}/t/{code}/{token}"


def language_of(request: Request) -> Language:
    """The language chosen by the person (cookie), else what the browser prefers, else Vietnamese."""
    chosen = device.preference(request, "lang")
    if chosen in ("vi", "en"):
        return "vi" if chosen == "vi" else "en"
    return preferred(request.headers.get("accept-language"))


async def asked(request: Request) -> Asked:
    """The request's context. Async, because FastAPI sends a plain function to a thread, at a tenth of a request."""
    address = request.client.host if request.client else "unknown"
    return Asked(
        by=Actor(ActorKind.ANYONE, address=address, request_id=request_id.get()),
        now=clock.utc_now(),
        address=address,
        db=request.app.state.db,
        settings=request.app.state.settings,
        tally=request.app.state.tally,
        request=request,
    )


Ask = Annotated[Asked, Depends(asked)]
