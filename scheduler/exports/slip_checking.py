"""A file of slips, read: the slips, and in numbers what it said. No word of a person is in the numbers."""

import logging
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from pydantic import ValidationError

from booking.exchange.errors import ExportUnreadable
from booking.exchange.guarding import Verdict
from booking.exchange.kinds import GuardReason, UnreadableReason, VerdictKind
from booking.exchange.rules import Refused
from booking.invitations.commands import ReceiveInvitation, TakeBack
from booking.invitations.intake import Word, source_key
from booking.invitations.telling import FEEDS
from scheduler.exports.apart import LIMITS, ReaderLost, reading_processes
from scheduler.exports.confinement import Limits
from scheduler.exports.opening import opened
from scheduler.exports.reader import Note
from scheduler.exports.reexam import ReexamSlip
from scheduler.exports.report import LISTED, listed, listing, local, verdict_as_json
from scheduler.exports.slip_feed import SlipFeed
from scheduler.exports.staging import Item
from scheduler.exports.wording import explain_guard, explain_note, explain_refusal

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SlipReport:
    """One file of slips, read by one feed.

    Attributes:
        feed: the feed's code.
        facility: our code of the facility.
        read: slips that can be used, those taken back included.
        cancelled: of these, those the hospital took back.
        without_service: of these, those the feed gives no service.
        refused, notes: counts by reason; `refused_rows` and `noted_rows` are the first `LISTED`.
        first_due, last_due: the earliest and latest day on a slip.
        made: when the file says it was made, UTC.
        verdict: whether it applies.
    """

    feed: str
    facility: str
    read: int
    cancelled: int
    without_service: int
    refused: Counter[str]
    refused_rows: tuple[Refused, ...]
    notes: Counter[str]
    noted_rows: tuple[Note, ...]
    first_due: date | None
    last_due: date | None
    made: datetime | None
    verdict: Verdict

    def as_json(self) -> dict[str, object]:
        """Plain values as `docs/feeds.md` describes them."""
        return {
            "feed": self.feed,
            "facility": self.facility,
            "readable": True,
            "read": self.read,
            "cancelled": self.cancelled,
            "without_service": self.without_service,
            "refused": listing(self.refused, [listed(row, explain_refusal(row)) for row in self.refused_rows]),
            "notes": listing(self.notes, [listed(row, explain_note(row)) for row in self.noted_rows]),
            "first_due": self.first_due.isoformat() if self.first_due else None,
            "last_due": self.last_due.isoformat() if self.last_due else None,
            "made": local(self.made),
            "verdict": verdict_as_json(self.verdict),
        }


def read_slip_file(
    feed: SlipFeed, path: Path, *, today: date, limits: Limits = LIMITS
) -> tuple[list[ReexamSlip], SlipReport]:
    """The slips of a file and the report; raises as `read_slips` does."""
    try:
        with opened(path) as stream:
            return read_slips(feed, stream, today=today, limits=limits)
    except OSError as error:
        raise ExportUnreadable(UnreadableReason.CANNOT_OPEN, why=error.strerror or type(error).__name__) from error


def read_slips(
    feed: SlipFeed, stream: BinaryIO, *, today: date, limits: Limits = LIMITS
) -> tuple[list[ReexamSlip], SlipReport]:
    """The same of an open file, read in a process of its own.

    Raises:
        ExportUnreadable: nothing of the file can be used.
        ReaderLost: nothing is known about the file.
    """
    try:
        return collect(feed, reading_processes().read(feed, stream, today=today, limits=limits))
    except (ExportUnreadable, ReaderLost):
        raise
    except Exception as error:  # noqa: BLE001  what a file makes fail is the file's trouble
        # What failed is named, and nothing of what it failed at: a trace would show whose slip it was.
        log.error(  # noqa: TRY400
            "what a reader told could not be used", extra={"facts": {"feed": feed.code, "reason": type(error).__name__}}
        )
        raise ExportUnreadable(UnreadableReason.READER_FAILED, why=type(error).__name__) from None


