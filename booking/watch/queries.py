"""One look at everything that is watched: each reading is a number with a name and labels, nothing about a person."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from booking import clock
from booking.exchange.hearing import is_old
from booking.exchange.outgoing import showing as outgoing
from booking.trail import observing


@dataclass(frozen=True, slots=True)
class Reading:
    """A number as it is now. Ages are seconds; names are those of docs/operations.md, "Watching".

    No label is called `job` or `instance`: Prometheus has its own under these names, and renames ours.
    """

    name: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


_SMS: Final = text("""
    SELECT state::text AS state, lane, count(*) AS n, min(due_at) AS oldest FROM message
    WHERE state IN ('due', 'claimed', 'sending', 'unknown') AND due_at <= :now GROUP BY 1, 2
""")
_LOST: Final = text("""
    SELECT fault::text AS fault, count(DISTINCT phone_index) AS n FROM message
    WHERE state IN ('failed', 'undelivered') AND fault IS NOT NULL AND due_at > :day_ago
      AND changed_at > :hour_ago
    GROUP BY 1
""")
_CHANNEL: Final = text("SELECT provider, held_at, rest_until, day_at, day_posts FROM sms_channel")
_FEEDS: Final = text("""
    SELECT DISTINCT ON (feed) feed, state::text AS state, received_at FROM feed_file
    WHERE feed IN (SELECT feed FROM feed_heard UNION SELECT feed FROM feed_listed) ORDER BY feed, id DESC
""")
_APPLIED: Final = text("""
    SELECT feed, heard_at AS at, old_minutes FROM feed_heard WHERE heard_at IS NOT NULL
""")
_FETCHED: Final = text("""
    SELECT feed, problem::text AS problem FROM feed_fetch
""")
_WRONG: Final = text("""
    SELECT file_name, feed, problems <> '[]'::jsonb AS wrong FROM feed_listed ORDER BY file_name
""")
_CONFLICTS: Final = text("SELECT count(*) FROM conflict WHERE state = 'open'")
_QUEUE: Final = text("""
    SELECT f.code AS facility, count(*) AS n FROM queue_ticket t JOIN facility f ON f.id = t.facility_id
    WHERE t.day = :day AND t.state = 'waiting' GROUP BY 1
""")
_REQUESTS: Final = text("""
    SELECT f.code AS facility, count(*) AS n,
      count(*) FILTER (WHERE r.due < :day OR (r.replied_at IS NULL AND r.reply_by < :day)) AS late
    FROM data_request r JOIN facility f ON f.id = r.facility_id WHERE r.state = 'open' GROUP BY 1
