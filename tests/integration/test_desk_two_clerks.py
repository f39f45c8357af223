"""Two clerks at one desk, with no room chosen: each works with whom she called herself, and sees the other's calls."""

import re
from dataclasses import dataclass

import httpx
import pytest

from booking import clock as booking_clock
from booking import ids
from booking.access.kinds import Role
from booking.db import Database
from tests import queues, seeds, staff
from tests.queues import Morning
from tests.seeds import FACILITY, SERVICE

pytestmark = pytest.mark.anyio

BASE = f"/desk/{FACILITY}/queue"
WORDS = {"accept": "application/json", "sec-fetch-site": "same-origin"}


@dataclass
class Desk:
    """One desk with two browsers: "lan" and "mai" are who sits before them."""

    client: httpx.AsyncClient
    morning: Morning
    signed: dict[str, str]

    async def does(self, who: str, path: str, *, room: str = "", **form: str) -> dict[str, str]:
        """A form that is taken."""
        self.client.cookies.set("desk", self.signed[who])
        body = {"service": SERVICE, "room": room, "once": str(ids.public_id()), "back": "queue"} | form
        answer = await self.client.post(f"{BASE}/{path}", data=body, headers=WORDS)
        assert answer.status_code == 200, answer.text
        told: dict[str, str] = answer.json()
        return told

    async def page(self, who: str, **query: str) -> str:
        """The queue, as she sees it."""
        self.client.cookies.set("desk", self.signed[who])
        answer = await self.client.get(BASE, params=query)
        assert answer.status_code == 200, answer.text
        return answer.text

    async def calls(self, who: str, *, room: str = "") -> str:
        """She calls the next, five minutes after whatever was before."""
        self.morning.clock.moment += queues.LENGTH / 3
        return (await self.does(who, "call", room=room))["ticket"]

    async def states(self) -> dict[str, str]:
        """How each ticket stands."""
        found = await seeds.rows(self.morning.db, "SELECT public_id, state FROM queue_ticket")
        return {str(row["public_id"]): row["state"] for row in found}


@pytest.fixture
async def desk(client: httpx.AsyncClient, db: Database, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Two clerks, and three people who wait."""
    clock = queues.new_clock()
    monkeypatch.setattr(booking_clock, "utc_now", clock.now)
    morning = await queues.make(db, client, clock)
    clock.set(20)
    client.headers["accept-language"] = "en"
    signed: dict[str, str] = {}
    for who in ("lan", "mai"):
        await staff.add(db, f"{who}.mau", Role.CLERK, [FACILITY])
        signed[who] = await staff.sign_in(db, f"{who}.mau") or ""
    made = Desk(client, morning, signed)
    for _ in range(3):
        await made.does("lan", "walk-in", name="Lê Thị Mẫu", birth_year="1961")
    return made


def _boxes(page: str) -> list[str]:
    """The tickets of the "now" box, in its order."""
    return re.findall(r'<article class="called-now[^"]*" data-ticket="([^"]+)"', page)


def _bound(page: str) -> dict[str, str]:
    """The ticket each key is on."""
    return {
        key: ticket for ticket, key in re.findall(r'name="ticket" value="([^"]+)" data-do="\w+" data-key="(F\d)"', page)
    }


def _listed(page: str) -> set[str]:
    """Who stands in the list of those called, whoever called them."""
    return set(re.findall(r'formaction="[^"]*/step/finish" name="ticket" value="([^"]+)">', page))


async def test_the_keys_of_each_are_on_her_own_call(desk: Desk) -> None:
    hers = await desk.calls("lan")
    others = await desk.calls("mai")
    for who, ticket, other in (("lan", hers, others), ("mai", others, hers)):
        page = await desk.page(who)
        assert _boxes(page) == [ticket]
        assert _bound(page) == dict.fromkeys(("F4", "F7", "F8", "F9"), ticket)
        assert {ticket, other} <= _listed(page)
    await desk.does("lan", "step/finish", ticket=_bound(await desk.page("lan"))["F8"])
    stands = await desk.states()
    assert (stands[hers], stands[others]) == ("done", "called")
    assert _boxes(await desk.page("lan")) == []
    assert _boxes(await desk.page("mai")) == [others]


async def test_calling_again_takes_over_and_taking_that_back_gives_it_back(desk: Desk) -> None:
    ticket = await desk.calls("lan")
    await desk.does("mai", "step/recall", ticket=ticket)
    assert (_boxes(await desk.page("lan")), _boxes(await desk.page("mai"))) == ([], [ticket])
    (act,) = await seeds.rows(desk.morning.db, "SELECT public_id FROM queue_act WHERE what = 'recall'")
    await desk.does("mai", "undo", act=str(act["public_id"]))
    assert (_boxes(await desk.page("lan")), _boxes(await desk.page("mai"))) == ([ticket], [])


async def test_an_emergency_is_of_whoever_recorded_it(desk: Desk) -> None:
    mine = await desk.calls("lan")
    urgent = (await desk.does("mai", "emergency"))["ticket"]
    assert (_boxes(await desk.page("lan")), _boxes(await desk.page("mai"))) == ([mine], [urgent])
    assert urgent in _listed(await desk.page("lan"))


async def test_a_room_shows_all_its_calls_and_what_nobody_is_known_to_have_called_is_everybodys(desk: Desk) -> None:
    first, second = await desk.calls("lan", room="P1"), await desk.calls("mai", room="P1")
    for who in ("lan", "mai"):
        assert _boxes(await desk.page(who, room="P1")) == [second, first]
        assert _boxes(await desk.page(who)) == []
    third = await desk.calls("lan")
    await seeds.run(desk.morning.db, "UPDATE queue_ticket SET called_by = NULL")
    for who in ("lan", "mai"):  # as those stand who were called before the upgrade
        assert _boxes(await desk.page(who)) == [third]


async def test_what_is_kept_is_the_accounts_id_and_no_name(desk: Desk) -> None:
    await desk.calls("mai")
    (kept,) = await seeds.rows(desk.morning.db, "SELECT called_by FROM queue_ticket WHERE called_by IS NOT NULL")
    (mai,) = await seeds.rows(desk.morning.db, "SELECT public_id FROM staff WHERE username = 'mai.mau'")
    assert kept["called_by"] == str(mai["public_id"])
