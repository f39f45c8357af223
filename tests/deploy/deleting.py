"""Who takes rows away: each place of the code that does, and whether web processes come there."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]

PAGES: Final[dict[str, frozenset[str]]] = {
    "booking/access/sessions.py": frozenset({"sign_in_delay"}),
    "booking/access/service.py": frozenset({"staff_scope"}),
    "booking/appointments/handing.py": frozenset({"place_left"}),
    "booking/availability/closing.py": frozenset({"slot_closure"}),
    "booking/availability/editing.py": frozenset({"calendar_day", "session_change"}),
    "booking/directory/upkeep.py": frozenset({"notice"}),
    "booking/exchange/outgoing/restored.py": frozenset({"out_told"}),  # `henkham after-restore`, by as-web.sh
    "booking/queue/acts.py": frozenset({"queue_ticket"}),
    "booking/queue/wishing.py": frozenset({"near_wish"}),
}
"""What web processes reach, and the tables they take rows from there."""

SCHEDULER: Final = frozenset({
    "booking/appointments/waitlist/forgetting.py", "booking/exchange/ending.py", "booking/exchange/feed_rows.py",
    "booking/exchange/fetching.py", "booking/exchange/outgoing/forgetting.py", "booking/exchange/outgoing/service.py",
    "booking/exchange/shown/listing.py", "booking/exchange/shown/service.py", "booking/messages/channel/counting.py",
    "booking/retention/feeds.py", "booking/retention/others.py", "booking/retention/people.py",
    "booking/retention/texts.py", "booking/trail/forgetting.py", "booking/trail/observing.py",
})  # fmt: skip
"""What only jobs reach, and the commands that run as the scheduler (`henkham feed ...`)."""

BY_FUNCTION: Final = frozenset({"booking/training/wiping.py"})
"""Whose statements are those of a function of the database."""


def found() -> set[str]:
    """Every module that takes rows away."""
    return {
        path.relative_to(ROOT).as_posix()
        for path in _modules()
        if any(_takes_away(node) for node in ast.walk(ast.parse(path.read_text("utf-8"))))
    }


def _modules() -> Iterator[Path]:
    for folder in ("booking", "scheduler"):
        yield from (path for path in (ROOT / folder).rglob("*.py") if "migrations" not in path.parts)


def _takes_away(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        called = node.func
        if isinstance(called, ast.Name):
            return called.id == "delete"
        return isinstance(called, ast.Attribute) and ast.unparse(called) in ("session.delete", "sa.delete")
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value.lstrip().upper().startswith(("DELETE FROM", "TRUNCATE "))
    return False