""")
_STANDBYS: Final = text("""
    SELECT current_setting('synchronous_standby_names') <> '' AS wanted,
      pg_has_role('pg_read_all_stats', 'USAGE') AS seen,
      (SELECT count(*) FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum')) AS n
""")
_SEALED: Final = text("""
    SELECT coalesce((SELECT max(sealed_at) FROM audit_seal), (SELECT at FROM audit_event ORDER BY id LIMIT 1))
""")
"""Since when nothing was sealed: since the first act where no seal was ever made; null where nobody did anything."""

_A_YEAR: Final = 31_536_000.0

LANES: Final = ("visit", "code")


async def look(session: AsyncSession, *, now: datetime) -> list[Reading]:
    """Everything that is watched, as it is now."""
    return [
        *await _sms(session, now),
        *await _feeds(session, now),
        *await _told(session, now),
        *[Reading("conflicts_open", float(await session.scalar(_CONFLICTS) or 0))],
        *await _queues(session, now),
        *await _requests(session, now),
        *await _standbys(session),
        *await _seen(session, now),
    ]


async def _sms(session: AsyncSession, now: datetime) -> list[Reading]:
    """What is due or in doubt, and how long the oldest due text has waited: 0 where none waits."""
    rows = (await session.execute(_SMS, {"now": now})).mappings().all()
    waits = dict.fromkeys(LANES, 0.0)
    for row in rows:
        if row["state"] == "due":
            waits[row["lane"]] = _age(row["oldest"], now)
    found = [Reading("sms_messages", float(row["n"]), {"state": row["state"], "lane": row["lane"]}) for row in rows]
    found += [Reading("sms_oldest_due_seconds", age, {"lane": lane}) for lane, age in waits.items()]
    ago = {"day_ago": now - timedelta(days=1), "hour_ago": now - timedelta(hours=1)}
    lost = (await session.execute(_LOST, ago)).mappings().all()
    found += [Reading("sms_lost", float(row["n"]), {"fault": row["fault"]}) for row in lost]
    today = clock.day_bounds(clock.local_day(now))[0]
    for row in (await session.execute(_CHANNEL)).mappings():
        named = {"provider": row["provider"]}
        resting = row["rest_until"] is not None and row["rest_until"] > now
        found += [
            Reading("sms_held", float(row["held_at"] is not None), named),
            Reading("sms_resting", float(resting), named),
            Reading("sms_posts_today", float(row["day_posts"]) if row["day_at"] >= today else 0.0, named),
        ]
    return found


async def _feeds(session: AsyncSession, now: datetime) -> list[Reading]:
    """How old the data of each hospital's feed is, and whether its newest file was not applied."""
    found: list[Reading] = []
    for row in (await session.execute(_APPLIED)).mappings():
        named = {"feed": row["feed"]}
        found.append(Reading("feed_age_seconds", _age(row["at"], now), named))
        found.append(Reading("feed_old", float(is_old(row["at"], row["old_minutes"], now=now)), named))
    for row in (await session.execute(_FEEDS)).mappings():
        named = {"feed": row["feed"]}
        found.append(Reading("feed_held", float(row["state"] == "held"), named))
        found.append(Reading("feed_unreadable", float(row["state"] == "quarantined"), named))
    found += [
        Reading("feed_wrong", float(row["wrong"]), {"feed": row["feed"] or row["file_name"]})
        for row in (await session.execute(_WRONG)).mappings()
    ]
    return found + await _fetched(session)


async def _fetched(session: AsyncSession) -> list[Reading]:
    """Of feeds that are fetched, whether something is wrong with their servers."""
    found = []
    for row in (await session.execute(_FETCHED)).mappings():
        named = {"feed": row["feed"]}
        found.append(Reading("feed_fetch_failing", float(row["problem"] is not None), named))
        found.append(Reading("feed_host_key_changed", float(row["problem"] == "host_key_changed"), named))
    return found


async def _told(session: AsyncSession, now: datetime) -> list[Reading]:
    """How far hospitals' software is told of our bookings, and what it refused."""
    found = []
    for each in await outgoing.feeds(session, None, now=now):
        named = {"feed": each.code}
        age = _age(each.since, now) if each.since is not None else float(each.old)
        found += [
            Reading("out_age_seconds", age, named),
            Reading("out_behind", float(each.old), named),
            Reading("out_refused", float(each.refused), named),
        ]
    return found


async def _queues(session: AsyncSession, now: datetime) -> list[Reading]:
    """How many wait at each facility."""
    rows: Any = (await session.execute(_QUEUE, {"day": clock.local_day(now)})).mappings()
    return [Reading("queue_waiting", float(row["n"]), {"facility": row["facility"]}) for row in rows]


async def _requests(session: AsyncSession, now: datetime) -> list[Reading]:
    """How many requests about data each facility has open, and how many of them are over their day."""
    rows: Any = (await session.execute(_REQUESTS, {"day": clock.local_day(now)})).mappings().all()
    made = [Reading("requests_open", float(row["n"]), {"facility": row["facility"]}) for row in rows]
    return made + [Reading("requests_overdue", float(row["late"]), {"facility": row["facility"]}) for row in rows]


async def _standbys(session: AsyncSession) -> list[Reading]:
    """Whether this server confirms a commit only when another has it, and how many such others there are just now.

    Asked here and not put down by a job: where none is left, nothing that a job writes is confirmed.
    """
    row = (await session.execute(_STANDBYS)).mappings().one()
    found = [Reading("sync_wanted", float(row["wanted"]))]
    # To a role that may not look there everybody looks like nobody.
    return [*found, Reading("sync_standbys", float(row["n"]))] if row["seen"] else found


async def _seen(session: AsyncSession, now: datetime) -> list[Reading]:
    """What the scheduler put down, and whether it lives. No heartbeat at all is an age of a year, not silence.

    What was seen long ago says nothing of now: so each reading stands beside the age of what it was read from.
    """
    alive = checked = _A_YEAR
    found = []
    broken: dict[str, float] = {}
    for each in await observing.observed(session):
        if each.name == observing.SCHEDULER_SEEN:
            alive = min(alive, _age(each.at, now))
        elif each.name == observing.INVARIANT_BROKEN:
            broken[each.label] = max(each.value, broken.get(each.label, 0.0))
            checked = min(checked, _age(each.at, now))
        elif each.name == observing.INVARIANT_BROKEN_EARLIER:
            broken[each.label] = max(each.value, broken.get(each.label, 0.0))
        elif each.name == observing.ROWS_LEFT_OUT:
            found.append(Reading("rows_left_out", each.value, {"job_name": each.label}))
        elif each.name == observing.JOB_SOUND and each.value > 0:
            named = {"job_name": each.label}
            found += [Reading("job_silent_seconds", _age(each.at, now), named)]
            found += [Reading("job_every_seconds", each.value, named)]
    found += [Reading("invariant_broken", value, {"invariant": name}) for name, value in sorted(broken.items())]
    found.append(Reading("scheduler_silent_seconds", alive))
    found.append(Reading("invariants_checked_seconds", checked))
    sealed: datetime | None = await session.scalar(_SEALED)
    if sealed is not None:
        found.append(Reading("audit_sealed_seconds", _age(sealed, now)))
    return found


def _age(since: datetime, now: datetime) -> float:
    return max(0.0, (now - since).total_seconds())
