"""A whole morning through the pages alone: three counters, a manager, a display beside them, and nobody else writes.

Who books does so at the JSON door and everything else happens in browsers; the database is looked at by nobody. The
product's clock is the test's: it is the morning of the visits at every hour of the day this runs. Who is next is not
asked of the pages: the test keeps the line by itself, and the pages must call as it says.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from booking.access.kinds import Role
from booking.clock import at_local, utc_now
from booking.db import Database
from booking.desk.queue.parts import FRESH
from booking.patients.kinds import PriorityClass
from booking.queue.rules import Policy, Waiting, order, streak_after
from scheduler.jobs import apply_closures
from tests import people, places
from tests.browser.conftest import Site, served
from tests.browser.desk import add_staff, sign_in
from tests.browser.walks.on_the_day import Desk
from tests.places import HOURS, SERVICE, STATION
from tests.postgres import apart
from tests.races import FULL

pytestmark = pytest.mark.browser

ARRIVALS = 60 if FULL else 12
"""Who has booked and comes; beside them every sixth comes without booking, and some in the afternoon never will."""

AFTERNOON = 4
ROOMS = ("P1", "P2", "P3")
BEGINS, CLOSES = time(7, 6), time(10)
QUEUE = f"/desk/{STATION}/queue"
HALF_HOUR = timedelta(minutes=30)
QUICKER = "const slow = setTimeout; globalThis.setTimeout = (does, wait, ...more) => slow(does, wait / 20, ...more);"
"""The display shows each call for a while before it rings the next; the test does not wait for that."""


@pytest.fixture
def site(database_url: str) -> Iterator[Site]:
    """The sample station with room for everybody, three rooms, and accounts; what follows is done through pages."""

    async def make() -> places.World:
        database = Database(database_url, pool=1)
        async with database.transaction() as session:
            made = await places.make(session, utc_now(), capacity=ARRIVALS)
        await database.close()
        return made

    world = apart(make)
    with served(database_url) as url:
        made = Site(url, world, database_url)
        rooms = ", ".join(f"('{room}', 'Phòng số {room[1]}')" for room in ROOMS)
        made.run(
            "INSERT INTO room (facility_id, code, name) SELECT f.id, r.code, r.name"
            f" FROM facility f, (VALUES {rooms}) AS r (code, name) WHERE f.code = '{STATION}'"
        )
        for room in ROOMS:
            add_staff(made, f"quay-{room[1]}.mau", Role.CLERK, STATION)
        add_staff(made, "quan-ly.mau", Role.MANAGER, STATION)
        yield made


@dataclass
class Line:
    """The line as the rule has it, kept beside the pages."""

    waiting: dict[int, Waiting] = field(default_factory=dict)
    streak: int = 0
    last: int = 0

    def joins(self, at: datetime, band: datetime | None = None) -> str:
        """Somebody new; the number as printed."""
        self.last += 1
        end = None if band is None else band + HALF_HOUR
        self.waiting[self.last] = Waiting(self.last, self.last, at, band, end)
        return label(self.last)

    def confirmed(self, priority: PriorityClass) -> None:
        """The one who came last has priority."""
        one = self.waiting[self.last]
        self.waiting[self.last] = Waiting(one.id, one.number, one.arrived_at, priority=priority)

    def calls(self, at: datetime) -> str:
        """Who is next is called; the number as printed."""
        turn = order(self.waiting.values(), now=at, policy=Policy(), streak=self.streak)[0]
        called = self.waiting.pop(turn.id)
        self.streak = streak_after(self.streak, called)
        return label(called.number)


def label(number: int) -> str:
    """A number as it is printed."""
    return f"A{number:03d}"


@dataclass
class Counter:
    """A browser at one counter, which checks in, gives out numbers and calls to its room."""

    page: Page
    called: str | None = None

    def says(self, text: str) -> None:
        """What the page must say of what was done."""
        expect(self.page.locator("#said")).to_have_text(text)

    def looks(self) -> None:
        """At the desk's first page, in another tab: who does nothing for long is signed out."""
        assert self.page.context.request.get(f"{self.page.url.partition('/desk/')[0]}/desk").ok

    def scans(self, code: str, number: str) -> None:
        """A slip under the scanner."""
        scan = self.page.locator("#scan")
        scan.fill(code)
        scan.press("Enter")
        self.says(f"Đã tiếp nhận, số {number}.")

    def walk_in(self, number: str, *, priority: PriorityClass | None = None) -> None:
        """Somebody who has not booked; a class of priority is claimed, and confirmed in the table."""
        self.page.keyboard.press("F10")
        self.page.locator("#walk-name").fill("Lê Thị Mẫu")
        self.page.locator("#walk-birth_year").fill("1948")
        if priority is not None:
            self.page.select_option("#walk-priority", priority.value)
        self.page.locator("#walk-form button").click()
        self.says(f"Đã cấp số {number}.")
        if priority is not None:
            row = self.page.locator(f'tr[data-key="{number}"]')
            row.locator("button").click()
            expect(row.locator(".mark")).to_be_visible()

    def calls(self, number: str) -> None:
        """F2, and it must be this one."""
        self.page.keyboard.press("F2")
        self.says(f"Đã gọi số {number}.")
        expect(self.page.locator("#part-now .big")).to_have_text(number)
        self.called = number

    def finishes(self) -> None:
        """F8: the one in the room is done."""
        self.page.keyboard.press("F8")
        self.says(f"Số {self.called} đã khám xong.")
        expect(self.page.locator("#part-now article")).to_have_count(0)
        self.called = None


