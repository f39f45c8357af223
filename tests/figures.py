"""A morning whose figures were computed by hand, for tests of what managers see.

Minutes count from 07:30. Booked: 1, 2, 3 at 07:30; 4, 5 at 07:45; 6 at 08:00; 9 at 08:15; 7 cancels, 8 moves away.

    who         band      came   called  waited              done   stayed
    1           0-15      -10    5       5 (from 0)          15     15
    2           0-15      0      20, 50  20 (the first)      60     60
    walk-in 1   -         2      30      28                  40     38
    3 (late)    0-15      40     55      15                  -      -
    9           45-60     50     180     130 (too long)      -      -
    4           15-30     16     never; went away at 45
    walk-in 2   -         100    never; still waits at 190
    5 did not come, somebody said so; of 6 nobody said anything; an emergency at 60

Waited: 5, 15, 20, 28, 130: median 20, 90th percentile 28 + 0.6 * 102 = 89.2. Stayed: 15, 38, 60: 38 and 38 + 0.8 * 22.
Places: 4 times 3; 7 taken, 5 unused.
"""

from typing import Any

from booking import ids
from booking.queue import commands, detours
from tests import asking
from tests.closings import another_day
from tests.queues import CLERK, Morning
from tests.seeds import FACILITY, SERVICE

BOOKED = {1: 0, 2: 0, 3: 0, 4: 1, 5: 1, 6: 2, 7: 3, 8: 2, 9: 3}
"""Slot by patient."""

NOW = 190
"""The minute of the day at which the figures are read."""


async def replay(morning: Morning) -> None:
    """The morning, through the product's own verbs."""
    visits = {who: await morning.booked(slot, who) for who, slot in BOOKED.items()}
    (away,) = await another_day(morning.db, morning.world, 2, slots=1, capacity=3)
    morning.clock.set(-600)
    await _change(morning, visits[7], "cancel", {})
    await _change(morning, visits[8], "reschedule", {"slot": away})
    clock, step = morning.clock, morning.step
    clock.set(-10)
    await morning.check_in(visits[1])
    clock.set(0)
    await morning.check_in(visits[2])
    clock.set(2)
    await morning.walk_in()
    clock.set(5)
    first = await morning.call("P1")
    clock.set(15)
    await step("finish", first)
    clock.set(16)
    fourth = await morning.check_in(visits[4])
    clock.set(20)
    second = await morning.call("P1")
    clock.set(22)
    await step("skip", second)
    clock.set(30)
    stranger = await morning.call("P1")
    clock.set(35)
    await step("put_back", second)
    clock.set(40)
    await step("finish", stranger)
    await morning.check_in(visits[3])
    clock.set(45)
    await step("leave", fourth)
    clock.set(50)
    again = await morning.call("P1")
    assert again.public_id == second.public_id
    await morning.check_in(visits[9])
    clock.set(55)
    await morning.call("P2")
    clock.set(60)
    await step("finish", again)
    await _emergency(morning)
    clock.set(70)
    async with morning.db.transaction() as session:
        missed = commands.MarkNoShow(facility=FACILITY, code=visits[5]["code"])
        await detours.mark_no_show(session, missed, by=CLERK, now=clock.moment)
    clock.set(100)
    await morning.walk_in()
    clock.set(180)
    await morning.call("P1")
    clock.set(NOW)


async def _emergency(morning: Morning) -> None:
    command = commands.CallEmergency(facility=FACILITY, service=SERVICE, ticket=ids.public_id(), room="P2")
    async with morning.db.transaction() as session:
        await detours.call_emergency(session, command, by=CLERK, now=morning.clock.moment)


async def _change(morning: Morning, visit: dict[str, Any], how: str, body: dict[str, Any]) -> None:
    path = f"/api/v1/appointments/{visit['code']}/{how}"
    answer = await morning.client.post(path, json=body, headers=asking.new_key() | asking.opens(visit))
    assert answer.status_code == 200, answer.text
