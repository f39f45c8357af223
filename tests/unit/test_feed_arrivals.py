"""Drop folders without a scheduler: which files are complete, what may be opened, where they end up."""

import os
from pathlib import Path

import pytest

from booking.exchange.errors import ExportUnreadable
from scheduler.exports.arrivals import LOOKS, PATIENCE, Arrival, Changed, Sights, mark_of, plain_name, put_away, take
from scheduler.exports.feed_folder import FeedFolder, drop_folder
from tests.exports import SMALL, small

FEED = small()


def arrival(path: Path) -> Arrival:
    return Arrival(path, mark_of(path.lstat()), final=False)


def looked(sights: Sights, folder: Path) -> list[str]:
    return [each.path.name for each in sights.look(FEED, folder)[0]]


def test_a_file_is_complete_when_two_looks_saw_it_unchanged(tmp_path: Path) -> None:
    sights, path = Sights(), tmp_path / "a.csv"
    path.write_text("1")
    assert [looked(sights, tmp_path) for _ in range(LOOKS)] == [[], ["a.csv"]]
    path.write_text("12")
    assert looked(sights, tmp_path) == []


def test_after_long_patience_a_file_is_judged_as_it_is(tmp_path: Path) -> None:
    sights = Sights()
    (tmp_path / "a.csv").write_text("1")
    final = [[each.final for each in sights.look(FEED, tmp_path)[0]] for _ in range(PATIENCE)]
    assert final[-2:] == [[False], [True]]


@pytest.mark.parametrize("name", [".a.csv", "a.csv.part", "a.csv.tmp", "a.csv.filepart", "a.csv.done", "a.txt"])
def test_passing_names_and_others_are_not_looked_at(tmp_path: Path, name: str) -> None:
    sights = Sights()
    (tmp_path / name).touch()
    assert [looked(sights, tmp_path) for _ in range(LOOKS)] == [[], []]


def test_a_file_on_its_way_holds_back_those_after_it(tmp_path: Path) -> None:
    sights = Sights()
    for number, name in enumerate(("b.csv", "a.csv")):
        (tmp_path / name).write_text("1")
        os.utime(tmp_path / name, (number, number))
    (tmp_path / "a.csv.done").touch()
    assert looked(sights, tmp_path) == []
    assert looked(sights, tmp_path) == ["b.csv", "a.csv"]


def test_what_changed_since_the_look_is_neither_read_nor_moved(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("1")
    seen = arrival(path)
    path.write_text("12")
    with pytest.raises(Changed):
        take(seen, megabytes=1)
    assert put_away(seen, "done", None) is None
    assert path.exists()


def test_a_link_that_took_the_files_place_is_not_followed(tmp_path: Path) -> None:
    secret, path = tmp_path / "secret", tmp_path / "a.csv"
    secret.write_text("1")
    path.write_text("1")
    seen = arrival(path)
    path.unlink()
    path.symlink_to(secret)
    with pytest.raises(ExportUnreadable):
        take(seen, megabytes=1)


def test_a_folder_that_is_a_link_is_not_written_into(tmp_path: Path) -> None:
    elsewhere, path = tmp_path / "elsewhere", tmp_path / "drop" / "a.csv"
    elsewhere.mkdir()
    path.parent.mkdir()
    path.write_text("1")
    (path.parent / "done").symlink_to(elsewhere)
    with pytest.raises(NotADirectoryError):
        put_away(arrival(path), "done", "words")
    assert list(elsewhere.iterdir()) == []


def test_a_large_file_is_copied_no_further_than_the_reader_needs(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"x" * 5_000_000)
    taken = take(arrival(path), megabytes=1)
    with taken.stream as stream:
        assert (len(stream.read()), taken.size) == (2_000_000, 5_000_000)


def test_names_are_kept_apart_and_the_same_content_is_kept_once(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    ended = []
    for content in ("1", "2", "2", "1"):
        path.write_text(content)
        target = put_away(arrival(path), "done", None)
        assert target is not None
        ended.append(target.name)
    assert ended == ["a.csv", "a.2.csv", "a.2.csv", "a.csv"]


def test_names_become_harmless_and_short(tmp_path: Path) -> None:
    assert plain_name("lịch hẹn\n\x1b[31m.csv") == "lịch hẹn__[31m.csv"
    assert plain_name(os.fsdecode(b"a\xff.csv")) == "a_.csv"
    long = "ế" * 80 + ".csv"
    assert plain_name(long).endswith("ế.csv")
    path = tmp_path / long
    path.write_text("1")
    target = put_away(arrival(path), "quarantine", "words")
    assert target is not None
    assert target.with_name(f"{target.name}.report.txt").read_text() == "words"


def test_the_folder_of_feeds_is_read_again_when_it_changes(tmp_path: Path) -> None:
    folder = FeedFolder()
    (tmp_path / "a.toml").write_text(SMALL)
    (tmp_path / "b.toml").write_text("nonsense")
    feeds, broken = folder.look(tmp_path)
    assert ([feed.code for feed in feeds], [each.name for each in broken]) == (["small"], ["b.toml"])
    assert folder.look(tmp_path) == (feeds, [])  # told once
    (tmp_path / "b.toml").write_text(SMALL + "\n")
    feeds, broken = folder.look(tmp_path)
    assert (len(feeds), [each.problems for each in broken]) == (
        1,
        [("code: 'small' is the code of another file; not used",)],
    )
    (tmp_path / "a.toml").unlink()
    assert [len(each) for each in folder.look(tmp_path)] == [1, 0]


def test_a_drop_folder_is_absolute_or_beside_the_feeds(tmp_path: Path) -> None:
    assert drop_folder(FEED, tmp_path) is None
    for folder, found in (("in/x", tmp_path / "in" / "x"), ("/srv/x", Path("/srv/x")), ("../x", tmp_path.parent / "x")):
        feed = FEED.model_copy(update={"source": FEED.source.model_copy(update={"folder": folder})})
        assert drop_folder(feed, tmp_path) == found
