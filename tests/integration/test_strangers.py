"""What is another's is looked for like what never was: the same status, the same body, the same statements.

For parties and sessions. Profiles stand in test_pages_people, waits and offers in test_waits_end, slips in
test_slip_previews and test_api_appointments.
"""

from collections.abc import Sequence
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking import ids
from booking.appointments import parties
from booking.appointments.errors import AppointmentUnknown
from booking.appointments.models import Appointment
from booking.db import Database
from booking.mobile.account import signing_out
from booking.patients import sessions
from booking.patients.errors import SessionUnknown
from booking.patients.models import Account
from booking.patients.session_models import PatientSession
from tests import families, people, seeds, signing, statements

pytestmark = pytest.mark.anyio

MINE, THEIRS = people.phone(1), people.phone(2)
AFTER = {"sec-fetch-site": "same-origin"}
Found = tuple[int, str, list[str]]


async def _found(app: FastAPI, client: httpx.AsyncClient, paths: Sequence[str], ids_: Sequence[str]) -> list[Found]:
    """Status, body without what differs by request, and every statement that was sent."""
    found = []
    for path, mark in zip(paths, ids_, strict=True):
        with statements.seen_by(app.state.db) as asked:
            answer = await (client.post(path, headers=AFTER) if path.endswith("/end") else client.get(path))
        text = answer.text.replace(mark, "…").replace(answer.headers["x-request-id"], "…")
        found.append((answer.status_code, text, list(asked)))
    return found


async def _party(db: Database, number: int) -> UUID:
    """A family of two that booked in one go."""
    world = await seeds.seed(db, capacities=(3, 3))
    home = await families.family(db, number, people_=2)
    await families.book(db, home, await families.hold(db, world.slots[0], home), world.slots[:1] * 2)
    found: UUID = await seeds.value(db, "SELECT DISTINCT party_id FROM appointment")
    return found


async def test_another_family_is_looked_for_like_one_that_never_was(
    app: FastAPI, client: httpx.AsyncClient, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    party = await _party(db, 2)
    await signing.sign_in(client, db, THEIRS)
    assert (await client.get(f"/me/party/{party}")).status_code == 200, "the control: it is there for its own account"
    client.cookies.clear()
    await signing.sign_in(client, db, MINE)
    wrong = [str(party), str(ids.public_id()), "no-party"]
    paths = [f"/me/party/{one}" for one in wrong]
    found = await _found(app, client, paths, wrong)
    assert [one[0] for one in found] == [404] * 3
    assert all(one == found[0] for one in found)
    assert any("FROM appointment" in sql for sql in found[0][2])

    real = parties.party

    async def open_to_all(session: AsyncSession, account_id: int, party_id: UUID) -> parties.PartyView:
        query = select(col(Appointment.account_id)).where(col(Appointment.party_id) == party_id).limit(1)
        return await real(session, await session.scalar(query) or account_id, party_id)

    monkeypatch.setattr(parties, "party", open_to_all)
    seen = await _found(app, client, paths, wrong)
    assert seen[0][0] == 200, "the control: without the account in the question it is everybody's"
    assert seen[1][0] == 404

    async def looked_first(session: AsyncSession, account_id: int, party_id: UUID) -> parties.PartyView:
        query = select(col(Appointment.id)).where(col(Appointment.party_id) == party_id).limit(1)
        if await session.scalar(query) is None:
            raise AppointmentUnknown
        return await real(session, account_id, party_id)

    monkeypatch.setattr(parties, "party", looked_first)
    seen = await _found(app, client, paths, wrong)
    assert seen[0][:2] == seen[1][:2]
    assert seen[0] != seen[1], "the control: who asks once more where it is another's is seen"


async def test_another_account_s_session_is_looked_for_like_one_that_never_was(
    app: FastAPI, client: httpx.AsyncClient, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await signing.sign_in(client, db, THEIRS)
    theirs = str(await seeds.value(db, "SELECT public_id FROM patient_session"))
    client.cookies.clear()
    await signing.sign_in(client, db, MINE)
    wrong = [theirs, str(ids.public_id()), "no-session"]
    paths = [f"/me/sessions/{one}/end" for one in wrong]
    found = await _found(app, client, paths, wrong)
    assert [one[0] for one in found] == [404] * 3
    assert all(one == found[0] for one in found)
    assert any("UPDATE patient_session" in sql for sql in found[0][2])
    assert await seeds.value(db, "SELECT count(*) FROM patient_session WHERE ended_at IS NULL") == 2

    def early(session_id: str) -> UUID:
        try:
            return UUID(session_id)
        except ValueError:
            raise SessionUnknown from None

    with monkeypatch.context() as hasty:
        hasty.setattr(signing_out, "UUID", early)
        seen = await _found(app, client, paths, wrong)
    assert seen[2] != seen[1], "the control: who refuses before it looks is seen"

    real = sessions.end_one

    async def open_to_all(session: AsyncSession, account_id: int, public_id: UUID, **told: object) -> None:
        query = (
            select(col(Account.id))
            .join(PatientSession, col(PatientSession.account_id) == col(Account.id))
            .where(col(PatientSession.public_id) == public_id)
        )
        await real(session, await session.scalar(query) or account_id, public_id, **told)  # type: ignore[arg-type]

    monkeypatch.setattr(sessions, "end_one", open_to_all)
    seen = await _found(app, client, paths, wrong)
    assert [one[0] for one in seen] == [303, 404, 404], "the control: without the account it ends everybody's"
