"""A feed of a facility as it is when something came of it: files applied, held and unreadable, and a clash."""

import json
from datetime import timedelta
from typing import Any

from booking.actor import system
from booking.clock import utc_now
from booking.db import Database
from booking.exchange import history
from booking.exchange.commands import ApplyExport, Content, Terms
from booking.exchange.guarding import Signs, Thresholds
from booking.exchange.kinds import AbsenceMeaning, FileState
from booking.exchange.models import FeedFile, FeedHeard, FeedRun
from booking.exchange.shown import service as shown
from booking.exchange.shown.service import Show
from tests import seeds, told_hospital

_CLASH = """
    INSERT INTO conflict (feed, facility_id, appointment_id, slot_id, row_keys, state, opened_at)
    SELECT :feed, facility_id, id, slot_id, CAST(:keys AS jsonb), 'open', now() FROM appointment
    WHERE facility_id = :place AND patient_id IS NOT NULL AND state = 'booked' RETURNING id
"""
_ROW = """
    INSERT INTO feed_row (feed, row_key, resource, starts_at, ends_at, closes, state_text, feed_file_id)
    SELECT :feed, 'PK-2026-00417', 'mau', starts_at, ends_at, true, 'Đã xác nhận', :file FROM appointment
    WHERE facility_id = :place AND patient_id IS NOT NULL LIMIT 1
"""

_FETCHED = """
    INSERT INTO feed_fetch (feed, facility_id, place, definition, next_at, tried_at, reached_at, fetched_at, file_name,
        failures, facts, memory)
    SELECT :feed, id, 'sftp://his-mau.example/xuat-du-lieu/lich-hen', '', now() + interval '5 minutes',
        now() - interval '1 minute', now() - interval '1 minute', now() - interval '31 minutes', 'lich-hen-2311.csv', 0,
        '{"older": 2, "no_files": 1}', '{}' FROM facility WHERE code = :code
"""


async def fetched(db: Database, facility: str, feed: str) -> int:
    """The server of a feed was reached a minute ago, and some of what is there was left alone."""
    await seeds.run(db, _FETCHED, feed=feed, code=facility)
    return 1


async def fill(db: Database, facility: str) -> dict[str, str]:
    """A feed with a held file; what stands for them in addresses. No visit is needed: its clash is nobody's."""
    place = await seeds.value(db, "SELECT id FROM facility WHERE code = :code", code=facility)
    feed = f"his-{facility.lower()}"
    file = await held(db, facility, feed)
    await told_hospital.fill(db, facility, feed)
    async with db.transaction() as session:
        show = Show(feed, "lich-hen.csv", 1)
        tried = str((await shown.begin(session, place, show, by=system("test"), now=utc_now())).public_id)
    return {"feed": feed, "file": str(file), "conflict": str(9_000_000 + place), "shown": tried}


async def held(db: Database, facility: str, feed: str, **changes: Any) -> int:
    """A file that a guard holds, which would close and open times; its id."""
    slots = [each["id"] for each in await seeds.rows(db, _SLOTS, code=facility)]
    terms = Terms(AbsenceMeaning.BUSY_LIST, None, {})
    content = Content(feed, facility, "1", "lich-hen-2311.csv", feed.encode(), 1, {"read": 0})
    command = ApplyExport(content, (), Signs(), Thresholds(), terms)
    facts = {"rows": 212, "of": 340}
    file = await _file(db, facility, feed, FileState.HELD, "hold", [{"reason": "outside_hours", "facts": facts}])
    run = FeedRun(
        feed_file_id=file, feed=feed, closed=[], opened=[], would_close=slots[:3], would_open=slots[3:5],
        waiting=history.pack_command(command), **changes,
    )  # fmt: skip
    async with db.transaction() as session:
        session.add(run)
    return file


_SLOTS = """
    SELECT slot.id FROM slot JOIN facility ON facility.id = slot.facility_id WHERE facility.code = :code
    ORDER BY starts_at LIMIT 5
"""


async def applied(db: Database, facility: str, feed: str, *, old: bool = False) -> int:
    """A file that closed times, and two that did not get so far; the id of the first."""
    slots = [each["id"] for each in await seeds.rows(db, _SLOTS, code=facility)]
    file = await _file(db, facility, feed, FileState.APPLIED, "apply", [])
    run = FeedRun(
        feed_file_id=file, feed=feed, closed=slots[:4], opened=slots[4:], would_close=[], would_open=[],
        before=history.pack_rows({}),
    )  # fmt: skip
    async with db.transaction() as session:
        session.add(run)
    place = await seeds.value(db, "SELECT id FROM facility WHERE code = :code", code=facility)
    heard = utc_now() - timedelta(hours=5 if old else 0)
    values = {"feed": feed, "place": place, "heard": heard}
    await seeds.run(db, "DELETE FROM feed_heard WHERE feed = :feed", feed=feed)
    await seeds.run(db, "INSERT INTO feed_heard VALUES (:feed, :place, :heard, 120)", **values)
    broken = await _file(db, facility, feed, FileState.QUARANTINED, "hold", [])
    unreadable = json.dumps({"unreadable": {"reason": "truncated", "facts": {}}})
    await seeds.run(
        db, "UPDATE feed_file SET report = CAST(:report AS jsonb) WHERE id = :id", report=unreadable, id=broken
    )
    return file


async def clash(db: Database, facility: str, feed: str, file: int) -> int:
    """Every booked visit of the facility clashes; the id of one of the clashes."""
    place = await seeds.value(db, "SELECT id FROM facility WHERE code = :code", code=facility)
    await seeds.run(db, _ROW, feed=feed, file=file, place=place)
    return int(await seeds.value(db, _CLASH, feed=feed, place=place, keys='["PK-2026-00417"]'))


async def _file(
    db: Database, facility: str, feed: str, state: FileState, kind: str, reasons: list[dict[str, Any]]
) -> int:
    place = await seeds.value(db, "SELECT id FROM facility WHERE code = :code", code=facility)
    now = utc_now()
    terms = Terms(AbsenceMeaning.BUSY_LIST, None, {}).plain()
    report = {
        "facility": facility, "definition": "1", "terms": terms, "signs": Signs().plain(), "read": 340,
        "refused": {"total": 2}, "without_times": [], "verdict": {"kind": kind, "reasons": reasons},
    }  # fmt: skip
    made = FeedFile(
        feed=feed, facility_id=place, file_name="lich-hen-2311.csv", sha256=b"x" * 32, size=1, received_at=now,
        state=state, report=report,
    )  # fmt: skip
    async with db.transaction() as session:
        session.add(made)
        if await session.get(FeedHeard, feed) is None:
            session.add(FeedHeard(feed=feed, facility_id=place, heard_at=now))
    assert made.id is not None
    return made.id
