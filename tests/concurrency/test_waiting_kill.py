"""kill -9 of whoever makes or ends an offer: the place is promised to one, to the next, or free; never half of it."""

import pytest

from booking.appointments import invariants
from booking.appointments.waitlist import rules
from booking.db import Database
from scheduler.jobs import make_offers
from tests import seeds
from tests.postgres import Cluster
from tests.races import BOOK, FULL, judge_invariants, loose_database, quiet
from tests.schedulers import await_pause, kill, scheduler
from tests.seeds import World
from tests.served import NEVER
from tests.servers import Answer, Server, nursery
from tests.waiters import offers_of, run_out, visit_in, waits

pytestmark = pytest.mark.anyio
_HEARD = "UPDATE message SET state = 'sent', posted_at = now() WHERE kind = 'offer'"


@pytest.fixture(autouse=True)
def _daytime(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "telling", lambda *_: True)


class Case:
    """A full slot, its visit, and somebody who waits for just that slot's day."""

    number = 0

    def __init__(self, db: Database, world: World) -> None:
        Case.number += 1
        self.db, self.world, self.mark = db, world, Case.number

    async def ready(self) -> "Case":
        """Make it."""
        self.slot = await seeds.add_slot(self.db, self.world, capacity=1)
        self.visit = await visit_in(self.db, self.slot, 100 + self.mark)
        await seeds.run(self.db, "UPDATE waitlist_entry SET state = 'left', ended_at = now() WHERE state = 'waiting'")
        await waits(self.db, self.world, 500 + self.mark)
        return self

    async def cancel(self, server: Server, deadly: int) -> Answer:
        """Its holder gives it up."""
        headers = {"X-Test-Kill": str(deadly), "Authorization": f"Bearer {self.visit['token']}"}
        return await server.ask("POST", f"{BOOK}/{self.visit['code']}/cancel", None, headers)

    async def judge(self) -> bool:
        """Cancelled and offered, or neither; whether it is done."""
        await quiet(self.db)
        state = await seeds.value(self.db, "SELECT state FROM appointment WHERE code = :c", c=self.visit["code"])
        offered = [one["state"] for one in await offers_of(self.db) if one["slot_id"] == self.slot]
        assert (state, offered) in (("booked", []), ("cancelled", ["live"])), f"half done: {state}, {offered}"
        await judge_invariants(self.db)
        return bool(offered)


async def test_a_server_killed_while_it_frees_a_place_leaves_all_of_it_or_nothing(
    db: Database, database_url: str
) -> None:
    world = await seeds.seed(db, capacities=[])
    async with nursery(database_url) as made:
        steady = await made.server("daytime")
        points = (await (await Case(db, world).ready()).cancel(steady, NEVER)).points
        assert any("INSERT INTO" in point for point in points), points
        chosen = [
            number
            for number, name in enumerate(points, 1)
            if FULL or "COMMIT" in name or name in ("after SAVEPOINT sa_savepoint_1", "after UPDATE waitlist_entry")
        ]
        outcomes = set()
        for number in chosen:
            case = await Case(db, world).ready()
            doomed = await made.server("daytime")
            with pytest.raises(ConnectionError):
                await case.cancel(doomed, number)
            await doomed.gone()
            outcomes.add(await case.judge())
            assert (await case.cancel(steady, NEVER)).status == 200
            assert await case.judge(), "the repeat did not finish it"
    assert outcomes == {True, False}, "the points lie on one side of the commit only"


async def test_control_in_pieces_the_judge_finds_half_of_it(cluster: Cluster) -> None:
    async with loose_database(cluster) as (url, db):
        world = await seeds.seed(db, capacities=[])
        async with nursery(url) as made:
            points = (await (await Case(db, world).ready()).cancel(await made.server("in_pieces"), NEVER)).points
            case = await Case(db, world).ready()
            doomed = await made.server("in_pieces")
            with pytest.raises(ConnectionError):
                await case.cancel(doomed, points.index("after UPDATE appointment") + 1)
            await doomed.gone()
            with pytest.raises(AssertionError, match="half done"):
                await case.judge()


async def test_a_scheduler_killed_while_it_passes_a_place_on_leaves_the_offer_as_it_was(
    db: Database, database_url: str
) -> None:
    world = await seeds.seed(db, capacities=[1])
    for number in (1, 2):
        await waits(db, world, number)
    await make_offers.run(db)
    await seeds.run(db, _HEARD)
    await run_out(db)
    before = await offers_of(db)
    with scheduler(database_url, "http://127.0.0.1:1", module="tests.paused_offers") as process:
        await_pause(process)
        kill(process)
    await quiet(db)
    assert await offers_of(db) == before
    await judge_invariants(db)
    await make_offers.run(db)
    assert [(one["state"], one["visit"]) for one in await offers_of(db)] == [("lapsed", "lapsed"), ("live", "held")]


@pytest.mark.parametrize(
    ("spoil", "rule"),
    [
        ("UPDATE offer SET expires_at = expires_at + interval '1 second'", "a_live_offer_has_its_held_place"),
        ("UPDATE offer SET state = 'lapsed', ended_at = now()", "an_offered_hold_has_its_live_offer"),
        ("UPDATE waitlist_entry SET state = 'waiting'", "an_entry_has_one_live_offer_when_it_is_offered_one"),
        ("UPDATE offer SET state = 'accepted', ended_at = now()", "an_accepted_offer_has_its_visit"),
    ],
)
async def test_control_each_invariant_sees_what_it_is_there_for(cluster: Cluster, spoil: str, rule: str) -> None:
    async with loose_database(cluster) as (_, db):
        world = await seeds.seed(db, capacities=[1])
        await waits(db, world, 1)
        await make_offers.run(db)
        async with db.transaction() as session:
            assert await invariants.broken(session) == {}
        await seeds.run(db, spoil)
        async with db.transaction() as session:
            assert rule in await invariants.broken(session)
