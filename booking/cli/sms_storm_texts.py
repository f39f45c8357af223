"""The texts of a storm, and what is to become of them: a file of `sms_storm`.

Half are reminders, due at one moment as on an evening at six; the others are news of visits, due within so many
seconds. Of ten texts three are the reminders of a family, of which one is to go. Codes wait in their own lane.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import insert, text

from booking import ids
from booking.clock import ZONE, utc_now
from booking.db import Database
from booking.messages.kinds import NEWS, MessageKind, MessageState
from booking.messages.models import Message
from booking.sealed import keys

FACILITIES: Final = 19
DAYS: Final = 14
"""Earlier days whose same hour had as many texts, so that the breaker takes this one for usual."""

_BATCH: Final = 1_000
_FAMILY: Final = 3
_KINDS: Final = (
    *[MessageKind.REMINDER_DAY] * 4, MessageKind.REMINDER_HOURS, MessageKind.BOOKED, MessageKind.MOVED,
    MessageKind.CANCELLED, MessageKind.CHOOSE, MessageKind.MOVED_BY_FACILITY,
)  # fmt: skip
_CODE: Final = {
    "kind": MessageKind.OTP, "lane": "code", "subject_kind": "code", "secret": "123456", "facts": {"minutes": "10"},
    "facility_id": None,
}  # fmt: skip
_FAMILIES: Final = text(
    "INSERT INTO reminder_family (message_id, family, useful_until)"
    " SELECT id, phone_index, useful_until FROM message WHERE phone_index IN"
    " (SELECT phone_index FROM message GROUP BY phone_index HAVING count(*) > 1)"
)
_PAST: Final = text(
    "INSERT INTO message_tally (scope, since, subject, posts)"
    " SELECT 'hour', date_trunc('hour', CAST(:due AS timestamptz)) + hours * interval '1 hour'"
    " - days * interval '1 day', 'twilio', :posts FROM generate_series(0, 1) hours, generate_series(1, :days) days"
)


@dataclass
class Expected:
    """What is to happen.

    Attributes:
        due: the moment of the reminders.
        units: our ids in the order in which they should go; of those that stand together one.
        due_at: our id → when it is due.
        codes: those of codes.
        news: those of news, which goes first.
    """

    due: datetime
    units: list[list[str]] = field(default_factory=list)
    due_at: dict[str, datetime] = field(default_factory=dict)
    codes: list[str] = field(default_factory=list)
    news: set[str] = field(default_factory=set)


async def write(url: str, messages: int, codes: int, *, lead: float, within: float, reminders: bool) -> Expected:
    """Write the texts; all is due from `lead` seconds after that on."""
    database = Database(url, pool=1, application="henkham-simulate")
    started = utc_now()
    planned = started + timedelta(seconds=lead)
    rows = [row(number, started, planned, within=within, reminders=reminders) for number in range(messages)]
    rows += [_code(number, started, planned + timedelta(seconds=within * number / codes)) for number in range(codes)]
    try:
        for batch in _batches(rows):
            async with database.transaction() as session:
                await session.execute(insert(Message), batch)
        late = utc_now() - started
        async with database.transaction() as session:
            await session.execute(text("UPDATE message SET due_at = due_at + :late"), {"late": late})
            await session.execute(text("UPDATE message SET created_at = due_at WHERE created_at > now()"))
            await session.execute(_FAMILIES)
            await session.execute(_PAST, {"due": planned + late, "posts": messages, "days": DAYS})
            await session.execute(text("ANALYZE message"))
    finally:
        await database.close()
    return _expected(rows, planned + late, late)


def _batches(rows: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    for first in range(0, len(rows), _BATCH):
        yield rows[first : first + _BATCH]


def row(number: int, now: datetime, due: datetime, *, within: float = 0.0, reminders: bool = False) -> dict[str, Any]:
    """The columns of one text about a visit."""
    kind = _KINDS[number % len(_KINDS)]
    place = number % len(_KINDS) if reminders else _FAMILY
    first = number - place if place < _FAMILY else number
    if not reminders:
        kind = MessageKind.BOOKED if "reminder" in kind else kind
    if "reminder" not in kind:
        due += timedelta(seconds=within * (number * 7919 % 1009) / 1009)
    phone = f"+849{first:08d}"
    shuffled = first * 7919 % 100_003  # so that the order of visits is not that of ids
    starts = (now + timedelta(hours=3, seconds=shuffled, minutes=15 * (number - first))).astimezone(ZONE)
    facts = {"facility": "TYT Mau", "code": ids.booking_code(), "starts_at": starts.isoformat(), "token_version": 1}
    return {
        "public_id": ids.public_id(), "subject_kind": "appointment", "subject_id": ids.public_id(),
        "kind": kind, "version": 1, "copy_number": 0, "lane": "visit", "language": "vi", "phone": phone,
        "phone_index": keys().index("phone", phone), "facts": facts, "secret": None, "state": MessageState.DUE,
        "due_at": due, "facility_id": first % FACILITIES + 1, "useful_until": starts, "attempts": 0, "sends": 0,
        # News is made when it falls due: at night what is older than a quarter of an hour would wait for the morning.
        "created_at": now if "reminder" in kind else due, "changed_at": now,
    }  # fmt: skip


def _code(number: int, now: datetime, due: datetime) -> dict[str, Any]:
    return row(50_000_000 + number, now, due) | _CODE | {"due_at": due, "useful_until": due + timedelta(minutes=10)}


def _expected(rows: list[dict[str, Any]], due: datetime, late: timedelta) -> Expected:
    made, units = Expected(due), defaultdict[str, list[dict[str, Any]]](list)
    for each in rows:
        mine = str(each["public_id"])
        made.due_at[mine] = each["due_at"] + late
        if each["lane"] == "code":
            made.codes.append(mine)
        else:
            units[each["phone"]].append(each)
            made.news |= {mine} if each["kind"] in NEWS else set()
    ordered = sorted(units.values(), key=lambda unit: (unit[0]["due_at"], unit[0]["facts"]["starts_at"]))
    made.units = [[str(each["public_id"]) for each in unit] for unit in ordered]
    return made
