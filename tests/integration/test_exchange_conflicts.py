"""A patient in a time that the hospital gave away: a conflict for staff, and her booking stays as it is."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from booking.appointments import service as appointments
from booking.appointments.commands import CancelAppointment, RescheduleAppointment
from booking.db import Database
from booking.exchange import queries, service
from scheduler.jobs import read_exports
from scheduler.jobs.read_exports import Memory
from tests.feeds import BY, NOW, Folders, Hospital, book, hospital_database, nothing, row, slot_id, two_days
from tests.postgres import Cluster
from tests.seeds import rows, run, value

pytestmark = [pytest.mark.anyio, pytest.mark.postgres15]

CONFLICTS = "SELECT feed, appointment_id, slot_id, row_keys, state FROM conflict ORDER BY id"
VISITS = "SELECT a::text AS visit, m::text AS message FROM appointment a JOIN message m ON m.subject_id = a.public_id"


@pytest.fixture
def database_url(cluster: Cluster) -> Iterator[str]:
    with hospital_database(cluster, two_days) as url:
        yield url


@pytest.fixture
def hospital(db: Database) -> Hospital:
    return Hospital(db)


async def test_a_booked_patient_becomes_a_conflict_and_nothing_of_hers_changes(
    db: Database, hospital: Hospital
) -> None:
    await book(db, "08:00")
    slot = await slot_id(db, "08:00")
    before = await rows(db, VISITS)
    done = await hospital.apply(row("77", "07:45", "08:15"), row("78", "10:00"))
    assert (done.counts.conflicts, done.counts.closed) == (1, 3)
    [found] = await rows(db, CONFLICTS)
    assert (found["slot_id"], found["row_keys"], found["state"]) == (slot, ["77"], "open")
    assert await rows(db, VISITS) == before
    assert await value(db, "SELECT taken FROM slot WHERE id = :id", id=slot) == 1


async def test_it_is_listed_once_gone_with_the_row_and_open_again_with_it(db: Database, hospital: Hospital) -> None:
    await book(db, "08:00")
    states = []
    for sent in ([row("1", "08:00")], [row("1", "08:00"), row("2", "10:00")], [nothing()], [row("1", "08:00")]):
        await hospital.apply(*sent)
        [found] = await rows(db, CONFLICTS)
        states.append(found["state"])
    assert states == ["open", "open", "gone", "open"]


async def test_what_staff_answered_stays_answered(db: Database, hospital: Hospital) -> None:
    await book(db, "08:00")
    await hospital.apply(row("1", "08:00"))
    await run(db, "UPDATE conflict SET state = 'settled'")
    await hospital.apply(row("1", "08:00"), row("2", "10:00"))
    assert [each["state"] for each in await rows(db, CONFLICTS)] == ["settled"]


@pytest.mark.parametrize("how", ["cancel", "move"])
async def test_it_is_gone_when_the_patient_leaves(db: Database, hospital: Hospital, how: str) -> None:
    ticket = await book(db, "08:00")
    await hospital.apply(row("1", "08:00"))
    target = await slot_id(db, "10:00")
    async with db.transaction() as session:
        if how == "cancel":
            await appointments.cancel(session, ticket.code, ticket.token, CancelAppointment(), by=BY, now=NOW)
        else:
            move = RescheduleAppointment(slot=target)
            await appointments.reschedule(session, ticket.code, ticket.token, move, by=BY, now=NOW, per_phone=9)
    async with db.transaction() as session:
        assert await queries.feeds_with_new_clashes(session, now=NOW) == ["x"]
        assert (await service.settle_feed(session, "x", by=BY, now=NOW)).ended == 1
    assert [each["state"] for each in await rows(db, CONFLICTS)] == ["gone"]
    assert await hospital.closed() == ["08:00"]  # the hospital still has it


async def test_the_job_finds_who_came_into_a_closed_time_later(
    db: Database, hospital: Hospital, tmp_path: Path
) -> None:
    """A hold taken before the file may be confirmed after it."""
    await book(db, "08:00")
    await run(db, "UPDATE appointment SET state = 'held', expires_at = now() + interval '5 min'")
    await hospital.apply(row("1", "08:00"))
    assert await rows(db, CONFLICTS) == []
    await run(db, "UPDATE appointment SET state = 'booked', expires_at = NULL")
    folders = Folders(tmp_path / "feeds")
    folders.home.mkdir()
    await read_exports.run(db, folders.home, now=NOW, memory=Memory())
    [found] = await rows(db, CONFLICTS)
    assert (found["state"], found["row_keys"]) == ("open", ["1"])


async def test_a_patient_of_another_time_is_no_conflict(db: Database, hospital: Hospital) -> None:
    await book(db, "08:30")
    await hospital.apply(row("1", "08:00", "08:30"), row("2", "09:00"))
    assert await rows(db, CONFLICTS) == []
