"""Slips of the sample hospital, the person of one of them, and the job that tells her: what tests of these share."""

from datetime import date, datetime, time, timedelta
from typing import Any

import httpx
from sqlmodel import select

from booking.actor import system
from booking.appointments import service as appointments
from booking.appointments.commands import CancelAppointment
from booking.clock import at_local, utc_now
from booking.db import Database
from booking.invitations import intake
from booking.invitations.commands import ReceiveInvitation
from booking.messages.models import Message
from booking.patients.kinds import ConsentPurpose
from booking.patients.queries import ProfileView
from booking.records import service as records
from scheduler.jobs import tell_invitations
from tests import people, seeds
from tests.asking import BOOK, new_key
from tests.households import TODAY, account, actor, add
from tests.seeds import FACILITY, SERVICE, World

MORNING = at_local(TODAY, time(9))
CARD, NAME, FEED = "077190000001", "Nguyễn Thị Mẫu", system("feed:x")
ROWS = "SELECT state::text, reason, version FROM message WHERE subject_kind = 'invitation' ORDER BY id"
BOTH = {ConsentPurpose.INVITATION: True, ConsentPurpose.SMS: True}


def slip(**more: Any) -> ReceiveInvitation:
    """A slip that came in a file, due in five days."""
    usual: dict[str, Any] = {
        "source": "feed:x", "key": "k1", "facility": FACILITY, "service": SERVICE, "name": NAME,
        "birth_date": date(1990, 5, 17), "citizen_ids": (CARD,), "due": TODAY + timedelta(days=5),
    }  # fmt: skip
    return ReceiveInvitation(**(usual | more))


async def take(db: Database, *words: intake.Word) -> None:
    """A file comes."""
    async with db.transaction() as session:
        await intake.take(session, words, by=FEED, now=utc_now())


async def person(
    db: Database, number: int = 1, *, agrees: dict[ConsentPurpose, bool] | None = None, **more: Any
) -> Any:
    """Her account and her view: somebody with the card of the slip."""
    home = await account(db, people.phone(number))
    usual: dict[str, Any] = {"birth_date": date(1990, 5, 17), "citizen_id": CARD}
    hers = await add(db, home, **({"name": NAME} | usual | more))
    await agree(db, home, hers, BOTH if agrees is None else agrees)
    return home, hers


async def agree(db: Database, home: int, hers: ProfileView, answers: dict[ConsentPurpose, bool]) -> None:
    """She answers."""
    async with db.transaction() as session:
        await records.answer(
            session, home, hers.id, answers, language="vi", channel="mobile", by=actor(home), now=utc_now()
        )


async def told(db: Database, now: datetime = MORNING) -> int:
    """The job runs."""
    return await tell_invitations.run(db, now=now)


async def states(db: Database) -> list[str]:
    """Of every text about a slip."""
    return [row["state"] for row in await seeds.rows(db, ROWS)]


async def message(db: Database) -> Message:
    """The newest text."""
    async with db.transaction() as session:
        return (await session.execute(select(Message).order_by(Message.id.desc()).limit(1))).scalar_one()  # type: ignore[union-attr]


async def visit(client: httpx.AsyncClient, world: World, slot: int, service_code: str = SERVICE) -> dict[str, Any]:
    """Her visit, by her number, name and birth."""
    patient = {"name": NAME, "birth_date": "1990-05-17", "phone": people.phone(1)}
    answer = await client.post(BOOK, json=world.booking(slot, patient, service=service_code), headers=new_key())
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def cancel(db: Database, made: dict[str, Any]) -> None:
    """She gives it up."""
    async with db.transaction() as session:
        await appointments.cancel(
            session, made["code"], made["token"], CancelAppointment(), by=FEED, now=utc_now()
        )  # fmt: skip
