"""Files of a remote folder: whole ones, in their order, each once; and nothing that only looks like one."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from booking.exchange.kinds import ServerProblem
from scheduler.exports import host_keys, sftp
from scheduler.exports.feed import Feed
from scheduler.exports.fetching import from_sftp, remote_folder
from scheduler.exports.fetching.remote_folder import Listing
from tests.fetching import NOW, Looker, fetched
from tests.hospital_sftp import PASSWORD, USER, Hospital, hospital_sftp, key

pytestmark = pytest.mark.anyio
WHOLE = "ID,Start,End,Doctor,State\r\n"


@pytest.fixture
async def hospital(tmp_path: Path) -> AsyncIterator[Hospital]:
    async with hospital_sftp(tmp_path / "there") as found:
        yield found


@pytest.fixture
def looker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Looker:
    monkeypatch.setattr(from_sftp.fetch, "__kwdefaults__", {"between": 0.0})
    (tmp_path / "password").write_text(PASSWORD)
    return Looker(tmp_path)


def feed_of(hospital: Hospital, more: str = "", *, source: str = "", limits: str = "") -> Feed:
    return fetched(
        f'{source}\n[source.sftp]\nhost = "127.0.0.1"\nport = {hospital.port}\nuser = "{USER}"\nfolder = "out"\n'
        f'password_file = "password"\nhost_keys = "{hospital.host_key.get_fingerprint()}"\n{more}',
        more=limits,
    )


def put(hospital: Hospital, name: str, text: str, *, mtime: int) -> Path:
    path = hospital.folder / "out" / name
    path.write_text(text)
    os.utime(path, (mtime, mtime))
    return path


async def test_whole_files_are_fetched_oldest_first_and_each_once(hospital: Hospital, looker: Looker) -> None:
    for number, name in enumerate(("c.csv", "a.csv", "b.csv")):
        put(hospital, name, f"{number}\n", mtime=1000 + number)
    put(hospital, "other.txt", "x", mtime=1)
    put(hospital, "d.csv.part", "x", mtime=1)
    end, found = await looker.look(feed_of(hospital))
    assert (end.reached, end.problem, end.facts) == (True, None, {})
    assert found.fetched == looker.kept == ["c.csv", "a.csv", "b.csv"]
    assert [(looker.folder / name).stat().st_mtime for name in found.fetched] == [1000, 1001, 1002]
    assert (looker.folder / "a.csv").read_text() == "1\n"
    hospital.faults.reads.clear()
    assert (await looker.look(feed_of(hospital)))[1].fetched == []
    assert hospital.faults.reads == []  # what was taken is not even opened
    put(hospital, "a.csv", "new\n", mtime=2000)
    (looker.folder / "a.csv").unlink()  # as it was read meanwhile
    assert (await looker.look(feed_of(hospital)))[1].fetched == ["a.csv"]


async def test_an_older_export_is_not_taken(hospital: Hospital, looker: Looker) -> None:
    put(hospital, "new.csv", "new\n", mtime=2000)
    await looker.look(feed_of(hospital))
    put(hospital, "late.csv", "old\n", mtime=1999)
    end, found = await looker.look(feed_of(hospital))
    assert (found.fetched, end.facts, end.problem) == ([], {"older": 1}, None)
    del looker.memory["newest"]  # the control: without what is remembered it would be taken
    assert (await looker.look(feed_of(hospital)))[1].fetched == ["late.csv"]


async def test_a_file_from_the_future_makes_no_later_one_old(hospital: Hospital, looker: Looker) -> None:
    now = int(NOW.timestamp())
    put(hospital, "wrong-clock.csv", "1\n", mtime=now + 10**9)
    assert (await looker.look(feed_of(hospital)))[1].fetched == ["wrong-clock.csv"]
    assert (looker.folder / "wrong-clock.csv").stat().st_mtime == now
    put(hospital, "next.csv", "2\n", mtime=now + 60)
    assert (await looker.look(feed_of(hospital)))[1].fetched == ["next.csv"]


async def test_a_file_on_its_way_waits_and_holds_back_those_after_it(
    hospital: Hospital, looker: Looker, monkeypatch: pytest.MonkeyPatch
) -> None:
    growing = put(hospital, "a.csv", "1\n", mtime=1000)
    put(hospital, "b.csv", "2\n", mtime=1001)
    listed = remote_folder.listed

    async def and_grows(*given: object) -> Listing:
        found = await listed(*given)  # type: ignore[arg-type]
        with growing.open("a") as more:
            more.write("more\n")
        os.utime(growing, (1000, 1000))
        return found

    monkeypatch.setattr(from_sftp, "listed", and_grows)
    end, found = await looker.look(feed_of(hospital))
    assert (found.fetched, end.facts) == ([], {"waiting": 2})
    # Where the hospital says that it only renames whole files in, one look is believed; a change is seen all the same.
    end, found = await looker.look(feed_of(hospital, 'complete = "renamed"'))
    assert found.fetched == []
    monkeypatch.setattr(from_sftp, "listed", listed)
    assert (await looker.look(feed_of(hospital)))[1].fetched == ["a.csv", "b.csv"]


async def test_a_file_that_grows_while_it_is_read_is_left_for_the_next_look(hospital: Hospital, looker: Looker) -> None:
    path = put(hospital, "a.csv", "x" * 3_000_000, mtime=1000)
    hospital.faults.grow = path
    end, found = await looker.look(feed_of(hospital))
    assert (found.fetched, end.facts, looker.names()) == ([], {"waiting": 1}, [])
    hospital.faults.grow = None
    assert (await looker.look(feed_of(hospital)))[1].fetched == ["a.csv"]
    assert (looker.folder / "a.csv").read_bytes() == path.read_bytes()


async def test_a_file_shorter_than_it_is_said_to_be_is_not_whole(hospital: Hospital, looker: Looker) -> None:
    put(hospital, "a.csv", "cut", mtime=1000)
    hospital.faults.short_by = 10
    end, found = await looker.look(feed_of(hospital))
    assert (found.fetched, end.facts) == ([], {"waiting": 1})


async def test_a_marker_says_that_a_file_is_whole(hospital: Hospital, looker: Looker) -> None:
    put(hospital, "aborted.csv", "1\n", mtime=999)
    put(hospital, "a.csv", "1\n", mtime=1000)
    put(hospital, "a.csv.done", "", mtime=1001)
    end, found = await looker.look(feed_of(hospital, 'complete = "marker"\nafterwards = "delete"'))
    assert (found.fetched, end.facts) == (["a.csv"], {"waiting": 1})
    assert [path.name for path in (hospital.folder / "out").iterdir()] == ["aborted.csv"]


async def test_what_we_have_is_moved_there_and_trouble_with_that_is_told(hospital: Hospital, looker: Looker) -> None:
    feed = feed_of(hospital, 'afterwards = "move"')
    there = put(hospital, "a.csv", "1\n", mtime=1000)
    hospital.faults.refuse_rename = True
    end, found = await looker.look(feed)
    assert (found.fetched, end.reached, end.problem) == (["a.csv"], True, ServerProblem.NOT_TIDIED)
    assert end.facts["file"] == "a.csv"
    assert there.exists()
    hospital.faults.refuse_rename = False
    end, found = await looker.look(feed)
    assert (found.fetched, end.problem) == ([], None)  # moved now, and not fetched again
    assert (hospital.folder / "out" / "taken" / "a.csv").read_text() == "1\n"


async def test_what_is_no_plain_file_or_no_plain_name_is_never_opened(hospital: Hospital, looker: Looker) -> None:
    out = hospital.folder / "out"
    (out / "link.csv").symlink_to("/etc/passwd")
    os.mkfifo(out / "pipe.csv")
    (out / "folder.csv").mkdir()
    names = [
        b"../up.csv",
        b"../../small/done.csv",
        b"new\nline.csv",
        b"\xff.csv",
        b"a/b.csv",
        b"..\\x.csv",
        b"\x1b[2J.csv",
    ]
    hospital.faults.names = [*names, b"n" * 200 + b".csv"]
    put(hospital, "good.csv", "1\n", mtime=1000)
    end, found = await looker.look(feed_of(hospital))
    assert (end.problem, found.fetched) == (None, ["good.csv"])
    assert end.facts == {"no_files": 3, "odd_names": len(names) + 1}
    assert hospital.faults.reads == [b"out/good.csv"]
    assert looker.names() == ["good.csv"]


async def test_a_server_that_does_not_say_what_its_entries_are_is_asked(hospital: Hospital, looker: Looker) -> None:
    (hospital.folder / "out" / "link.csv").symlink_to("/etc/passwd")
    put(hospital, "good.csv", "1\n", mtime=1000)
    hospital.faults.without_kinds = True
    end, found = await looker.look(feed_of(hospital))
    assert (found.fetched, end.facts) == (["good.csv"], {"no_files": 1})


async def test_a_huge_file_is_told_of_and_stops_no_other(hospital: Hospital, looker: Looker) -> None:
    put(hospital, "huge.csv", "x" * 1_000_001, mtime=999)
    put(hospital, "good.csv", "1\n", mtime=1000)
    end, found = await looker.look(feed_of(hospital, limits="\n[limits]\nmegabytes = 1\n"))
    assert (end.reached, end.problem, found.fetched) == (True, ServerProblem.TOO_LARGE, ["good.csv"])
    assert end.facts == {"file": "huge.csv", "limit": 1}
    assert hospital.faults.reads == [b"out/good.csv"]


async def test_a_line_that_breaks_in_the_middle_leaves_nothing(hospital: Hospital, looker: Looker) -> None:
    put(hospital, "a.csv", "1\n", mtime=999)
    put(hospital, "b.csv", "x" * 3_000_000, mtime=1000)
    hospital.faults.drop_after = 1_000_000
    end, _ = await looker.look(feed_of(hospital))
    assert (end.reached, end.problem) == (False, ServerProblem.BROKEN_OFF)
    assert (looker.names(), looker.kept) == (["a.csv"], ["a.csv"])  # what was whole is kept
    hospital.faults.drop_after = None
    assert (await looker.look(feed_of(hospital)))[1].fetched == ["b.csv"]


async def test_a_server_that_hangs_is_left(hospital: Hospital, looker: Looker, monkeypatch: pytest.MonkeyPatch) -> None:
    put(hospital, "a.csv", "1\n", mtime=999)
    hospital.faults.hang_on_read = True
    monkeypatch.setattr(sftp.Line.step, "__kwdefaults__", {"seconds": 0.3})
    end, _ = await looker.look(feed_of(hospital))
    assert (end.reached, end.problem, looker.names()) == (False, ServerProblem.TOO_SLOW, [])


async def test_a_server_that_is_always_slow_is_left_too(hospital: Hospital, looker: Looker) -> None:
    put(hospital, "a.csv", "1\n", mtime=999)
    hospital.faults.hang_on_read = True
    feed = feed_of(hospital)
    quick = feed.source.model_copy(update={"fetch_seconds": 0.5})
    end, _ = await looker.look(feed.model_copy(update={"source": quick}))
    assert (end.reached, end.problem) == (False, ServerProblem.TOO_SLOW)


async def test_another_host_key_fetches_nothing(
    hospital: Hospital, looker: Looker, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(hospital, "a.csv", "1\n", mtime=999)
    feed = feed_of(hospital)
    assert feed.source.sftp is not None
    other = feed.source.sftp.model_copy(update={"host_keys": (key("another").get_fingerprint(),)})
    feed = feed.model_copy(update={"source": feed.source.model_copy(update={"sftp": other})})
    end, _ = await looker.look(feed)
    assert (end.reached, end.problem, looker.names()) == (False, ServerProblem.HOST_KEY_CHANGED, [])
    monkeypatch.setattr(host_keys, "is_ours", lambda *_: True)  # the control
    assert (await looker.look(feed))[1].fetched == ["a.csv"]


async def test_no_such_folder_and_an_own_folder_that_cannot_be_written(hospital: Hospital, looker: Looker) -> None:
    put(hospital, "a.csv", WHOLE, mtime=999)
    feed = feed_of(hospital)
    assert feed.source.sftp is not None
    other = feed.source.sftp.model_copy(update={"folder": "/absent"})
    end, _ = await looker.look(feed.model_copy(update={"source": feed.source.model_copy(update={"sftp": other})}))
    assert (end.problem, end.facts["folder"]) == (ServerProblem.NO_SUCH_FOLDER, "/absent")
    looker.folder.write_text("a file where the folder should be")
    end, _ = await looker.look(feed)
    assert end.problem is ServerProblem.NO_ROOM_HERE


async def test_a_file_of_the_same_name_that_nobody_has_read_yet_is_not_overwritten(
    hospital: Hospital, looker: Looker
) -> None:
    looker.folder.mkdir()
    (looker.folder / "a.csv").write_text("earlier\n")
    put(hospital, "a.csv", "later\n", mtime=1000)
    put(hospital, "b.csv", "last\n", mtime=1001)
    end, found = await looker.look(feed_of(hospital))
    assert (found.fetched, end.facts) == ([], {"waiting": 2})
    assert (looker.folder / "a.csv").read_text() == "earlier\n"
    (looker.folder / "a.csv").write_text("later\n")  # or ours, put there right before we were ended
    assert (await looker.look(feed_of(hospital)))[1].fetched == ["a.csv", "b.csv"]


async def test_a_folder_without_end_is_left(
    hospital: Hospital, looker: Looker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_folder, "MOST_ENTRIES", 50)
    hospital.faults.names = [b"%d.csv" % number for number in range(60)]
    end, _ = await looker.look(feed_of(hospital))
    assert (end.reached, end.problem) == (False, ServerProblem.TOO_MANY_FILES)


async def test_a_server_that_hangs_while_it_lists_is_left_within_the_time_of_the_feed(
    hospital: Hospital, looker: Looker
) -> None:
    hospital.faults.hang_on_list = True
    feed = feed_of(hospital)
    quick = feed.model_copy(update={"source": feed.source.model_copy(update={"fetch_seconds": 0.3})})
    end, _ = await looker.look(quick)
    assert (end.reached, end.problem) == (False, ServerProblem.TOO_SLOW)
