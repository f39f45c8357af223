"""Sample patients. Nobody here exists: each name ends in "Mẫu" (sample) and each number is counted up from one root."""

import itertools
from collections.abc import Iterator
from typing import Any

_FAMILIES = ("Nguyễn", "Trần", "Lê", "Phạm", "Hoàng", "Vũ", "Đặng", "Bùi", "Đỗ", "Ngô")
_MIDDLES = ("Thị", "Văn", "Minh", "Ngọc", "Hữu", "Thanh", "Quốc", "Bảo", "Kim", "Đức")
_GIVEN = ("An", "Bình", "Chi", "Dung", "Em", "Giang", "Hoa", "Khánh", "Lan", "Mai")


def name(number: int) -> str:
    """The sample name of a number: distinct for the first thousand."""
    family, middle, given = number % 10, number // 10 % 10, number // 100 % 10
    return f"{_FAMILIES[family]} {_MIDDLES[middle]} {_GIVEN[given]} Mẫu"


def phone(number: int) -> str:
    """The sample mobile of a number, 0903000000 onwards: distinct for the first million."""
    return f"0903{number:06d}"


def patient(number: int, **more: Any) -> dict[str, Any]:
    """The sample patient of a number, as the JSON door takes one; `more` replaces or adds members."""
    return {"name": name(number), "birth_year": 1950 + number % 50, "phone": phone(number)} | more


def patients(start: int = 1) -> Iterator[dict[str, Any]]:
    """Sample patients without end, no two alike within a thousand."""
    return (patient(number) for number in itertools.count(start))
