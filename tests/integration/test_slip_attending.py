"""“I will come”, “I will not come”: what is kept, what is freed, who is told; and what is refused."""

from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from booking.clock import utc_now
from booking.db import Database
from tests import places, seeds, slips
from tests.pages import Page, read, send
from tests.places import World
from tests.slips import Slip

pytestmark = pytest.mark.anyio


@dataclass
class Holder:
    """Somebody with the link of a visit."""

    client: httpx.AsyncClient
    db: Database
    world: World
    slip: Slip

    async def page(self, more: str = "") -> Page:
        answer = await self.client.get(self.slip.path + more)
        assert answer.status_code == 200, answer.text
        return read(answer)

    async def say(self, what: str, **fields: str) -> httpx.Response:
        return await self.client.post(f"{self.slip.path}/{what}", data=fields, follow_redirects=True)

    async def stands(self, when: str, **columns: str) -> None:
        await seeds.run(self.db, slips.standing(when, **columns))

    async def row(self) -> dict[str, Any]:
        return (await seeds.rows(self.db, "SELECT * FROM appointment"))[0]

    async def told(self) -> list[tuple[str, str]]:
        rows = await seeds.rows(self.db, "SELECT kind::text, state::text FROM message ORDER BY id")
        return [(row["kind"], row["state"]) for row in rows]

    async def done(self) -> list[tuple[str, str]]:
        rows = await seeds.rows(self.db, "SELECT action, actor_kind::text AS by FROM audit_event ORDER BY id")
        return [(row["action"].removeprefix("appointment."), row["by"]) for row in rows]


@pytest.fixture
async def holder(client: httpx.AsyncClient, db: Database) -> Holder:
    async with db.transaction() as session:
        world = await places.make(session, utc_now())
    slip = await slips.booked(client, world)
    await client.get(slip.path)  # a browser has its cookie from the page
    return Holder(client, db, world, slip)


async def test_i_will_come_is_kept_once_shown_and_audited(holder: Holder) -> None:
    assert "Tôi sẽ đến" not in (await holder.page()).text, "ten days before nobody asks"
    await holder.stands("tomorrow")
    page = await holder.page()
    assert "Ngày mai 07:30, ông/bà có đến khám không?" in page.text
    for _ in range(2):
        said = await send(holder.client, page.form("/coming"))
        assert said.status_code == 200
        assert "Đã ghi nhận: ông/bà sẽ đến." in read(said).text
    first = (await holder.row())["confirmed_at"]
    assert first is not None
    assert (await holder.done())[1:] == [("confirm", "link")]
    assert await holder.told() == [("booked", "due")], "nobody is told by SMS what she has just said herself"
    assert read(said).link("/not-coming")


async def test_a_move_forgets_what_was_said_of_the_other_time(holder: Holder) -> None:
    await holder.stands("tomorrow")
    page = await holder.page()
    await send(holder.client, page.form("/coming"))
    moved = await holder.say(f"move/{holder.world.near}", slot=str(holder.world.slots[holder.world.near][1]))
    assert moved.status_code == 200
    assert "Đã ghi nhận" not in read(moved).text
    assert (await holder.row())["confirmed_at"] is None
    stale = await send(holder.client, page.form("/coming"))
    assert stale.status_code == 409, "yes to the old time is not yes to the new one"
    assert (await holder.row())["confirmed_at"] is None


@pytest.mark.parametrize("version", ["", "x", "-1", "９", "9" * 40, "2"])
async def test_a_version_that_was_never_shown_confirms_nothing(holder: Holder, version: str) -> None:
    await holder.stands("tomorrow")
    refused = await holder.say("coming", version=version)
    assert refused.status_code == 409
    assert (await holder.row())["confirmed_at"] is None


async def test_i_will_not_come_frees_the_place_also_after_the_limit(holder: Holder) -> None:
    await seeds.run(
        holder.db,
        "INSERT INTO message (public_id, subject_kind, subject_id, kind, version, copy, lane, facility_id, language,"
        " phone, phone_index, facts, state, due_at, useful_until, attempts, sends, created_at, changed_at)"
        " SELECT gen_random_uuid(), subject_kind, subject_id, 'reminder_day', version, 0, lane, facility_id, language,"
        " phone, phone_index, facts, 'due', due_at, useful_until, 0, 0, now(), now() FROM message",
    )
    await holder.stands("soon")
    late = await holder.client.get(f"{holder.slip.path}/cancel")
    assert late.status_code == 422
    assert "tel:02543000000" in late.text
    page = await holder.page()
    assert "Đã quá hạn đổi giờ ở đây." in page.text
    question = await holder.page("/not-coming")
    assert "Không đến khám lúc" in question.text
    assert not any("/move" in href for href, _ in question.links), "it is too late to move"
    for _ in range(2):
        done = await send(holder.client, question.form("/not-coming"))
        assert "Lịch hẹn này đã hủy." in read(done).text
    row = await holder.row()
    assert (row["state"], row["cancelled_by"], row["cancel_reason"], row["version"]) == (
        "cancelled", "patient", "declined", 2,
    )  # fmt: skip
    assert await seeds.value(holder.db, "SELECT sum(taken) FROM slot") == 0
    assert await holder.told() == [("booked", "superseded"), ("reminder_day", "superseded"), ("cancelled", "due")]
    assert (await holder.done())[1:] == [("decline", "link")]


@pytest.mark.parametrize(
    ("when", "state", "status"),
    [("begun", "booked", 422), ("yesterday", "booked", 422), ("soon", "arrived", 409), ("begun", "fulfilled", 409)],
)
async def test_who_is_there_or_too_late_cannot_decline(holder: Holder, when: str, state: str, status: int) -> None:
    await holder.stands(when, state=f"'{state}'")
    before = await seeds.everything(holder.db)
    for path in ("not-coming", "cancel"):
        assert (await holder.client.get(f"{holder.slip.path}/{path}")).status_code == status
        assert (await holder.say(path)).status_code == status
    assert await seeds.everything(holder.db) == before


async def test_nothing_can_be_said_with_a_wrong_link_or_from_another_site(holder: Holder) -> None:
    await holder.stands("tomorrow")
    before = await seeds.everything(holder.db)
    wrong = holder.slip.path[:-1] + ("A" if holder.slip.path[-1] != "A" else "B")
    for path in ("coming", "not-coming"):
        refused = await holder.client.post(f"{wrong}/{path}", data={"version": "1"})
        assert refused.status_code == 404
        foreign = await holder.client.post(
            f"{holder.slip.path}/{path}", data={"version": "1"}, headers={"Sec-Fetch-Site": "cross-site"}
        )
        assert foreign.status_code == 403
    assert await seeds.everything(holder.db) == before
    assert (await holder.say("coming", version="1")).status_code == 200, "the control: the same with the right link"


async def test_a_hold_is_neither_confirmed_nor_declined_by_force(holder: Holder) -> None:
    await seeds.run(
        holder.db, "UPDATE appointment SET state = 'held', expires_at = now() + interval '1 minute', patient_id = NULL"
    )
    assert (await holder.say("coming", version="1")).status_code == 409
    assert (await holder.client.get(f"{holder.slip.path}/not-coming")).status_code == 409
