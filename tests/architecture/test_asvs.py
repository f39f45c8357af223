"""docs/asvs.md names tests that exist, says each requirement once, and gives a reason wherever it is not met."""

import re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
STATES = {"met", "partly", "open", "not applicable"}
LEVELS_1_AND_2 = 253
"""Requirements of levels 1 and 2 in ASVS 5.0.0 (70 and 183)."""
WHOLE = {"V10 (all)": 29, "V17 (all)": 7}
"""Chapters that are left out as a whole, with how many of them are of these levels."""


def _rows() -> list[tuple[str, ...]]:
    lines = (ROOT / "docs" / "asvs.md").read_text("utf-8").splitlines()
    rows = [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines if line.startswith("| V")]
    assert all(len(row) == 4 for row in rows)
    return rows


def _ids(row: tuple[str, ...]) -> list[str]:
    return [] if row[0] in WHOLE else row[0].split(", ")


def _named(row: tuple[str, ...]) -> list[tuple[str, str]]:
    return re.findall(r"`(tests/[a-z0-9_/]+\.py)::(test_[a-z0-9_]+)`", row[3])


def _is_there(path: str, test: str) -> bool:
    file = ROOT / path
    return file.exists() and re.search(rf"(?m)^(async )?def {test}\(", file.read_text("utf-8")) is not None


def test_every_test_that_is_named_exists() -> None:
    gone = [f"{path}::{test}" for row in _rows() for path, test in _named(row) if not _is_there(path, test)]
    assert gone == []
    assert not _is_there("tests/architecture/test_asvs.py", "test_of_nobody"), "the control"


def test_what_is_met_names_a_test_and_what_is_not_says_why() -> None:
    for row in _rows():
        assert row[2] in STATES, row
        reason = re.sub(r"`tests/[^`]+`|<br>", "", row[3]).strip()
        if row[2] in ("met", "partly"):
            assert _named(row), f"{row[0]} names no test"
        if row[2] != "met":
            assert reason, f"{row[0]} says no reason"


def test_every_requirement_of_the_two_levels_stands_there_once() -> None:
    told = [one for row in _rows() for one in _ids(row)]
    assert all(re.fullmatch(r"V\d{1,2}\.\d{1,2}\.\d{1,2}", one) for one in told)
    assert [one for one, times in Counter(told).items() if times > 1] == []
    assert len(told) + sum(WHOLE.values()) == LEVELS_1_AND_2
    assert {row[0] for row in _rows() if not _ids(row)} == set(WHOLE)


def test_the_sums_are_those_of_the_rows() -> None:
    sums = Counter(dict.fromkeys(STATES, 0))
    for row in _rows():
        sums[row[2]] += len(_ids(row))
    text = (ROOT / "docs" / "asvs.md").read_text("utf-8")
    told = re.search(r"Rows: (\d+) requirements met, (\d+) partly, (\d+) open,\s+(\d+) not applicable", text)
    assert told is not None
    assert tuple(map(int, told.groups())) == tuple(sums[one] for one in ("met", "partly", "open", "not applicable"))
