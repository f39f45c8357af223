"""What comes after a closing: undone with somebody there, opened again, one visit at fault, the same key once more."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from booking import clock
from booking.access.kinds import Role
from booking.appointments.calling import queries as calling
from booking.appointments.closing import queries, service
from booking.appointments.closing.commands import Span
from booking.appointments.closing.kinds import ClosingAnswer, ClosingScope
from booking.appointments.closing.models import Closing
from booking.appointments.closing.queries import Call
from booking.appointments.errors import KeyReused
from booking.availability import service as availability
from booking.availability.rules import CALENDAR, CAPACITY, NOT_PLANNED, TIMETABLE, TOO_MANY
from booking.db import Database
from scheduler.jobs import apply_closures, plan_reminders
from tests import pages, seeds, staff
from tests.closings import CLOSING_STATE, STAFF, Crowd, close, crowd, places_of, undo
from tests.pages import Form
from tests.seeds import FACILITY

pytestmark = pytest.mark.anyio
_FAULT = "ALTER TABLE appointment ADD CONSTRAINT at_fault CHECK (id <> {id}) NOT VALID"
_UNDONE = "SELECT undone::text FROM closing_visit ORDER BY appointment_id"


async def _calls(db: Database, made: Crowd, closing: Closing) -> list[Call]:
    """The closing's own call list; whoever is open on it stands on the facility's list, too."""
    now = clock.utc_now()
    async with db.transaction() as session:
        row = await queries.row(session, closing.public_id, made.world.facility_id)
        found = await queries.calls(session, row, made.world.facility_id, now=now)
        everywhere = await calling.to_call(session, made.world.facility_id, now=now)
    assert {call.visit for call in found} == {call.visit for call in everywhere}
    return found


@pytest.mark.parametrize("answer", [ClosingAnswer.MOVE, ClosingAnswer.ASK])
async def test_whoever_has_come_meanwhile_is_left_where_she_is_and_spoken_to(
    db: Database, answer: ClosingAnswer
) -> None:
    made = await crowd(db, 2, per_slot=2)
    closing = await close(db, made, answer)
    await apply_closures.run(db)
    await seeds.run(db, "UPDATE appointment SET state = 'arrived' WHERE code = :c", c=made.codes[0])
    here = (await places_of(db))[0]
    await undo(db, closing)
    await apply_closures.run(db)
    assert await seeds.value(db, CLOSING_STATE) == "undone"
    assert (await places_of(db))[0] == here
    assert [row["undone"] for row in await seeds.rows(db, _UNDONE)] == ["changed", "restored"]
    assert [(call.why, call.code) for call in await _calls(db, made, closing)] == [("here", made.codes[0])]


@pytest.mark.parametrize("at", ["applying", "undoing"])
async def test_one_visit_at_fault_stops_no_other_and_is_named(db: Database, client: httpx.AsyncClient, at: str) -> None:
    made = await crowd(db, 4, per_slot=2)
    closing = await close(db, made)
    if at == "undoing":
        await apply_closures.run(db)
        await undo(db, closing)
    await seeds.run(db, _FAULT.format(id=(await places_of(db))[0]["id"]))
    with pytest.raises(ExceptionGroup) as told:
        await apply_closures.run(db, most=1)
    assert len(told.value.exceptions) == 1
    assert await seeds.value(db, CLOSING_STATE) == at
    settled = "SELECT count(*) FROM closing_visit WHERE (undone IS NOT NULL) = :undoing"
    assert await seeds.value(db, settled, undoing=at == "undoing") == 3
    await staff.add(db, "truong.mau", Role.MANAGER, [FACILITY])
    client.cookies.set("desk", await staff.sign_in(db, "truong.mau") or "")
    where = f"/desk/{FACILITY}/closings/{closing.public_id}"
    assert made.codes[0] not in (await client.get(where)).text  # there is time still
    await seeds.run(db, "UPDATE closing SET changed_at = changed_at - interval '11 minutes'")
    said = pages.read(await client.get(where)).text
    assert "Chưa xử lý được 1 lịch hẹn" in said
    assert made.codes[0] in said
    await seeds.run(db, "ALTER TABLE appointment DROP CONSTRAINT at_fault")
    assert await apply_closures.run(db) == 1
    assert await seeds.value(db, CLOSING_STATE) == {"applying": "applied", "undoing": "undone"}[at]


@pytest.mark.parametrize(
    "other",
    [{"answer": ClosingAnswer.CANCEL}, {"reason": "Mưa bão"}, {"send_now": True}, {"span": "tomorrow"}],
)
async def test_a_key_that_closed_something_closes_nothing_else(db: Database, other: dict[str, Any]) -> None:
    made = await crowd(db, 1)
    starts, ends = made.span
    first = await close(db, made)
    assert (await close(db, made, key=first.public_id)).id == first.id
    if "span" in other:
        day = timedelta(days=1)
        other = {"span": Span(scope=ClosingScope.FACILITY, starts_at=starts + day, ends_at=ends + day)}
    with pytest.raises(KeyReused):
        await close(db, made, key=first.public_id, **other)
    assert await seeds.value(db, "SELECT count(*) FROM closing") == 1
    await apply_closures.run(db)


@pytest.mark.parametrize("by", ["edit", "back"])
async def test_changed_after_it_was_made_the_form_closes_the_other_day_too(
    db: Database, client: httpx.AsyncClient, by: str
) -> None:
    made = await crowd(db, 1)
    await staff.add(db, "truong.mau", Role.MANAGER, [FACILITY])
    client.cookies.set("desk", await staff.sign_in(db, "truong.mau") or "")
    days = [made.world.day, *made.later]
    opened = pages.read(await client.get(f"/desk/{FACILITY}/closings/new")).form("/closings/new")

    async def previewed(form: Form, number: int) -> Form:
        day = days[number].isoformat()
        typed = {"from_day": day, "from_time": "00:00", "to_day": day, "to_time": "23:59"}
        return pages.read(await pages.send(client, form, **typed)).form("/closings/new")

    preview = await previewed(opened, 0)
    first = await pages.send(client, preview, step="apply")
    if by == "edit":
        opened = pages.read(await pages.send(client, preview, step="edit")).form("/closings/new")
    second = await pages.send(client, await previewed(opened, 1), step="apply")
    assert second.url.path != first.url.path
    closed = await seeds.rows(db, "SELECT DISTINCT day FROM slot WHERE NOT open ORDER BY day")
    assert [row["day"] for row in closed] == days[:2]
    await apply_closures.run(db)


async def test_opened_again_whoever_was_asked_hears_that_it_takes_place(db: Database) -> None:
    made = await crowd(db, 5, per_slot=5, unreachable=2)
    closing = await close(db, made, ClosingAnswer.ASK, send_now=True)
    await apply_closures.run(db)
    called, silent, told, unsent, changed = made.codes
    of_told = "(SELECT public_id FROM appointment WHERE code IN (:one, :other))"
    await seeds.run(db, "UPDATE message SET state = 'sent', posted_at = now() WHERE kind = 'choose' AND subject_id IN "
                    + of_told, one=told, other=changed)  # fmt: skip
    await seeds.run(db, "UPDATE closing_visit SET calls = 1, call = 'reached' WHERE appointment_id ="
                    " (SELECT id FROM appointment WHERE code = :c)", c=called)  # fmt: skip
    await seeds.run(db, "UPDATE appointment SET version = version + 1 WHERE code = :c", c=changed)
    await seeds.run(db, "UPDATE message SET version = version + 1 WHERE kind = 'choose' AND facts ->> 'code' = :c",
                    c=changed)  # fmt: skip
    before = await places_of(db)
    async with db.transaction() as session:
        held = await queries.held(session, closing.public_id, closing.facility_id)
        await service.end(session, held, by=STAFF, now=clock.utc_now())
    await apply_closures.reach_on(db)
    await apply_closures.reach_on(db)
    assert await places_of(db) == before
    rows = await seeds.rows(
        db, "SELECT a.code, m.state::text, m.reason FROM message m JOIN appointment a ON a.public_id = m.subject_id"
        " WHERE m.kind = 'booked' AND m.version = a.version AND m.version > 1",
    )  # fmt: skip
    assert {row["code"]: (row["state"], row["reason"]) for row in rows} == {
        called: ("suppressed", "no_phone"), silent: ("suppressed", "undone"), told: ("due", None),
        unsent: ("suppressed", "undone"),
    }  # fmt: skip
    assert await seeds.value(db, "SELECT count(*) FROM message WHERE kind = 'choose' AND state = 'due'") == 0
    calls = await _calls(db, made, closing)
    assert [(call.code, call.why, call.open, call.asked) for call in calls] == [(called, "no_phone", True, False)]


async def test_whoever_was_telephoned_before_it_was_undone_is_to_be_called_again(db: Database) -> None:
    made = await crowd(db, 2, per_slot=2, unreachable=2)
    closing = await close(db, made)
    await apply_closures.run(db)
    await seeds.run(db, "UPDATE closing_visit SET calls = 1, call = 'will_come' WHERE appointment_id ="
                    " (SELECT id FROM appointment WHERE code = :c)", c=made.codes[0])  # fmt: skip
    await undo(db, closing)
    await apply_closures.run(db)
    assert [row["undone"] for row in await seeds.rows(db, _UNDONE)] == ["restored", "restored"]
    assert [(call.code, call.open) for call in await _calls(db, made, closing)] == [(made.codes[0], True)]


async def test_whoever_cannot_be_put_back_and_has_no_mobile_stays_on_the_call_list(
    db: Database, client: httpx.AsyncClient
) -> None:
    made = await crowd(db, 3, per_slot=3, unreachable=1)
    closing = await close(db, made, ClosingAnswer.CANCEL)
    await apply_closures.run(db)
    await seeds.run(db, "UPDATE slot SET capacity = 0, free_places = '{}' WHERE id = :id", id=made.world.slots[0])
    await undo(db, closing)
    await apply_closures.run(db)
    assert await seeds.value(db, "SELECT count(*) FROM closing_visit WHERE undone = 'stays'") == 3
    calls = await _calls(db, made, closing)
    assert [(call.code, call.why, call.starts_at) for call in calls] == [(made.codes[0], "no_phone", None)]
    await staff.add(db, "truong.mau", Role.MANAGER, [FACILITY])
    client.cookies.set("desk", await staff.sign_in(db, "truong.mau") or "")
    where = f"/desk/{FACILITY}/closings/{closing.public_id}"
    assert f"{where}/calls" in (await client.get(where)).text
    note = pages.read(await client.get(f"/desk/{FACILITY}/messages/calls")).form(f"/calls/{calls[0].visit}")
    await pages.send(client, note, outcome="reached")
    assert [call.open for call in await _calls(db, made, closing)] == [False]


async def test_whose_day_is_off_is_not_reminded_of_it_but_telephoned(db: Database) -> None:
    made = await crowd(db, 3, per_slot=1)
    reminders = "SELECT count(*) FROM message WHERE kind::text LIKE 'reminder%' AND state = 'due'"
    await plan_reminders.run(db)
    assert (written := await seeds.value(db, reminders)) > 0
    await seeds.run(db, "UPDATE message SET due_at = now() WHERE kind::text LIKE 'reminder%' AND state = 'due'")
    off, recut, crowded = made.world.slots
    async with db.transaction() as session:
        wanted = {off: "local_closure"}
        await availability.settle_closures(
            session, CALENDAR, within=[off], wanted=wanted, by=STAFF, now=clock.utc_now()
        )
        # The session is only cut otherwise, or has fewer places: what was promised takes place.
        kept = {recut: NOT_PLANNED.reason}
        await availability.settle_closures(
            session, TIMETABLE, within=[recut], wanted=kept, by=STAFF, now=clock.utc_now()
        )
        many = {crowded: TOO_MANY.reason}
        await availability.settle_closures(
            session, CAPACITY, within=[crowded], wanted=many, by=STAFF, now=clock.utc_now()
        )
    for table, column in (("slot", "id"), ("appointment", "slot_id")):
        earlier = f"UPDATE {table} SET starts_at = starts_at - interval '1 minute' WHERE {column} = :id"
        await seeds.run(db, earlier, id=crowded)
    await plan_reminders.run(db)
    waits = await seeds.rows(
        db, "SELECT DISTINCT facts ->> 'code' AS code FROM message WHERE kind::text LIKE 'reminder%'"
        " AND state = 'due' AND due_at > now() + interval '2 minutes'",
    )  # fmt: skip
    assert [row["code"] for row in waits] == [made.codes[0]]
    assert await seeds.value(db, reminders) == written
    async with db.transaction() as session:
        calls = await calling.to_call(session, made.world.facility_id, now=clock.utc_now())
    assert [(call.code, call.why, call.open) for call in calls] == [(made.codes[0], "off", True)]
