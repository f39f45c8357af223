"""Asking, and answering."""

from uuid import UUID

from booking.inputs import Command
from booking.requests.kinds import RequestDoor, RequestKind, RequestState


class MakeRequest(Command):
    """What somebody asks. `id` is minted into the form: sent twice, it is one request."""

    id: UUID
    kind: RequestKind
    door: RequestDoor
    name: str
    phone: str | None = None
    said: str
    patient_id: int | None = None
    account_id: int | None = None


class EndRequest(Command):
    """What became of it: done or refused, and what she is told."""

    state: RequestState
    answer: str
