"""Hospital exports: a manager answers clashes, looks at feeds and files, releases one; a page tells patients of age."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from playwright.sync_api import Page

from booking.access.kinds import Role
from booking.clock import utc_now
from booking.db import Database
from booking.exchange import showing
from scheduler.jobs import follow_orders, read_exports, read_shown
from scheduler.jobs.read_exports import Memory
from scheduler.jobs.read_shown import Desk
from tests import clashing, people, told_hospital
from tests.browser.conftest import Site
from tests.browser.desk import add_staff, sign_in
from tests.browser.kinds import EMPTY, ERROR
from tests.browser.pressing import press
from tests.browser.walks import Stop
from tests.exports import SMALL, small_file
from tests.places import SERVICE, STATION
from tests.postgres import apart

SHOWS = {
    "desk_conflicts.html": "data empty error",
    "desk_feeds.html": "data empty",
    "desk_feed.html": "data empty",
    "desk_feed_file.html": "data error",
    "desk_show_file.html": "empty data error",
    "desk_shown_file.html": "data empty",
    "desk_outgoing.html": "data empty",
    "desk_queue.html": "data",
    "days.html": "data",
}
FEED = "his-mau"
SAMPLE = small_file(
    ("1", "2026-11-30 07:30", "", "Dr An", "busy"), ("2", "30/11", "", "Dr An", "busy"),
    ("3", "2026-11-30 09:00", "", "BS. Nguyễn Thị Ánh Mẫu", "lạ"), ("4", "2026-11-30 10:00", "", "Dr An", ""),
)  # fmt: skip


def walk(page: Page, site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stop]:
    """From a facility nobody speaks of to one with a held file."""
    add_staff(site, "manager.mau", Role.MANAGER, STATION)
    sign_in(page, site, "manager.mau")
    base = f"{site.url}/desk/{STATION}"
    page.goto(f"{base}/feeds")
    yield "desk_feeds.html", "no feed", EMPTY
    page.goto(f"{base}/show-file")
    yield "desk_show_file.html", "no feed", EMPTY
    page.goto(f"{base}/conflicts")
    yield "desk_conflicts.html", "none", EMPTY
    for number in (1, 2, 3):
        _book(page, site, number)
    file = _with(site, clashing.applied, STATION, FEED, old=True)
    _with(site, clashing.clash, STATION, FEED, file)
    held = _with(site, clashing.held, STATION, FEED)
    yield from _answers(page, site, base)
    yield from _feeds(page, site, monkeypatch, base, file, held)
    with TemporaryDirectory() as folder:
        yield from _shown(page, site, base, Path(folder))
    site.run("UPDATE feed_heard SET heard_at = now() - interval '5 hours'")
    page.goto(f"{site.url}/f/{STATION}/{SERVICE}")
    assert page.locator("main p.muted", has_text=":").count()
    yield "days.html", "the hospital has said nothing for hours"


def _answers(page: Page, site: Site, base: str) -> Iterator[Stop]:
    page.goto(f"{base}/queue?service={SERVICE}")
    yield "desk_queue.html", "with clashes to answer"
    page.goto(f"{base}/conflicts")
    yield "desk_conflicts.html", "three"
    page.keyboard.press("F2")
    assert page.evaluate("document.activeElement.value") == "keep"
    page.keyboard.press("F8")
    assert page.evaluate("document.activeElement.value") == "cancel"
    press(page, "button[value=keep]")
    yield "desk_conflicts.html", "one is kept"
    press(page, "button[value=told]")
    press(page, "button[value=move]")
    yield "desk_conflicts.html", "one is told, one is moved"
    site.run("UPDATE conflict SET state = 'gone' WHERE state = 'open'")
    press(page, "button[value=cancel]")
    yield "desk_conflicts.html", "gone meanwhile", ERROR
    site.run("UPDATE conflict SET state = 'open', ended_at = NULL WHERE state = 'gone'")
    page.goto(f"{base}/conflicts")
    press(page, "button[value=ask]")
    yield "desk_conflicts.html", "one is asked"


def _feeds(page: Page, site: Site, monkeypatch: pytest.MonkeyPatch, base: str, file: int, held: int) -> Iterator[Stop]:
    page.goto(f"{base}/feeds")
    yield "desk_feeds.html", "one, of which nothing was heard for hours"
    here = f"{base}/feeds/{FEED}"
    page.goto(here)
    yield "desk_feed.html", "files applied, held, unreadable"
    _with(site, clashing.fetched, STATION, FEED)
    page.goto(here)
    yield "desk_feed.html", "fetched"
    site.run("UPDATE feed_fetch SET problem = 'host_key_changed', facts = '{}', failures = 3")
    page.goto(f"{base}/feeds")
    yield "desk_feeds.html", "the server shows another key"
    page.goto(here)
    yield "desk_feed.html", "the server shows another key"
    with monkeypatch.context() as patch:
        patch.setattr(showing, "files", _none)
        page.goto(here)
    yield "desk_feed.html", "no file yet", EMPTY
    page.goto(f"{here}/files/{file}")
    yield "desk_feed_file.html", "applied, with a way back"
    page.goto(f"{here}/files/{held}")
    yield "desk_feed_file.html", "held, with what it would do"
    press(page, unchecked=True)
    yield "desk_feed_file.html", "no reason", ERROR
    page.fill("#reason", "Đã gọi phòng công nghệ thông tin, tệp đúng")
    press(page)
    yield "desk_feed_file.html", "ordered"
    _with(site, _carried_out)
    page.goto(f"{here}/files/{held}")
    yield "desk_feed_file.html", "released"
    yield from _told(page, site, base)


def _told(page: Page, site: Site, base: str) -> Iterator[Stop]:
    _with(site, told_hospital.fill, STATION, "his-out")
    page.goto(f"{base}/feeds")
    yield "desk_feeds.html", "and one that is told"
    page.goto(f"{base}/outgoing/his-out")
    yield "desk_outgoing.html", "refused, waiting"
    site.run("DELETE FROM out_answered")
    site.run("DELETE FROM out_file")
    page.goto(f"{base}/outgoing/his-out")
    yield "desk_outgoing.html", "nothing told yet", EMPTY


def _shown(page: Page, site: Site, base: str, folder: Path) -> Iterator[Stop]:
    """A file is shown for a feed that is there, and for none; a feed file that became wrong."""
    (folder / "small.toml").write_text(SMALL.replace('"BVVT"', f'"{STATION}"'))
    memory, desk = Memory(), Desk(folder)
    _with(site, _looked, folder, memory)
    page.goto(f"{base}/show-file")
    yield "desk_show_file.html", "a feed"
    press(page, unchecked=True)
    yield "desk_show_file.html", "no file", ERROR
    for feed, data in (("small", SAMPLE), ("", SAMPLE), ("small", b"")):
        page.goto(f"{base}/show-file")
        page.select_option("#feed", feed)
        page.set_input_files("#file", {"name": "lich-hen.csv", "mimeType": "text/csv", "buffer": data or b"\n"})
        press(page)
        if feed and data:
            page.evaluate("for (let one = 0; one < 10000; one++) clearTimeout(one)")  # or it asks again while we look
            yield "desk_shown_file.html", "being read", EMPTY
        _with(site, _read, desk)
        page.goto(page.url)
        yield (
            "desk_shown_file.html",
            f"{'read by a feed' if feed and data else 'a feed is proposed' if data else 'empty'}",
        )
    (folder / "small.toml").write_text("code = 'small'\nfacility = '" + STATION + "'\nsuorce = 1\n")
    _with(site, _looked, folder, memory)
    page.goto(f"{base}/feeds")
    yield "desk_feeds.html", "a feed file that became wrong"


async def _looked(db: Database, folder: Path, memory: Memory) -> int:
    return len(await read_exports.run(db, folder, now=utc_now(), memory=memory))


async def _read(db: Database, desk: Desk) -> int:
    return len(await read_shown.run(db, now=utc_now(), desk=desk))


async def _none(*_: object, **__: object) -> list[object]:
    return []


async def _carried_out(db: Database) -> int:
    return len(await follow_orders.run(db, now=utc_now()))


def _with(site: Site, work: Any, *given: Any, **more: Any) -> int:
    """Do something behind the product's back; its answer."""
    found: list[int] = []

    async def go() -> None:
        database = Database(site.database_url, pool=1)
        try:
            found.append(await work(database, *given, **more))
        finally:
            await database.close()

    apart(go)
    return found[0]


def _book(page: Page, site: Site, number: int) -> None:
    slot = site.world.slots[site.world.near][number - 1]
    body = {"facility": STATION, "service": SERVICE, "slot": slot, "patient": people.patient(number)}
    key = {"Idempotency-Key": f"walk-feeds-{number}"}
    assert page.request.post(f"{site.url}/api/v1/appointments", data=body, headers=key).ok
