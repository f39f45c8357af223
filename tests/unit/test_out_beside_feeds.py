"""Our files and a hospital's exports never lie among each other: terms and feeds that would are refused."""

from pathlib import Path

import pytest

from booking.cli import feed, feed_alone
from scheduler.outgoing.terms_file import TermsFolder
from tests.exports import SMALL, TODAY, small_file
from tests.unit.test_out_beside import ANSWERS, look, put

SFTP = """[{table}]
host = "his.example"
user = "henkham"
password_file = "secret"
host_keys = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
folder = "{folder}"
"""


def drop(home: Path, folder: str, *, more: str = "", pattern: str = "*") -> Path:
    """A feed that takes files from a folder."""
    path = home / "small.toml"
    named = f'format = "csv"\nfolder = "{folder}"\npattern = "{pattern}"\n{more}'
    path.write_text(SMALL.replace('format = "csv"\n', named))
    return path


@pytest.mark.parametrize(
    ("out", "source", "how"),
    [
        ("to-his", "to-his", "is"), ("to-his", "./x/../to-his/", "is"), ("his/out", "his", "lies inside"),
        ("his/done", "his", "lies inside"), ("his", "his/in", "lies around"), ("his/out", "his/in", None),
        ("his", "his-in", None), ("link", "his", "is"), ("link/out", "his", "lies inside"),
    ],
)  # fmt: skip
def test_a_folder_of_ours_is_apart_from_those_of_exports(
    tmp_path: Path, out: str, source: str, how: str | None
) -> None:
    (tmp_path / "his").mkdir()
    (tmp_path / "link").symlink_to("his")
    drop(tmp_path, source)
    put(tmp_path, "a", folder=out)
    used, problems = look(tmp_path)
    if how is None:
        assert (used, problems) == (["a"], [])
        return
    assert used == []
    assert [problem.split(" source.folder of")[0] for problem in problems] == [f"out.folder: {how}"]
    assert f"the feed 'small' ({source})" in problems[0]


def test_a_feed_that_comes_later_stops_the_terms_and_its_going_lets_them_on(tmp_path: Path) -> None:
    put(tmp_path, "a")
    known = TermsFolder()
    assert look(tmp_path, known) == (["a"], [])
    path = drop(tmp_path, "to-his")
    used, problems = look(tmp_path, known)
    assert (used, len(problems)) == ([], 1)
    assert look(tmp_path, known) == ([], [])  # told once
    path.unlink()
    assert look(tmp_path, known) == (["a"], [])


def test_answers_are_nobodys_exports(tmp_path: Path) -> None:
    drop(tmp_path, "answers")
    put(tmp_path, "a", answers=ANSWERS.format(folder="answers", pattern="*"))
    used, problems = look(tmp_path)
    assert used == []
    assert problems[0].startswith("answers.folder: is source.folder of the feed 'small' (answers)")


@pytest.mark.parametrize(
    ("folder", "pattern", "sound"),
    [("exchange", "*", False), ("./exchange/", "BOOK*.hl7", False), ("exchange", "*.csv", True), ("in", "*", True)],
)
def test_on_a_server_names_may_tell_the_files_apart(tmp_path: Path, folder: str, pattern: str, *, sound: bool) -> None:
    drop(tmp_path, "in", pattern=pattern, more=SFTP.format(table="source.sftp", folder=folder))
    path = put(tmp_path, "a")
    server = SFTP.format(table="sftp", folder="exchange").replace("his.example", "HIS.example")
    path.write_text(path.read_text().replace('folder = "to-his"\n', "") + server)
    used, problems = look(tmp_path)
    assert used == (["a"] if sound else [])
    assert [problem.split(":")[0] for problem in problems] == ([] if sound else ["sftp.folder"])
    assert sound or "source.sftp.folder of the feed 'small'" in problems[0]


def test_the_check_of_a_feed_and_of_terms_names_both_keys(
    tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    source, terms = drop(tmp_path, "to-his"), put(tmp_path, "a")
    export = tmp_path / "export.csv"
    export.write_bytes(small_file(("1", "2026-11-23 08:00", "2026-11-23 08:30", "Dr An", "busy")))
    for path, file in ((source, None), (source, export), (terms, None)):
        if file is None:
            code = feed_alone.check(path, file, as_json=False)
        else:
            code = feed.check(path, file, as_json=False, today=TODAY)
        assert code == feed.UNUSABLE
        told = capsysbinary.readouterr().out.decode()
        assert "out.folder" in told
        assert "source.folder" in told
