"""Which step of the schema this code needs. Without Alembic: a web process only asks, and need not carry it."""

import re
from functools import cache
from pathlib import Path
from typing import Final

_STEPS: Final = Path(__file__).parent / "versions"
_NAMES: Final = re.compile(r'^(down_)?revision = "(.+)"$', re.MULTILINE)


@cache
def _found() -> tuple[tuple[str, ...], str]:
    """Every revision of this version, and the newest of them."""
    found: list[list[tuple[str, str]]] = [
        _NAMES.findall(path.read_text("utf-8")) for path in sorted(_STEPS.glob("[0-9]*.py"))
    ]
    before = {name for step in found for down, name in step if down}
    steps = [name for step in found for down, name in step if not down]
    newest = [name for name in steps if name not in before]
    if len(newest) != 1:
        raise RuntimeError(f"migrations with {len(newest)} ends: {newest}")
    return tuple(steps), newest[0]


def head() -> str:
    """The newest revision: the one that none comes after.

    Raises:
        RuntimeError: there is not exactly one such.
    """
    return _found()[1]


def is_behind(revision: str | None) -> bool:
    """Whether a database at `revision` lacks what this version needs; None: it has no schema.

    Numbers say nothing of the order. A revision that is not ours is a newer version's, on which ours serves as well.
    """
    steps, newest = _found()
    return revision is None or (revision in steps and revision != newest)
