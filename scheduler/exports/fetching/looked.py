"""What one look at a server gave, and what is remembered from one to the next."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from booking.exchange.kinds import ServerProblem

Memory = dict[str, Any]
"""Plain JSON: what was seen and taken. Kept in the database, so that two schedulers share it."""

Keep = Callable[[Memory, str | None], Awaitable[None]]
"""Write the memory down; with the name of a file that was just put into the drop folder."""


@dataclass(slots=True)
class Looked:
    """What a look at a server found.

    Attributes:
        fetched: names under which files now lie in the drop folder, in their order.
        waiting: how many files are still on their way there, or must wait for those before them.
        unchanged: the content is the one that was fetched last.
        said_at: since when the server says that it holds, where it says so.
        remarks: how many there were of what is left alone: links, odd names, older files.
        problem: what went wrong though the server was reached.
        facts: about the problem.
    """

    fetched: list[str] = field(default_factory=list)
    waiting: int = 0
    unchanged: bool = False
    said_at: datetime | None = None
    remarks: dict[str, int] = field(default_factory=dict)
    problem: ServerProblem | None = None
    facts: dict[str, Any] = field(default_factory=dict)

    def remark(self, what: str) -> None:
        """Count one more of a kind."""
        self.remarks[what] = self.remarks.get(what, 0) + 1
