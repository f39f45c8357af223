"""The day of the visit: before it, on it, and what the line does."""

from collections.abc import Iterator
from datetime import datetime, time, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from booking import clock, ids
from booking.clock import at_local
from booking.db import Database
from booking.queue import commands, service
from booking.queue.views import TicketView
from tests.browser.conftest import Site
from tests.browser.journey import book
from tests.browser.walks import Stop
from tests.places import HOURS, SERVICE, STATION
from tests.postgres import apart
from tests.queues import CLERK

SHOWS = {
    "on_the_day.html": "data",
}


class Desk:
    """The desk's hands, beside a page that is open, at a time of the walk's choosing."""

    def __init__(self, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
        self._url = site.database_url
        self._opens = at_local(site.world.far, HOURS[0])
        self.now = self._opens
        monkeypatch.setattr(clock, "utc_now", lambda: self.now)

    def at(self, hour: time) -> datetime:
        """Set the product's clock to an hour of the visit's day."""
        self.now = at_local(clock.local_day(self._opens), hour)
        return self.now

    def does(self, verb: Any, command: Any) -> TicketView:
        """One verb of the queue."""

        async def go() -> TicketView:
            database = Database(self._url, pool=1)
            try:
                async with database.transaction() as session:
                    done: TicketView = await verb(session, command, by=CLERK, now=self.now)
                return done
            finally:
                await database.close()

        return apart(go)

    def check_in(self, code: str) -> TicketView:
        """The booked patient has come."""
        return self.does(service.check_in, commands.CheckIn(facility=STATION, code=code))

    def walk_in(self) -> TicketView:
        """Somebody else has come."""
        return self.does(service.walk_in, commands.WalkIn(facility=STATION, service=SERVICE, ticket=ids.public_id()))

    def call(self) -> TicketView:
        """Whoever is next."""
        return self.does(service.call_next, commands.CallNext(facility=STATION, service=SERVICE))

    def step(self, verb: Any, kind: Any, ticket: TicketView) -> TicketView:
        """A step of one ticket."""
        return self.does(verb, kind(facility=STATION, ticket=ticket.public_id))

    def say_late(self, minutes: int) -> None:
        """The session runs late."""
        self.does(service.say_late, commands.SayLate(facility=STATION, service=SERVICE, minutes=minutes))


def walk(page: Page, site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stop]:
    """The page follows the line without being loaded again."""
    ticket = book(page, site)
    code = ticket.split("/")[-2]
    page.goto(f"{ticket}/today")
    yield "on_the_day.html", "another day"
    desk = Desk(site, monkeypatch)
    desk.at(time(7, 10))
    page.goto(f"{ticket}/today")
    yield "on_the_day.html", "before the session"
    desk.at(time(7, 35))
    for _ in range(3):
        desk.walk_in()
    desk.say_late(25)
    page.goto(f"{ticket}/today")
    expect(page.locator(".late")).to_be_visible()
    yield "on_the_day.html", "expected, late"
    mine = desk.check_in(code)
    expect(page.locator(".turn")).to_contain_text(mine.label)
    yield "on_the_day.html", "waiting"
    while desk.call().label != mine.label:
        desk.now += timedelta(minutes=2)
    expect(page.locator(".turn.at-called")).to_be_visible()
    page.reload()
    yield "on_the_day.html", "called"
    desk.step(service.skip, commands.Skip, mine)
    expect(page.locator(".turn.at-skipped")).to_be_visible()
    yield "on_the_day.html", "skipped"
    desk.step(service.put_back, commands.PutBack, mine)
    while desk.call().label != mine.label:
        desk.now += timedelta(minutes=2)
    desk.step(service.finish, commands.Finish, mine)
    expect(page.locator(".turn.at-done")).to_be_visible()
    yield "on_the_day.html", "done"
    monkeypatch.undo()
