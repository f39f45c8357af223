"""What the desk sees of files of slips: how many, in words; never whose."""

from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from booking.access.kinds import Role
from booking.clock import utc_now
from booking.db import Database
from scheduler.jobs import read_shown
from scheduler.jobs.read_shown import Desk
from tests import places, staff
from tests.feeds import Folders
from tests.insurance import FEED, insurance_file, visit
from tests.places import STATION
from tests.seeds import value

pytestmark = pytest.mark.anyio
BASE = f"/desk/{STATION}/feeds/phieu-hen"
HEADERS = {"sec-fetch-site": "same-origin", "accept-language": "en"}


@pytest.fixture
async def files(client: httpx.AsyncClient, db: Database, tmp_path: Path) -> list[int]:
    """A manager is signed in; a sound file and another hospital's have come."""
    now = utc_now()
    async with db.transaction() as session:
        await places.make(session, now)
    await staff.add(db, "manager.mau", Role.MANAGER, [STATION])
    client.cookies.set("desk", await staff.sign_in(db, "manager.mau") or "")
    folders = Folders(tmp_path / "feeds")
    folder = folders.write("phieu-hen", FEED.replace("BVVT", STATION))
    due = {"NGAY_HEN_KL": f"{now + timedelta(days=9):%Y%m%d}"}
    for name, one in (("1", visit(1, slip=due)), ("2", visit(2, MA_CSKCB="77002"))):
        (folder / f"{name}.xml").write_bytes(insurance_file(one))
    assert [outcome.where for outcome in await folders.look(db, now=now)] == ["done", "quarantine"]
    return [await value(db, "SELECT min(id) FROM feed_file"), await value(db, "SELECT max(id) FROM feed_file")]


async def test_a_feed_of_slips_is_listed_with_what_its_files_brought(
    client: httpx.AsyncClient, files: list[int]
) -> None:
    listed = (await client.get(f"/desk/{STATION}/feeds", headers=HEADERS)).text
    assert "phieu-hen" in listed
    page = (await client.get(BASE, headers=HEADERS)).text
    assert "New slips: <strong>1</strong>" in page
    assert "The file is of another hospital." in page
    one = (await client.get(f"{BASE}/files/{files[0]}", headers=HEADERS)).text
    assert "New slips: <strong>1</strong>" in one
    assert "Differences" not in one, "it changes nothing in the calendar"
    assert "Release this file" not in one
    assert "Go back to before this file" not in one
    other = await client.get(f"{BASE}/files/{files[1]}", headers=HEADERS)
    assert "other_hospital" in other.text
    for text in (listed, page, one, other.text):
        assert "Mẫu" not in text.split("<main")[1]
        assert "LK-0001" not in text


async def test_a_file_of_slips_cannot_be_released_or_undone(client: httpx.AsyncClient, files: list[int]) -> None:
    for kind in ("release", "restore"):
        asked = await client.post(f"{BASE}/files/{files[0]}", data={"kind": kind, "reason": "thử"}, headers=HEADERS)
        assert asked.status_code == 409


async def test_a_file_that_is_tried_says_what_would_become_of_its_slips(
    client: httpx.AsyncClient, db: Database, files: list[int], tmp_path: Path
) -> None:
    desk = Desk(tmp_path / "feeds")
    base = f"/desk/{STATION}/show-file"
    assert files
    due = {"NGAY_HEN_KL": f"{utc_now() + timedelta(days=12):%Y%m%d}"}
    made = f"{utc_now() + timedelta(days=1):%Y%m%d}"
    tried = insurance_file(visit(1, slip=due), visit(3, slip=due), visit(4, HO_TEN="7"), made=made)
    pages = []
    for feed, data in (("phieu-hen", tried), ("phieu-hen", insurance_file(visit(1, MA_CSKCB="77002"))), ("", tried)):
        sent = await client.post(base, data={"feed": feed}, files={"file": ("x.xml", data)}, headers=HEADERS)
        assert sent.status_code == 303, sent.text
        assert len(await read_shown.run(db, now=utc_now(), desk=desk)) == 1
        pages.append((await client.get(sent.headers["location"], headers=HEADERS)).text)
    assert "New slips: <strong>1</strong>" in pages[0]
    assert "Slips changed: <strong>1</strong>" in pages[0]
    assert "Nobody has such a name or birth (HO_TEN)." in pages[0]
    assert "The file is of another hospital." in pages[1]
    assert "format = &#34;xml130&#34;" in pages[2]
    assert await value(db, "SELECT count(*) FROM invitation") == 1, "nothing of it was applied"
    assert not any("Mẫu" in text.split("<main")[1] for text in pages)
