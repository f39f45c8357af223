"""Which database a version serves on: by what the steps say of each other, not by their numbers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from booking.migrations import needed


@pytest.fixture
def steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Three steps, of which the last has a smaller number than the one before."""
    monkeypatch.setattr(needed, "_STEPS", tmp_path)
    needed._found.cache_clear()
    for revision, down in (("0001", None), ("0039", "0001"), ("0037", "0039")):
        said = f'"{down}"' if down else "None"
        (tmp_path / f"{revision}_made.py").write_text(f'revision = "{revision}"\ndown_revision = {said}\n', "utf-8")
    yield tmp_path
    needed._found.cache_clear()


@pytest.mark.usefixtures("steps")
def test_a_database_is_behind_at_any_step_of_ours_but_the_newest() -> None:
    assert needed.head() == "0037"
    assert [needed.is_behind(each) for each in (None, "0001", "0039", "0037", "0040")] == [
        True, True, True, False, False,
    ]  # fmt: skip


def test_two_ends_are_refused(steps: Path) -> None:
    (steps / "0041_made.py").write_text('revision = "0041"\ndown_revision = "0039"\n', "utf-8")
    with pytest.raises(RuntimeError, match="2 ends"):
        needed.head()
