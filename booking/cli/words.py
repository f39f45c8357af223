"""`henkham words`: the table of plain words that search understands, until staff have pages for it."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from booking import clock
from booking.actor import system
from booking.cli.terminal import say
from booking.db import Database
from booking.directory import finding, service
from booking.directory.commands import AddWord, RemoveWord
from booking.directory.errors import ServiceUnknown
from booking.directory.kinds import WordKind
from booking.directory.rules import Word, phrase
from booking.settings import Settings

DONE: Final = 0
NOTHING_CHANGED: Final = 1
REFUSED: Final = 2

T = TypeVar("T")


def show(settings: Settings, *, kind: WordKind | None, containing: str | None) -> int:
    """Print the words, one a line: kind, phrase, what it leads to."""
    part = phrase(containing or "")
    found = [
        word
        for word in asyncio.run(_in_transaction(settings, finding.words))
        if (kind is None or word.kind is kind) and part in word.phrase
    ]
    for word in found:
        say(_line(word))
    return DONE if found else NOTHING_CHANGED


def _line(word: Word) -> str:
    return f"{word.kind.value}\t{word.phrase}" + (f"\t{word.target}" if word.target else "")


def add(settings: Settings, *, kind: WordKind, words: str, target: str) -> int:
    """Add a word, or bring a removed one back."""
    try:
        command = AddWord(kind=kind, phrase=words, target=target)
        changed = asyncio.run(
            _in_transaction(
                settings, lambda session: service.add_word(session, command, by=system("words"), now=clock.utc_now())
            )
        )
    except ValidationError as problem:
        return _refused("; ".join(error["msg"] for error in problem.errors()))
    except ServiceUnknown:
        return _refused(f"no facility has a service {target}")
    say(f"{'Added' if changed else 'It was there already'}: {_line(Word(kind, command.phrase, target))}")
    return DONE if changed else NOTHING_CHANGED


def remove(settings: Settings, *, kind: WordKind, words: str, target: str | None) -> int:
    """Remove a word; seeding does not bring it back."""
    try:
        command = RemoveWord(kind=kind, phrase=words, target=target)
    except ValidationError as problem:
        return _refused("; ".join(error["msg"] for error in problem.errors()))
    changed = asyncio.run(
        _in_transaction(
            settings, lambda session: service.remove_word(session, command, by=system("words"), now=clock.utc_now())
        )
    )
    say(f"Removed {changed} of: {command.kind.value}\t{command.phrase}")
    return DONE if changed else NOTHING_CHANGED


def _refused(why: str) -> int:
    print(f"Nothing was changed: {why}.", file=sys.stderr)
    return REFUSED


async def _in_transaction(settings: Settings, work: Callable[[AsyncSession], Awaitable[T]]) -> T:
    database = Database(settings.database_url, pool=1, application="henkham-words")
    try:
        async with database.transaction() as session:
            return await work(session)
    finally:
        await database.close()
