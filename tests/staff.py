"""Sample staff for tests: accounts of each role, made as the command line makes them."""

from collections.abc import Sequence

from booking import clock
from booking.access import passwords, service, sessions
from booking.access.commands import AddStaff
from booking.access.kinds import Role
from booking.access.models import Staff
from booking.access.queries import Desk, at_desk
from booking.actor import Actor, ActorKind, system
from booking.db import Database

PASSWORD = "canh chua ca loc mau"
BY = system("tests")


async def add(
    db: Database, username: str, role: Role, facilities: Sequence[str] = (), *, must_change: bool = False
) -> Staff:
    """An account with the sample password."""
    first = passwords.hash_password(PASSWORD)
    command = AddStaff(username=username, name=f"{username} Mẫu", role=role, facilities=tuple(facilities))
    async with db.transaction() as session:
        staff = await service.add(session, command, asker=None, password=first, by=BY, now=clock.utc_now())
        staff.must_change = must_change
    return staff


async def sign_in(db: Database, username: str, password: str = PASSWORD, *, code: str = "") -> str | None:
    """Sign in as the page does; the session's token, or None where it was refused."""
    by = Actor(ActorKind.ANYONE, address="127.0.0.1")
    async with db.transaction() as session:
        attempt = await sessions.begin(session, username, now=clock.utc_now())
    fits = passwords.fits(attempt.password, password)
    async with db.transaction() as session:
        return await sessions.complete(
            session, attempt, fits=fits, code=code, browser="a test", by=by, now=clock.utc_now()
        )


async def desk_of(db: Database, token: str | None) -> Desk | None:
    """Who sits before a browser with this token."""
    async with db.transaction() as session:
        return await at_desk(session, token or "", now=clock.utc_now())
