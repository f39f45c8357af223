"""Taking the answers that a hospital lays into a folder; what cannot be read lies in quarantine, with why."""

import asyncio
import logging
from datetime import datetime
from pathlib import Path

from booking.actor import system
from booking.db import Database
from booking.exchange.errors import ExportUnreadable
from booking.exchange.outgoing import answering
from booking.exchange.outgoing.answering import Kept, Said
from scheduler.exports import arrivals
from scheduler.exports.arrivals import DONE, QUARANTINE, Arrival, Changed, Sights
from scheduler.exports.servers import beside
from scheduler.exports.wording import explain_unreadable, harmless
from scheduler.outgoing import answers
from scheduler.outgoing.answers import UnreadableAnswers
from scheduler.outgoing.terms import Answers, Outgoing

log = logging.getLogger(__name__)

_TITLE = (
    "Tệp trả lời không đọc được; chưa ghi nhận gì từ tệp này.",
    "These answers cannot be read; nothing of them was kept.",
)


async def take(db: Database, terms: Outgoing, home: Path, sights: Sights, *, now: datetime) -> list[Kept]:
    """Keep the answers of every file that is complete, then move it away."""
    if terms.answers is None:
        return []
    folder = beside(home, terms.answers.folder)
    try:
        ready, _ = await asyncio.to_thread(sights.look_for, terms.answers.pattern, folder)
    except OSError:
        return []  # it is not there yet: nothing was answered
    kept = []
    for arrival in ready:
        found = await _one(db, terms, terms.answers, arrival, now=now)
        if found is not None:
            kept.append(found)
    return kept


async def _one(db: Database, terms: Outgoing, by: Answers, arrival: Arrival, *, now: datetime) -> Kept | None:
    try:
        said = await asyncio.to_thread(_read, by, arrival)
    except (Changed, FileNotFoundError):
        return None
    except UnreadableAnswers as error:
        await _set_aside(terms, arrival, str(error))
        return None

    async def keep() -> Kept:
        async with db.transaction() as session:
            return await answering.keep(session, terms.code, said, by=system(f"out:{terms.code}"), now=now)

    kept = await db.until_known(keep)
    await asyncio.to_thread(arrivals.put_away, arrival, DONE, None)
    facts = {"feed": terms.code, "state": f"{kept.accepted} accepted, {kept.refused} refused, {kept.unknown} unknown"}
    log.log(logging.WARNING if kept.refused or kept.unknown else logging.INFO, "answers came", extra={"facts": facts})
    return kept


def _read(by: Answers, arrival: Arrival) -> list[Said]:
    if arrival.instead or not arrivals.has_plain_name(arrival.path):
        raise UnreadableAnswers(f"it is {arrival.instead or 'a file whose name holds control signs'}")
    try:
        with arrivals.take(arrival, megabytes=answers.LARGEST // 1_000_000).stream as stream:
            return answers.read(by, stream.read())
    except ExportUnreadable as error:
        raise UnreadableAnswers(explain_unreadable(error)) from error


async def _set_aside(terms: Outgoing, arrival: Arrival, why: str) -> None:
    report = "\n".join(map(harmless, [*_TITLE, "", f"Terms: {terms.code}", why, ""]))
    await asyncio.to_thread(arrivals.put_away, arrival, QUARANTINE, report)
    log.warning("answers cannot be read", extra={"facts": {"feed": terms.code, "reason": why}})
