"""Every way of freeing a place goes through one function, which thinks of those who wait for one."""

import ast
from pathlib import Path

APPOINTMENTS = Path(__file__).resolve().parents[2] / "booking"
ONE_WAY = ("booking/appointments/waitlist/offers.py", "give_back")


def freed_in(source: str) -> list[str]:
    """The functions that call `places.free`, and "import" where the name is taken out of its module."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module == "booking.appointments.places":
            found += ["import" for name in node.names if name.name == "free"]
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            found += [
                node.name
                for call in ast.walk(node)
                if isinstance(call, ast.Attribute)
                and call.attr == "free"
                and isinstance(call.value, ast.Name)
                and call.value.id == "places"
            ]
    return found


def test_places_are_freed_in_one_place() -> None:
    root = APPOINTMENTS.parent
    found = [
        (str(path.relative_to(root)), name)
        for path in sorted(APPOINTMENTS.rglob("*.py"))
        for name in freed_in(path.read_text(encoding="utf-8"))
    ]
    assert found == [ONE_WAY]


def test_control_another_way_is_seen() -> None:
    assert freed_in("async def end(s):\n    await places.free(s, 1, 2, reserved=False)") == ["end"]
    assert freed_in("from booking.appointments.places import free, take") == ["import"]
