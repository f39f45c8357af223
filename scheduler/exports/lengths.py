"""How long a visit is, as a cell says it: in minutes, hours and minutes, or as ISO 8601 and FHIR write it."""

import re
from datetime import timedelta
from typing import Final

_MINUTE: Final = r"(?:(?:'|’|′|p|ph|phút|phut|m|min|mins|minute|minutes)\.?)"
_HOUR: Final = r"(?:(?:h|g|giờ|gio|tiếng|tieng|hr|hrs|hour|hours)\.?)"
_MINUTES: Final = re.compile(rf"(\d{{1,4}})(?:[.,]0+)?\s*{_MINUTE}?")
_HOURS: Final = re.compile(rf"(\d{{1,2}})(?:[.,](\d))?\s*{_HOUR}(?:\s*(\d{{1,2}})\s*{_MINUTE}?)?")
_CLOCK: Final = re.compile(r"(\d{1,2}):(\d{2})(?::\d{2})?")
_ISO: Final = re.compile(r"pt(?=\d)(?:(\d{1,2})h)?(?:(\d{1,4})m)?(?:0+s)?")


def length_of(text: str) -> timedelta | None:
    """Of `30`, `30.0`, `30 phút`, `30'`, `0:30`, `1h30`, `1,5 giờ` or `PT30M`; None of anything else."""
    text = text.casefold()
    if found := _MINUTES.fullmatch(text):
        return timedelta(minutes=int(found[1]))
    if found := _CLOCK.fullmatch(text):
        return timedelta(hours=int(found[1]), minutes=int(found[2]))
    if found := _HOURS.fullmatch(text):
        if found[2] and found[3]:  # an hour and a half, and minutes: nobody knows which
            return None
        return timedelta(hours=int(found[1]), minutes=6 * int(found[2] or 0) + int(found[3] or 0))
    if found := _ISO.fullmatch(text):
        return timedelta(hours=int(found[1] or 0), minutes=int(found[2] or 0))
    return None
