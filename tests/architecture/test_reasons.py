"""Every reading of a record says what for in a word the auditor is shown in plain language."""

import ast
from collections.abc import Iterator
from pathlib import Path

from booking.desk.figures.reads import WHY

BOOKING = Path(__file__).parents[2] / "booking"


def reasons(source: str) -> Iterator[str]:
    """The words given to `read_by_staff` and to `looking`."""
    for call in ast.walk(ast.parse(source)):
        if not isinstance(call, ast.Call):
            continue
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        named = [one.value for one in call.keywords if one.arg == "reason"] if name == "read_by_staff" else []
        for given in [*named, *(call.args if name == "looking" else [])]:
            for one in ast.walk(given):
                if isinstance(one, ast.Constant) and isinstance(one.value, str):
                    yield one.value


def test_every_reason_has_its_words() -> None:
    used = {one for path in BOOKING.rglob("*.py") for one in reasons(path.read_text())}
    assert {"queue", "correct", "due", "clash"} <= used
    assert not used - set(WHY)


def test_a_reading_is_written_down_in_one_way_only() -> None:
    """Past `read_by_staff` an event has no facility and no reason, and its reader looks like a suspect."""
    assert [path.name for path in BOOKING.rglob("*.py") if '"patient.read"' in path.read_text()] == ["reading.py"]


def test_a_word_without_a_text_is_found() -> None:
    assert list(reasons("read_by_staff(session, one, by=by, now=now, facility=f, reason='out of interest')")) == [
        "out of interest"
    ]
