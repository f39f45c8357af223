"""From a record of table 14 to a slip: whose hospital's, who, which day; what cannot be anybody's is refused."""

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from typing import Final

from booking.clock import at_local
from booking.exchange.errors import ExportUnreadable
from booking.exchange.kinds import RefusalReason, UnreadableReason
from booking.exchange.rules import Refused
from booking.invitations import rules
from booking.invitations.errors import InvitationRefused
from booking.patients.errors import BirthRefused, NameRefused
from booking.patients.rules import Birth, read_birth, read_name
from booking.text import clean, fold
from scheduler.exports.feed import folded
from scheduler.exports.reader import Record
from scheduler.exports.reexam import NUMBER, YEARS, ReexamSlip
from scheduler.exports.slip_feed import SlipFeed
from scheduler.exports.xml130_tables import VISIT

AHEAD: Final = timedelta(days=731)
"""No doctor asks anybody back later than that: a year was mistyped."""

_STAMP: Final = re.compile(r"\d{8}(\d{4})?(\d{2})?")
_CODE: Final = re.compile(r"[0-9A-Za-z]{1,10}")
_QUOTED: Final = 20
_LONGEST_KEY: Final = 100
_MOST_NUMBERS: Final = 20


class SlipStager:
    """Judges the records of one file."""

    def __init__(self, feed: SlipFeed, today: date) -> None:
        self._feed, self._today = feed, today
        self._cancelled = {folded(word) for word in feed.slips.cancelled}

    def stage(self, record: Record) -> Iterator[ReexamSlip | Refused]:
        """Exactly one slip or refusal.

        Raises:
            ExportUnreadable: the record is another hospital's, so the file is.
        """
        cells = {name: clean(text) for name, text in record.cells.items()}
        self._check_hospital(record.line, cells)
        key = cells.get(f"slip.{VISIT}") or cells.get("slip.SO_GIAYHEN_KL", "")
        if not key or len(key) > _LONGEST_KEY:
            yield Refused(record.line, RefusalReason.NO_SLIP_NUMBER)
            return
        made = _made(cells.get("NGAYLAP", ""))
        if self._cancelled and folded(cells.get("slip.DU_PHONG", "")) in self._cancelled:
            yield ReexamSlip(record.line, key, cancelled=True, made=made)
            return
        yield self._slip(record.line, key, cells, made)

    def _check_hospital(self, line: int, cells: Mapping[str, str]) -> None:
        """Each place that names a hospital must name ours, and one of them must."""
        said = [cells.get(name, "") for name in ("slip.MA_CSKCB", "person.MA_CSKCB", "MACSKCB")]
        strange = [code for code in said if code and code not in self._feed.slips.hospital]
        if strange or not any(said):
            found = strange[0] if strange and _CODE.fullmatch(strange[0]) else ""
            expected = ", ".join(self._feed.slips.hospital)
            raise ExportUnreadable(UnreadableReason.OTHER_HOSPITAL, found=found, expected=expected, line=line)

    def _slip(self, line: int, key: str, cells: Mapping[str, str], made: datetime | None) -> ReexamSlip | Refused:
        text = cells.get("slip.NGAY_HEN_KL", "")
        due = _day(text)
        if due is None or due.year not in YEARS or due > self._today + AHEAD:
            return Refused(line, RefusalReason.BAD_DUE, {"due": text[:_QUOTED]})
        try:
            name, birth = self._who(cells)
        except _NobodyError as nobody:
            return Refused(line, RefusalReason.BAD_PERSON, {"field": nobody.field})
        if not self._same_in_both(cells, name, birth):
            return Refused(line, RefusalReason.PEOPLE_DIFFER)
        citizens = _numbers(cells.get("person.SO_CCCD", ""))
        cards = _numbers(f"{cells.get('slip.MA_THE_BHYT', '')};{cells.get('person.MA_THE_BHYT', '')}")
        try:
            rules.marks(citizens, cards)
        except InvitationRefused:
            return Refused(line, RefusalReason.NO_PAPER_NUMBER)
        service = self._feed.service_of(cells.get("person.MA_KHOA", ""))
        return ReexamSlip(
            line, key, cancelled=False, name=name, birth_day=birth.day, birth_year=birth.year, citizen_ids=citizens,
            bhyt_numbers=cards, due=due, service=service, made=made,
        )  # fmt: skip

    def _who(self, cells: Mapping[str, str]) -> tuple[str, Birth]:
        """Name and birth of the slip; what it leaves empty is taken from table 1."""
        name = cells.get("slip.HO_TEN") or cells.get("person.HO_TEN", "")
        born = cells.get("slip.NGAY_SINH") or cells.get("person.NGAY_SINH", "")
        return _name(name), self._birth(born)

    def _birth(self, text: str) -> Birth:
        day, year = _born(text)
        try:
            return read_birth(day=day, year=year, today=self._today)
        except BirthRefused:
            raise _NobodyError("NGAY_SINH") from None

    def _same_in_both(self, cells: Mapping[str, str], name: str, birth: Birth) -> bool:
        """Whether table 1 means the same person: its citizen ID would else be given to somebody else."""
        other = cells.get("person.HO_TEN", "")
        if other and fold(other) != fold(name):
            return False
        day, year = _born(cells.get("person.NGAY_SINH", ""))
        if year is None:
            return True
        return day == birth.day if day is not None and birth.day is not None else year == birth.year


class _NobodyError(Exception):
    """Nobody has such a name or birth; `field` says which."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field


def _name(text: str) -> str:
    try:
        return read_name(text)
    except NameRefused:
        raise _NobodyError("HO_TEN") from None


def _stamp(text: str) -> str | None:
    return text if text.isascii() and _STAMP.fullmatch(text) else None


def _day(text: str) -> date | None:
    """The day of `yyyymmdd`, with hours behind or not."""
    if _stamp(text) is None:
        return None
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:8]))
    except ValueError:
        return None


def _born(text: str) -> tuple[date | None, int | None]:
    """A birth day, or the year only: `1954`, and `195400000000` where month and day are not known."""
    day = _day(text)
    if day is not None:
        return day, day.year
    only_year = len(text) == 4 and text.isascii() and text.isdigit()  # noqa: PLR2004
    unknown = _stamp(text) is not None and (text[4:6] == "00" or text[6:8] == "00")
    return None, int(text[:4]) if only_year or unknown else None


def _made(text: str) -> datetime | None:
    """When the file was made, UTC; with the day alone its begin."""
    day = _day(text)
    if day is None or day.year not in YEARS:
        return None
    clock = (text[8:12] or "0000").ljust(4, "0")
    try:
        return at_local(day, time(int(clock[:2]), int(clock[2:4])))
    except ValueError:
        return at_local(day, time.min)


def _numbers(text: str) -> tuple[str, ...]:
    """Numbers joined by `;`, each once."""
    found = dict.fromkeys(part.strip() for part in text.split(";"))
    return tuple(part for part in found if NUMBER.fullmatch(part))[:_MOST_NUMBERS]
