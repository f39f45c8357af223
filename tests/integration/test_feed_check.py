"""`henkham feed check` as a process: what it prints, and with which code it ends."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from booking.db import Database
from tests import forking
from tests.exports import FEEDS, HIS, SHAPES, TODAY, cells_of, truth, written
from tests.feeds import NOW, Folders, book, hospital_database, two_weeks
from tests.postgres import Cluster
from tests.seeds import everything

pytestmark = pytest.mark.anyio
URL = "gnuhealth-url"
FEED, FILE = FEEDS / f"{URL}.toml", HIS / SHAPES[URL]


@pytest.fixture
def database_url(cluster: Cluster) -> Iterator[str]:
    with hospital_database(cluster, two_weeks) as url:
        yield url


def check(*arguments: str | Path, database: str | None = None, fresh: bool = False) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of the command, forked, or fresh in a locale that knows no Vietnamese."""
    environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"} | ({"DATABASE_URL": database} if database else {})
    command = [sys.executable, "-m", "booking", "feed", "check", *map(str, arguments), "--today", TODAY.isoformat()]
    done = forking.run(command, environment=environment, fresh=fresh)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def as_json(*arguments: str | Path, database: str | None = None) -> tuple[int, Any]:
    """Exit code, and the one object on stdout."""
    code, out, err = check(*arguments, "--json", database=database)
    assert err == ""
    return code, json.loads(out)


def test_a_sound_file_by_the_feed_alone() -> None:
    code, told = as_json(FEED, FILE)
    assert code == 0
    assert (told["readable"], told["read"], told["verdict"]) == (True, 1665, {"kind": "apply", "reasons": []})
    assert "calendar" not in told
    starts = {(doctor, span[0]) for doctor, spans in told["closed"].items() for span in spans}
    assert ("chau", "2026-11-23T07:30:00+07:00") in starts


def test_lines_for_a_person() -> None:
    code, out, _ = check(FEED, FILE, fresh=True)
    assert code == 0
    assert "1665 rows apply" in out
    assert "Verdict: apply" in out


def test_a_file_that_a_guard_would_hold(tmp_path: Path) -> None:
    feed = tmp_path / "feed.toml"
    feed.write_text(FEED.read_text().replace('zone = "UTC"', 'zone = "Asia/Ho_Chi_Minh"'))
    code, told = as_json(feed, FILE)
    assert (code, told["verdict"]["kind"]) == (1, "hold")
    assert check(feed, FILE)[0] == 1


@pytest.mark.parametrize("bytes_of", [b"", b"\xff\xfe\xfa", b"a;b;c\r\n1;2;3\r\n"], ids=["empty", "binary", "alien"])
def test_a_file_that_cannot_be_read(tmp_path: Path, bytes_of: bytes) -> None:
    file = tmp_path / "export.csv"
    file.write_bytes(bytes_of)
    code, told = as_json(FEED, file)
    assert (code, told["readable"]) == (2, False)
    assert told["unreadable"]["text"] in check(FEED, file)[1]


def test_a_feed_that_is_wrong_names_every_key(tmp_path: Path) -> None:
    feed = tmp_path / "feed.toml"
    feed.write_text(FEED.read_text().replace("start = ", "strat = ", 1).replace('zone = "UTC"', 'zone = "Mars"'))
    code, told = as_json(feed, FILE)
    assert (code, told["feed"], told["readable"]) == (2, None, False)
    assert {problem.split(":")[0] for problem in told["problems"]} >= {"columns.strat", "times.zone"}
    assert "did you mean 'start'" in check(feed, FILE)[1]
    assert as_json(tmp_path / "absent.toml", FILE)[0] == 2


def test_a_database_that_cannot_be_reached_is_said_and_the_dry_run_goes_on() -> None:
    code, told = as_json(FEED, FILE, database="postgresql://nobody:secret@127.0.0.1:1/none")
    assert (code, told["read"], told["calendar"]["asked"]) == (0, 1665, False)
    assert "secret" not in json.dumps(told)
    assert "not asked" in check(FEED, FILE, database="nonsense")[1]


async def test_beside_the_calendar_it_counts_times_and_patients_and_changes_nothing(
    db: Database, database_url: str, tmp_path: Path
) -> None:
    await book(db, "07:30")
    before = await everything(db)
    code, told = as_json(FEED, FILE, database=database_url)
    assert code == 0
    assert told["calendar"] == {
        "asked": True,
        "closing": len(truth()),
        "opening": 0,
        "patients": 1,
        "ours": 0,
        "stay": 0,
        "without_times": [],
        "first": True,
    }
    assert await everything(db) == before
    stranger = tmp_path / "feed.toml"
    stranger.write_text(FEED.read_text().replace("[resources.chau]", "[resources.chua]"))
    assert as_json(stranger, FILE, database=database_url)[1]["calendar"]["without_times"] == ["chua"]
    assert "Are they ours?" in check(stranger, FILE, database=database_url)[1]
    folders = Folders(tmp_path / "feeds")
    drop = folders.add(URL)
    (drop / SHAPES[URL]).write_bytes(FILE.read_bytes())
    await folders.look(db, now=NOW)
    cut = tmp_path / "cut.csv"
    cut.write_bytes(written(cells_of(URL)[:1001]))
    code, told = as_json(FEED, cut, database=database_url)
    assert (code, told["verdict"]["kind"]) == (1, "closings_only")
    assert (told["calendar"]["opening"], told["calendar"]["first"]) == (0, False)


def test_a_link_is_not_opened_and_nothing_steers_the_terminal(tmp_path: Path) -> None:
    (tmp_path / "link.csv").symlink_to(FILE)
    code, told = as_json(FEED, tmp_path / "link.csv")
    assert (code, told["unreadable"]["reason"]) == (2, "not_a_file")
    header, *body = cells_of(URL)
    place = header.index("State")
    lines = [[*line[:place], "\x1b[2Jcleared", *line[place + 1 :]] for line in body]
    (tmp_path / "a.csv").write_bytes(written([header, *lines]))
    _, out, _ = check(FEED, tmp_path / "a.csv")
    assert ("[2Jcleared" in out, "\x1b" in out) == (True, False)
