"""Files that staff show: read apart by the scheduler, told on a page, applied never, gone within the hour."""

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from booking.access.kinds import Role
from booking.clock import utc_now
from booking.db import Database
from booking.exchange.shown import service as shown
from booking.web.security import LARGEST_BODY
from scheduler.exports.apart import LIMITS, ReaderLost
from scheduler.jobs import read_shown
from scheduler.jobs.read_shown import Desk
from tests import places, staff
from tests.exports import HIS, SHAPES, SMALL, small_file
from tests.hostile import endless_rows
from tests.places import OTHER, STATION
from tests.seeds import rows, value

pytestmark = pytest.mark.anyio
BASE = f"/desk/{STATION}/show-file"
HEADERS = {"sec-fetch-site": "same-origin", "accept-language": "en"}
SAMPLE = small_file(
    ("1", "2026-11-30 07:30", "", "Dr An", "busy"), ("2", "30/11", "", "Dr An", "busy"),
    ("3", "2026-11-30 09:00", "", "Dr Bí Mật", "lạ"),
)  # fmt: skip


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A folder of feeds with one of the station."""
    (tmp_path / "small.toml").write_text(SMALL.replace('"BVVT"', f'"{STATION}"'))
    return Desk(tmp_path)


@pytest.fixture
async def manager(client: httpx.AsyncClient, db: Database) -> httpx.AsyncClient:
    """A manager of the station, signed in."""
    async with db.transaction() as session:
        await places.make(session, utc_now())
    await staff.add(db, "manager.mau", Role.MANAGER, [STATION])
    client.cookies.set("desk", await staff.sign_in(db, "manager.mau") or "")
    return client


async def show(client: httpx.AsyncClient, data: bytes, feed: str = "small", name: str = "x.csv") -> str:
    """Send a file up; the address of its page."""
    done = await client.post(BASE, data={"feed": feed}, files={"file": (name, data)}, headers=HEADERS)
    assert done.status_code == 303, done.text
    return done.headers["location"]


async def page(client: httpx.AsyncClient, path: str) -> str:
    found = await client.get(path, headers=HEADERS)
    assert found.status_code == 200, found.text
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", found.text))


async def test_what_check_says_stands_on_the_page_and_nothing_is_applied(
    manager: httpx.AsyncClient, db: Database, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("booking.desk.feeds.shown.PIECE", 50)  # in several pieces, and put together again
    path = await show(manager, SAMPLE, name="C:\\xuat\\lich\x00\n.csv")
    assert "being read" in await page(manager, path)
    kept = await rows(db, "SELECT content FROM shown_part ORDER BY number")
    assert len(kept) == -(-len(SAMPLE) // 50)
    assert all(b"Dr An" not in each["content"] for each in kept)
    assert len(await read_shown.run(db, now=utc_now(), desk=desk)) == 1
    told = await page(manager, path)
    for words in ("1 rows that apply", "rows refused 1", "Line 3 Its begin is in none", "30/11", "Dr Bí Mật"):
        assert words in told or words.split(" ", 1)[1] in told, words
    assert "Only its closings would be applied" in told
    assert "would close" in told
    assert await value(db, "SELECT count(*) FROM shown_part") == 0
    assert await value(db, "SELECT count(*) FROM feed_file") == await value(db, "SELECT count(*) FROM feed_row") == 0
    [event] = await rows(db, "SELECT action, facts FROM audit_event WHERE action = 'export.show'")
    assert event["facts"]["size"] == len(SAMPLE)
    assert await read_shown.run(db, now=utc_now(), desk=desk) == []


async def test_for_a_file_nobody_knows_a_feed_is_proposed(manager: httpx.AsyncClient, db: Database, desk: Desk) -> None:
    path = await show(manager, (HIS / SHAPES["gnuhealth-url"]).read_bytes(), feed="")
    await read_shown.run(db, now=utc_now(), desk=desk)
    told = await page(manager, path)
    assert "[columns]" in told
    assert "absence.meaning" in told
    assert "pattern = &#34;*.csv&#34;" in told
    assert f"facility = &#34;{STATION}&#34;" in told
    assert re.search(r"our codes of \d+ doctors or rooms", told)
    vietnamese = (await manager.get(path, headers={"accept-language": "vi"})).text.split("<pre")[0]
    for words in (" resources", "our codes", "doctors or rooms"):
        assert words not in vietnamese
    assert "giờ trong tệp theo múi giờ nào" in vietnamese
    nothing = await show(manager, b"\x00\x01\x02" * 50, feed="")
    await read_shown.run(db, now=utc_now(), desk=desk)
    assert "Nothing can be proposed" in await page(manager, nothing)


async def test_a_hostile_file_is_told_and_takes_nothing_along(
    manager: httpx.AsyncClient, db: Database, desk: Desk
) -> None:
    desk.limits = replace(LIMITS, processor=1)
    paths = [await show(manager, endless_rows().data, feed=""), await show(manager, b'a,"b\n', feed="small")]
    last = await show(manager, SAMPLE)
    assert len(await read_shown.run(db, now=utc_now(), desk=desk)) == 3
    assert "cannot be read" in await page(manager, paths[0])
    assert "(unclosed_quote)" in await page(manager, paths[1])
    assert "rows that apply" in await page(manager, last)


async def test_a_feed_of_another_place_or_name_reads_nothing(
    manager: httpx.AsyncClient, db: Database, desk: Desk
) -> None:
    assert desk.feeds_dir is not None
    (desk.feeds_dir / "other.toml").write_text(SMALL.replace('"BVVT"', f'"{OTHER}"').replace('"small"', '"other"'))
    paths = [await show(manager, SAMPLE, feed=feed) for feed in ("other", "none")]
    await read_shown.run(db, now=utc_now(), desk=desk)
    for path in paths:
        assert "No feed of this name" in await page(manager, path)


async def test_after_an_hour_it_is_gone(manager: httpx.AsyncClient, db: Database, desk: Desk) -> None:
    path = await show(manager, SAMPLE)
    later = utc_now() + shown.KEPT
    await read_shown.run(db, now=later - timedelta(seconds=30), desk=Desk())
    assert await value(db, "SELECT count(*) FROM shown_file") == 1
    await read_shown.run(db, now=later + timedelta(seconds=30), desk=desk)
    assert await value(db, "SELECT count(*) FROM shown_file") == 0
    assert (await manager.get(path, headers=HEADERS)).status_code == 404


async def test_of_another_facility_it_is_as_if_it_were_not(manager: httpx.AsyncClient, db: Database) -> None:
    path = await show(manager, SAMPLE)
    await staff.add(db, "other.mau", Role.MANAGER, [OTHER])
    manager.cookies.set("desk", await staff.sign_in(db, "other.mau") or "")
    assert (await manager.get(path, headers=HEADERS)).status_code == 404
    elsewhere = await manager.get(path.replace(STATION, OTHER), headers=HEADERS)
    absent = await manager.get(f"/desk/{OTHER}/show-file/nonsense", headers=HEADERS)
    assert (elsewhere.status_code, absent.status_code) == (404, 404)


async def test_what_is_missing_or_too_much_is_said(manager: httpx.AsyncClient, db: Database) -> None:
    for files in ({"file": ("x.csv", b"")}, {"other": ("x.csv", b"x")}):
        empty = await manager.post(BASE, data={"feed": ""}, files=files, headers=HEADERS)
        assert empty.status_code == 422
        assert 'id="file-error"' in empty.text
    for _ in range(5):
        await show(manager, SAMPLE)
    sixth = await manager.post(BASE, files={"file": ("x.csv", SAMPLE)}, headers=HEADERS)
    assert sixth.status_code == 429
    assert await value(db, "SELECT count(*) FROM shown_file") == 5
    large = b"a" * (34 * 1024 * 1024)
    assert (await manager.post(BASE, files={"file": ("x.csv", large)}, headers=HEADERS)).status_code == 413
    elsewhere = await manager.post(
        f"/desk/{STATION}/feeds/x/files/1", content=large[: LARGEST_BODY + 1], headers=HEADERS
    )
    assert elsewhere.status_code == 413


async def test_a_file_whose_reader_is_lost_waits_and_is_given_up_after_three_tries(
    manager: httpx.AsyncClient, db: Database, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(*_: object, **__: object) -> None:
        raise ReaderLost("gone")

    monkeypatch.setattr(read_shown, "read_stream", lost)
    path, now = await show(manager, SAMPLE), utc_now()
    for turn in range(4):
        assert await read_shown.run(db, now=now + timedelta(minutes=6 * turn), desk=desk) == []
    assert "through no fault of its own" in await page(manager, path)
