"""Which step of the schema this code needs. Without Alembic: a web process only asks, and need not carry it."""

import re
from functools import cache
from pathlib import Path
from typing import Final

_STEPS: Final = Path(__file__).parent / "versions"
_NAMES: Final = re.compile(r'^(down_)?revision = "(.+)"$', re.MULTILINE)


@cache
def head() -> str:
    """The newest revision: the one that none comes after.

    Raises:
        RuntimeError: there is not exactly one such.
    """
    found: list[list[tuple[str, str]]] = [
        _NAMES.findall(path.read_text("utf-8")) for path in sorted(_STEPS.glob("[0-9]*.py"))
    ]
    before = {name for step in found for down, name in step if down}
    newest = [name for step in found for down, name in step if not down and name not in before]
    if len(newest) != 1:
        raise RuntimeError(f"migrations with {len(newest)} ends: {newest}")
    return newest[0]
