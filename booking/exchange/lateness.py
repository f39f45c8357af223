"""Exports that come late: what was written before a file that is applied already is refused, or taken times reopen."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from booking.clock import ZONE
from booking.exchange.guarding import Verdict
from booking.exchange.kinds import GuardReason, VerdictKind

WRITTEN: Final = "written_at"
"""Under this name a file's report says when the file was last changed. One that came otherwise does not say it."""


def refused(verdict: Verdict, file: Mapping[str, Any], last: Mapping[str, Any] | None) -> Verdict | None:
    """The verdict on a file that is older than the one applied last (both by their reports); None where it is not.

    Also of a feed of changes: what the file says of a row may be older than what is known of it.
    """
    written, applied = _written(file), _written(last or {})
    if written is None or applied is None or written >= applied:
        return None
    facts = {"written": _told(written), "newest": _told(applied)}
    return Verdict(VerdictKind.HOLD, (*verdict.reasons, (GuardReason.WRITTEN_BEFORE, facts)))


def newest(file: Mapping[str, Any], last: Mapping[str, Any] | None) -> dict[str, str]:
    """What a file's report says of its time once it is applied: released, it makes none of those before it newer."""
    known = [moment for moment in (_written(file), _written(last or {})) if moment is not None]
    return {WRITTEN: max(known).isoformat()} if known else {}


def _written(report: Mapping[str, Any]) -> datetime | None:
    kept = report.get(WRITTEN)
    return datetime.fromisoformat(kept) if isinstance(kept, str) else None


def _told(moment: datetime) -> str:
    return f"{moment.astimezone(ZONE):%d/%m/%Y %H:%M:%S}"
