"""A slip as the reading process tells it, and what of that is believed."""

from datetime import UTC, date, datetime
from typing import Any, Final

from booking.exchange.errors import ExportUnreadable
from booking.exchange.kinds import UnreadableReason
from scheduler.exports.reexam import NUMBER, YEARS, ReexamSlip
from scheduler.exports.slip_feed import SlipFeed

_LONGEST: Final = 400
_MOST: Final = 40
_YEARS: Final = range(1800, 2200)


def plain(slip: ReexamSlip) -> list[Any]:
    """Plain values in a fixed order.

    Raises:
        ExportUnreadable: a text is longer than any such text.
    """
    if max(map(len, (slip.key, slip.name, *slip.citizen_ids, *slip.bhyt_numbers))) > _LONGEST:
        raise ExportUnreadable(UnreadableReason.FIELD_TOO_LONG, line=slip.line, limit=_LONGEST)
    return [
        slip.line, slip.key, slip.cancelled, slip.name, slip.birth_day, slip.birth_year,
        list(slip.citizen_ids), list(slip.bhyt_numbers), slip.due, slip.service, slip.made,
    ]  # fmt: skip


def heard(
    feed: SlipFeed, line: int, key: str, cancelled: object, name: str, birth_day: str | None, birth_year: int,
    citizens: object, cards: object, due: str | None, service: str | None, made: str | None,
) -> ReexamSlip:  # fmt: skip
    """A slip of these values.

    Raises:
        ValueError, TypeError: no reader says that.
    """
    if type(line) is not int or line < 0 or type(birth_year) is not int or type(cancelled) is not bool:
        raise TypeError
    if service is not None and service not in feed.services:
        raise ValueError(service)
    if not cancelled and (due is None or birth_year not in _YEARS):
        raise ValueError(due)
    day_due = None if due is None else date.fromisoformat(due)
    moment = None if made is None else datetime.fromisoformat(made)
    if any(when is not None and when.year not in YEARS for when in (day_due, moment)):
        raise ValueError(due)
    day = None if birth_day is None else date.fromisoformat(birth_day)
    if day is not None and day.year != birth_year:
        raise ValueError(birth_year)
    return ReexamSlip(
        line, _text(key, least=1), cancelled, _text(name, least=not cancelled), day, birth_year, _texts(citizens),
        _texts(cards), day_due, service, None if moment is None else moment.astimezone(UTC),
    )  # fmt: skip


def _text(found: object, *, least: int = 0) -> str:
    if type(found) is not str or not least <= len(found) <= _LONGEST or "\0" in found:
        raise ValueError(type(found))
    return found


def _texts(found: object) -> tuple[str, ...]:
    if type(found) is not list or len(found) > _MOST:
        raise ValueError(type(found))
    if not all(type(one) is str and NUMBER.fullmatch(one) for one in found):
        raise ValueError(len(found))
    return tuple(found)
