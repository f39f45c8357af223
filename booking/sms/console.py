"""The gateway of demos and tests of other parts: accepts everything and reaches nobody.

The demo's inbox page reads the outbox, not this. By default nothing is written anywhere; a text goes to the terminal
only where a person asked for that.
"""

import sys
from collections.abc import Callable, Sequence
from datetime import date, datetime

from booking.ids import public_id
from booking.sms.gateway import Accepted, Listed, Outgoing


class ConsoleGateway:
    """Accepts everything.

    Args:
        sink: is handed each text, for whoever wants to keep them.
        echo: also write each text to the terminal; never in production, where a terminal is a log.
    """

    name = "console"
    keeps_list = True  # an empty one: no outcome here is ever unknown

    def __init__(self, *, sink: Callable[[Outgoing], None] | None = None, echo: bool = False) -> None:
        self._sink = sink
        self._echo = echo

    def send(self, outgoing: Outgoing) -> Accepted:
        """Accept it under a sid of our own."""
        if self._sink is not None:
            self._sink(outgoing)
        if self._echo:
            sys.stdout.write(f"SMS {outgoing.to}: {outgoing.body}\n")
        return Accepted(f"console-{public_id()}", "sent")

    def sent_to(self, to: str, since: datetime) -> Sequence[Listed]:  # noqa: ARG002
        """Nothing: a terminal keeps no list, and no outcome here is ever unknown."""
        return []

    def taken_on(self, day: date) -> Sequence[Listed]:  # noqa: ARG002
        """Likewise."""
        return []

    def close(self) -> None:
        """Nothing is held."""
