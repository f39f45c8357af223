"""On whose behalf something is done; the type of every `by`."""

from dataclasses import dataclass
from enum import StrEnum


class ActorKind(StrEnum):
    """Who acts. Names appear in the audit, so they are never renamed."""

    ANYONE = "anyone"  # not signed in
    LINK = "link"  # holds the token of one appointment
    ACCOUNT = "account"  # a signed-in patient, or whoever books for her
    STAFF = "staff"
    SYSTEM = "system"  # a job of the scheduler
    CARRIER = "carrier"  # a signed callback


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, and from where.

    Attributes:
        kind: what sort of actor.
        id: the staff id, the account's public id, the name of the job or feed; None for anyone.
        address: the network address the request came from, for the audit; None inside the house.
        request_id: ties the audit to the log lines of one request or job run.
    """

    kind: ActorKind
    id: str | None = None
    address: str | None = None
    request_id: str | None = None


def system(name: str) -> Actor:
    """The actor of a job, a command or a feed."""
    return Actor(ActorKind.SYSTEM, id=name)
