"""What a writer of bookings is: terms and a batch in, bytes out. `outgoing/__init__.py` lists one per format."""

from typing import Protocol

from booking.exchange.outgoing.rules import Batch, Named, Visit
from scheduler.outgoing.terms import Outgoing


class Writer(Protocol):
    """A format."""

    def __call__(self, terms: Outgoing, batch: Batch, /) -> bytes:
        """The whole file."""
        ...


def key_of(terms: Outgoing, named: Named | None) -> str:
    """The hospital's key of a practitioner or room of ours; our own code where the terms name none."""
    return terms.resources.get(named.code, named.code) if named is not None else ""


def service_key(terms: Outgoing, visit: Visit) -> str:
    """The hospital's key of a service."""
    return terms.services.get(visit.service.code, visit.service.code)