def collect(feed: SlipFeed, items: Iterable[Item]) -> tuple[list[ReexamSlip], SlipReport]:
    """Sort what a reader yields into slips and counts."""
    slips: list[ReexamSlip] = []
    refused: list[Refused] = []
    notes: list[Note] = []
    for item in items:
        if isinstance(item, ReexamSlip):
            slips.append(item)
        elif isinstance(item, Refused):
            refused.append(item)
        elif isinstance(item, Note):
            notes.append(item)
    dues = [slip.due for slip in slips if slip.due is not None]
    nothing = [(GuardReason.NOTHING_READ, {"of": len(refused)})] if refused and not slips else []
    return slips, SlipReport(
        feed=feed.code,
        facility=feed.facility,
        read=len(slips),
        cancelled=sum(slip.cancelled for slip in slips),
        without_service=sum(slip.service is None and not slip.cancelled for slip in slips),
        refused=Counter(row.reason.value for row in refused),
        refused_rows=tuple(refused[:LISTED]),
        notes=Counter(note.reason.value for note in notes),
        noted_rows=tuple(notes[:LISTED]),
        first_due=min(dues, default=None),
        last_due=max(dues, default=None),
        made=next((slip.made for slip in slips if slip.made is not None), None),
        verdict=Verdict(VerdictKind.HOLD if nothing else VerdictKind.APPLY, tuple(nothing)),
    )


def words_of(
    feed: SlipFeed, slips: Iterable[ReexamSlip], *, received: datetime, written: datetime | None = None
) -> list[Word]:
    """What the slips say to `invitations.intake`. A file from the future counts as made when it came.

    Where its envelope does not say when it was made, that is when it was written, as far as that is known.

    Raises:
        ExportUnreadable: no reader of ours says that.
    """
    try:
        return [_word(feed, slip, min(slip.made or written or received, received)) for slip in slips]
    except ValidationError:  # its words hold the very values, and nobody but a reader gone wrong says them
        raise ExportUnreadable(UnreadableReason.READER_DIED, why="what it answered is no answer") from None


def _word(feed: SlipFeed, slip: ReexamSlip, as_of: datetime) -> Word:
    source = f"{FEEDS}{feed.code}"
    key = source_key(source, slip.key)
    if slip.cancelled or slip.due is None:
        return TakeBack(source=source, key=key, as_of=as_of)
    return ReceiveInvitation(
        source=source, key=key, facility=feed.facility, service=slip.service, name=slip.name,
        birth_date=slip.birth_day, birth_year=slip.birth_year, citizen_ids=slip.citizen_ids,
        bhyt_numbers=slip.bhyt_numbers, due=slip.due, first=slip.due - timedelta(days=feed.slips.days_before),
        last=slip.due + timedelta(days=feed.slips.days_after), as_of=as_of,
    )  # fmt: skip


def summary(report: SlipReport) -> list[str]:
    """What `henkham feed check` prints without `--json`."""
    lines = [
        f"Feed {report.feed} of {report.facility}: {report.read} slips can be used, {report.cancelled} taken back."
    ]
    if report.first_due and report.last_due:
        lines.append(f"Due from {report.first_due:%d/%m/%Y} to {report.last_due:%d/%m/%Y}.")
    if report.without_service:
        lines.append(f"Without a service of ours: {report.without_service}; whoever is asked back chooses it herself.")
    for title, counts, words in (
        ("Refused", report.refused, [explain_refusal(row) for row in report.refused_rows[:20]]),
        ("Used, but odd", report.notes, [explain_note(row) for row in report.noted_rows[:20]]),
    ):
        if counts:
            lines.append(f"{title}: {', '.join(f'{name} {count}' for name, count in counts.items())}")
            lines += [f"  {one}" for one in words]
    lines.append(f"Verdict: {report.verdict.kind}")
    return lines + [f"  {reason}: {explain_guard(reason, facts)}" for reason, facts in report.verdict.reasons]