@dataclass
class Morning:
    """Counters, display, line and clock."""

    hands: Desk
    counters: list[Counter]
    display: Page
    line: Line = field(default_factory=Line)
    rung: list[str] = field(default_factory=list)

    def step(self, counter: Counter) -> None:
        """One counter ends a visit or calls the next, a second after the other one."""
        self.hands.now += timedelta(seconds=1)
        if counter.called is not None:
            counter.finishes()
        elif not self.line.waiting:
            counter.looks()
        else:
            number = self.line.calls(self.hands.now)
            counter.calls(number)
            self.rung.append(number)
            expect(self.display.locator(".number")).to_have_text(number)

    def arrives(self, index: int, code: str, band: datetime) -> None:
        """The next one who has booked, at the counters in turn; every sixth time somebody else as well."""
        counter = self.counters[index % len(self.counters)]
        counter.scans(code, self.line.joins(self.hands.now, band))
        if index % 6 == 3:
            priority = PriorityClass.OVER_75 if index % 12 == 3 else None
            counter.walk_in(self.line.joins(self.hands.now), priority=priority)
            if priority is not None:
                self.line.confirmed(priority)


@pytest.fixture
def window(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens a page in a context of its own."""
    opened: list[BrowserContext] = []

    def open_page(width: int = 1280, height: int = 900) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": height}, locale="vi-VN", service_workers="block"
        )
        context.set_default_timeout(20_000)
        opened.append(context)
        return context.new_page()

    yield open_page
    for context in opened:
        context.close()


async def _book(site: Site, number: int) -> tuple[list[str], list[str]]:
    """Codes of those who come in the morning, half of them for each of its times, and of those of the afternoon."""
    slots = site.world.slots[site.world.far]
    chosen = [slots[2 * index // number] for index in range(number)] + [slots[2]] * AFTERNOON
    codes = []
    async with httpx.AsyncClient(base_url=site.url, timeout=60) as client:
        for index, slot in enumerate(chosen):
            answer = await client.post(
                "/api/v1/appointments",
                json={"facility": STATION, "service": SERVICE, "slot": slot, "patient": people.patient(index)},
                headers={"Idempotency-Key": f"morning-{index:04d}", "Henkham-Device": f"device-{index:06d}"},
            )
            assert answer.status_code == 201, answer.text
            codes.append(answer.json()["code"])
    return codes[:number], codes[number:]


def _open(site: Site, hands: Desk, window: Callable[..., Page]) -> Morning:
    """The desk opens: three people sign in, one sets the display up."""
    counters = []
    for room in ROOMS:
        page = window()
        sign_in(page, site, f"quay-{room[1]}.mau")
        page.goto(f"{site.url}{QUEUE}?room={room}")
        counters.append(Counter(page))
    setting_up = counters[0].page.context.new_page()
    setting_up.goto(f"{site.url}/desk/{STATION}/displays")
    setting_up.fill("#name", "Phòng chờ 1")
    setting_up.locator(".primary button").click()
    address = setting_up.locator("td a").get_attribute("href")
    assert address
    setting_up.close()
    display = window(1920, 1080)
    display.add_init_script(QUICKER)
    display.goto(address)
    display.evaluate(
        "globalThis.rang = []; document.addEventListener('rung', (event) => rang.push(event.detail.number))"
    )
    return Morning(hands, counters, display)


def _close_the_rest_of_the_day(site: Site, manager: Page) -> None:
    """Ten o'clock: the afternoon does not take place, and whoever is booked for it is told."""
    sign_in(manager, site, "quan-ly.mau")
    manager.goto(f"{site.url}/desk/{STATION}/closings/new")
    manager.locator('label[for="scope-facility"]').click()
    day = site.world.far.isoformat()
    for name, value in (("from_day", day), ("from_time", "10:00"), ("to_day", day), ("to_time", "23:00")):
        manager.fill(f"#{name}", value)
    manager.locator('label[for="answer-cancel"]').click()
    manager.locator(".primary button").click()
    expect(manager.locator(".figures div").first).to_contain_text(str(AFTERNOON))
    manager.locator('button[value="apply"]').click()
    manager.wait_for_url(lambda url: "/closings/new" not in url)


async def _scheduler(site: Site, now: datetime) -> None:
    """What the scheduler does within a second."""
    database = Database(site.database_url, pool=1)
    try:
        assert await apply_closures.run(database, now=now) == AFTERNOON
    finally:
        await database.close()


def test_a_whole_morning_through_the_pages(
    site: Site, window: Callable[..., Page], monkeypatch: pytest.MonkeyPatch
) -> None:
    coming, afternoon = apart(lambda: _book(site, ARRIVALS))
    hands = Desk(site, monkeypatch)
    hands.at(BEGINS)
    morning = _open(site, hands, window)
    step = timedelta(minutes=120) / ARRIVALS
    assert step < timedelta(minutes=15), "who does nothing for so long is signed out"
    opens = at_local(site.world.far, HOURS[0])
    for index, code in enumerate(coming):
        hands.now += step
        morning.arrives(index, code, at_local(site.world.far, HOURS[2 * index // ARRIVALS]))
        for counter in morning.counters:
            if hands.now >= opens:
                morning.step(counter)
            elif index % max(1, ARRIVALS // 12) == 0:
                counter.looks()
    hands.now += FRESH  # a sheet read half way through is kept so long, and this clock does not go by itself
    expect(morning.counters[0].page.locator("#section-expected tr")).to_have_count(AFTERNOON)

    # Ten o'clock. The manager's own clock goes on in steps too: nobody is signed out on the way.
    while hands.now < at_local(site.world.far, CLOSES):
        hands.now += min(timedelta(minutes=10), at_local(site.world.far, CLOSES) - hands.now)
        for counter in morning.counters:
            morning.step(counter)
    _close_the_rest_of_the_day(site, window())
    apart(lambda: _scheduler(site, hands.now))
    while morning.line.waiting or any(counter.called for counter in morning.counters):
        for counter in morning.counters:
            morning.step(counter)

    hands.now += FRESH  # the scheduler's cancelling tells the pages nothing: they ask again by the clock
    # Nobody waits, everybody was called once, the display rang for each, and nobody is expected any more.
    total = morning.line.last
    assert sorted(morning.rung) == [label(number) for number in range(1, total + 1)]
    morning.display.wait_for_function("number => rang.length >= number", arg=total)
    assert morning.display.evaluate("rang") == morning.rung
    expect(morning.display.locator(".coming li")).to_have_count(0)
    for counter in morning.counters:
        expect(counter.page.locator("#part-next .none")).to_be_visible()
        expect(counter.page.locator("#section-called tr")).to_have_count(0)
        expect(counter.page.locator("#section-expected tr")).to_have_count(0)
        expect(counter.page.locator("#part-counts")).to_contain_text(f"{total} đã khám")
    assert len(afternoon) == AFTERNOON
