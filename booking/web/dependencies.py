"""Who asks, in which language, when; and the database. Read once per request, passed down."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request

from booking import clock
from booking.actor import Actor, ActorKind
from booking.db import Database
from booking.i18n import Language, preferred
from booking.logs import request_id
from booking.sealed import keys
from booking.settings import Settings


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, as the doors see it.

    Attributes:
        by: on whose behalf.
        now: the moment the request was taken up, UTC; nobody below asks the clock again.
        language: of the answer.
        address: the network address the request came from (behind a proxy: what the trusted proxy says).
    """

    by: Actor
    now: datetime
    language: Language
    address: str
    db: Database
    settings: Settings

    @property
    def address_index(self) -> bytes:
        """The address as a blind index, for counters."""
        return keys().index("address", self.address)

    def link(self, code: str, token: str) -> str:
        """The address of an appointment's page: whoever has it may open and change it."""
        return f"{self.settings.public_base_url}/t/{code}/{token}"


def language_of(request: Request) -> Language:
    """The language chosen by the person (cookie), else what the browser prefers, else Vietnamese."""
    chosen = request.cookies.get("lang")
    if chosen in ("vi", "en"):
        return "vi" if chosen == "vi" else "en"
    return preferred(request.headers.get("accept-language"))


def asked(request: Request) -> Asked:
    """The request's context."""
    address = request.client.host if request.client else "unknown"
    return Asked(
        by=Actor(ActorKind.ANYONE, address=address, request_id=request_id.get()),
        now=clock.utc_now(),
        language=language_of(request),
        address=address,
        db=request.app.state.db,
        settings=request.app.state.settings,
    )


Ask = Annotated[Asked, Depends(asked)]
