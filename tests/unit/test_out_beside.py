"""Terms that stand in each other's way are refused, and nothing is laid over other content."""

from pathlib import Path

import pytest

from booking.cli import feed_out
from scheduler.exports.putting import NameTaken
from scheduler.outgoing import delivery
from scheduler.outgoing.terms_file import TermsFolder

BASE = """code = "{code}"
facility = "BVVT"
[out]
format = "hl7"
folder = "{folder}"
name = "{name}"
[changes]
every_minutes = 5
"""
ANSWERS = """[answers]
folder = "{folder}"
format = "hl7"
pattern = "{pattern}"
"""


def put(home: Path, code: str, *, folder: str = "to-his", name: str = "bookings", answers: str = "") -> Path:
    path = home / f"{code}.out.toml"
    path.write_text(BASE.format(code=code, folder=folder, name=name) + answers)
    return path


def look(home: Path, folder: TermsFolder | None = None) -> tuple[list[str], list[str]]:
    """Codes in force, and what is wrong."""
    used, broken = (folder or TermsFolder()).look(home)
    return [each.code for each in used], [problem for each in broken for problem in each.problems]


def test_two_terms_do_not_lay_files_under_one_name(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    put(tmp_path, "a")
    second = put(tmp_path, "b", folder=f"{tmp_path}/x/../to-his", name="Bookings")
    known = TermsFolder()
    used, problems = look(tmp_path, known)
    assert used == ["a"]
    assert problems == ["out.name: 'a' lays its files in the same place under the same name; give one another"]
    assert look(tmp_path, known) == (["a"], [])  # told once
    assert feed_out.run(second, full=False, as_json=False, out=None) == feed_out.UNUSABLE
    assert b"out.name: 'a' lays its files" in capsysbinary.readouterr().out
    (tmp_path / "a.out.toml").unlink()
    assert look(tmp_path, known) == (["b"], [])  # what stood in its way has gone


@pytest.mark.parametrize("changed", [{"name": "others"}, {"folder": "elsewhere"}])
def test_another_name_or_another_folder_is_no_trouble(tmp_path: Path, changed: dict[str, str]) -> None:
    put(tmp_path, "a")
    put(tmp_path, "b", **changed)
    assert look(tmp_path) == (["a", "b"], [])


@pytest.mark.parametrize(
    ("folder", "pattern", "sound"),
    [("to-his", "*", False), ("./to-his", "BOOK*.hl7", False), ("to-his", "*.ack", True), ("answers", "*", True)],
)
def test_our_own_files_are_nobodys_answers(tmp_path: Path, folder: str, pattern: str, *, sound: bool) -> None:
    answers = ANSWERS.format(folder=folder, pattern=pattern)
    put(tmp_path, "a", answers=answers)
    assert look(tmp_path)[0] == (["a"] if sound else [])
    put(tmp_path, "a")
    put(tmp_path, "b", folder="elsewhere", answers=answers)
    assert look(tmp_path)[0] == (["a", "b"] if sound else ["a"])


def test_nothing_is_laid_over_other_content(tmp_path: Path) -> None:
    delivery.lay(tmp_path, "a.csv", b"one")
    delivery.lay(tmp_path, "a.csv", b"one")  # whoever was killed lays it once more
    with pytest.raises(NameTaken):
        delivery.lay(tmp_path, "a.csv", b"two")
    assert (tmp_path / "a.csv").read_bytes() == b"one"
    (tmp_path / "b.csv").symlink_to(tmp_path / "a.csv")
    with pytest.raises(NameTaken):
        delivery.lay(tmp_path, "b.csv", b"one")
