"""A hospital that is told of bookings, when something came of it: files handed over, one waiting, a refusal."""

from booking.db import Database
from tests import seeds

_FEED = """
    INSERT INTO out_feed (feed, facility_id, number, started_at, looked_at, full_at, current_at, asks, old_minutes)
    SELECT :feed, id, 3, now(), now(), now(), now() - interval '10 minutes', true, 30 FROM facility
    WHERE code = :facility
"""
_FILE = """
    INSERT INTO out_file (feed, facility_id, number, kind, file_name, made_at, visits, events, size, sha256, handed_at)
    SELECT :feed, facility.id, :number, CAST(:kind AS out_kind), :name, now(),
        ARRAY(SELECT id FROM appointment WHERE facility_id = facility.id ORDER BY id), 'nnn', 1, '\\x00', now()
    FROM facility WHERE code = :facility RETURNING id
"""
_REFUSED = """
    INSERT INTO out_answered (out_file_id, position, answer, reason, answered_at)
    VALUES (:file, 1, 'refused', 'Không có bác sĩ BS99', now())
"""


async def fill(db: Database, facility: str, feed: str) -> None:
    """Three files, the first refused in part, the last not handed over."""
    await seeds.run(db, _FEED, feed=feed, facility=facility)
    for number, kind in ((1, "changes"), (2, "full"), (3, "changes")):
        name = f"hen-kham-{number:06d}-{kind}.hl7"
        file = await seeds.value(db, _FILE, feed=feed, facility=facility, number=number, kind=kind, name=name)
        if number == 1:
            await seeds.run(db, _REFUSED, file=file)
    await seeds.run(db, "UPDATE out_file SET visits = '{}', handed_at = NULL, problem = 'timed_out' WHERE number = 3")
