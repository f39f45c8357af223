"""Use cases of the directory: the words that search understands."""

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel, col

from booking.actor import Actor
from booking.directory.commands import AddWord, RemoveWord
from booking.directory.errors import ServiceUnknown
from booking.directory.kinds import WordKind
from booking.directory.models import SearchWord, Service
from booking.trail.service import record


async def add_word(session: AsyncSession, command: AddWord, *, by: Actor, now: datetime) -> bool:
    """Let a phrase lead to its target; False where it does already.

    Raises:
        ServiceUnknown: no facility has a service of that code.
    """
    if command.kind is WordKind.SERVICE:
        known = select(col(Service.id)).where(col(Service.code) == command.target).limit(1)
        if (await session.scalar(known)) is None:
            raise ServiceUnknown(service=command.target)
    table = SQLModel.metadata.tables["search_word"]
    put = insert(table).values(**command.model_dump(), active=True)
    put = put.on_conflict_do_update(constraint="search_word_key", set_={"active": True}, where=~table.c.active)
    row = (await session.execute(put.returning(table.c.id))).first()
    if row is not None:
        record(session, "directory.word_add", "search_word", row.id, by=by, now=now, **command.model_dump(mode="json"))
    return row is not None


async def remove_word(session: AsyncSession, command: RemoveWord, *, by: Actor, now: datetime) -> int:
    """Let a phrase lead nowhere any more; how many rows that changed. Seeding does not bring it back."""
    gone = (
        update(SearchWord)
        .where(
            col(SearchWord.kind) == command.kind,
            col(SearchWord.phrase) == command.phrase,
            col(SearchWord.active),
        )
        .values(active=False)
        .returning(col(SearchWord.id))
    )
    if command.target is not None:
        gone = gone.where(col(SearchWord.target) == command.target)
    changed = (await session.scalars(gone)).all()
    facts = command.model_dump(mode="json", include={"kind", "phrase"})
    for row_id in changed:
        record(session, "directory.word_remove", "search_word", row_id, by=by, now=now, **facts)
    return len(changed)
