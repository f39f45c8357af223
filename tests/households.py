"""Accounts and the people they book for, made through the use cases; a number in a name keeps tests apart.

home = await account(db, phone(1))               # an account, as if a code had proven the number
mai = await add(db, home, name(1), year=1990)    # its view of a person
"""

from datetime import date
from typing import Any

from booking import ids
from booking.actor import Actor, ActorKind
from booking.clock import local_day, utc_now
from booking.db import Database
from booking.patients import service
from booking.patients.commands import AddProfile
from booking.patients.kinds import Relation
from booking.patients.models import Account
from booking.patients.queries import ProfileView
from booking.patients.rules import read_phone
from booking.sealed import keys
from tests import seeds

TODAY: date = local_day(utc_now())


async def account(db: Database, number: str) -> int:
    """A signed-in account of a number; its id."""
    phone = read_phone(number).e164
    async with db.transaction() as session:
        made = Account(
            public_id=ids.public_id(), phone=phone, phone_index=keys().index("phone", phone), created_at=utc_now(),
            seen_at=utc_now(),
        )  # fmt: skip
        session.add(made)
        await session.flush()
        assert made.id is not None
        return made.id


def actor(account_id: int) -> Actor:
    """The account as one who acts."""
    return Actor(ActorKind.ACCOUNT, id=f"account-{account_id}")


async def silence(db: Database, days: int) -> None:
    """Let every account be unseen for so many days; who is in a list already was so before."""
    ago = f"now() - interval '{days} days'"
    await seeds.run(db, f"UPDATE account SET seen_at = {ago}")
    await seeds.run(db, f"UPDATE profile SET created_at = {ago}")


async def add(
    db: Database, account_id: int, name: str, *, year: int = 1980, relation: Relation = Relation.SELF, **more: Any
) -> ProfileView:
    """Let the account book for somebody."""
    born: dict[str, Any] = {} if "birth_date" in more else {"birth_year": year}
    command = AddProfile(name=name, relation=relation, **born, **more)
    async with db.transaction() as session:
        return await service.add_profile(session, account_id, command, by=actor(account_id), now=utc_now())
