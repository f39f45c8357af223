"""Which column holds which field: by name, never by position."""

from collections import Counter
from collections.abc import Mapping, Sequence
from difflib import get_close_matches

from booking.exchange.errors import ExportUnreadable
from booking.exchange.kinds import UnreadableReason
from scheduler.exports.feed import folded

_QUOTED_COLUMNS = 60
_QUOTED_CHARACTERS = 60


def locate(header: Sequence[str], aliases: Mapping[str, tuple[str, ...]]) -> dict[str, int]:
    """Field to column number.

    Raises:
        ExportUnreadable: a field's column is missing, stands twice, or nothing here looks like a header.
    """
    names = [folded(cell) for cell in header]
    counts = Counter(names)
    places: dict[str, int] = {}
    missing: dict[str, tuple[str, ...]] = {}
    for name, wanted in aliases.items():
        found = next((alias for alias in map(folded, wanted) if alias in counts), None)
        if found is None:
            missing[name] = wanted
        elif counts[found] > 1:
            raise ExportUnreadable(UnreadableReason.AMBIGUOUS_COLUMN, field=name, column=header[names.index(found)])
        else:
            places[name] = names.index(found)
    if missing:
        raise _missing(header, names, missing, any_found=bool(places))
    return places


def recognised(header: Sequence[str], aliases: Mapping[str, tuple[str, ...]]) -> int:
    """How many fields a header would serve."""
    names = {folded(cell) for cell in header}
    return sum(any(folded(alias) in names for alias in wanted) for wanted in aliases.values())


def _missing(
    header: Sequence[str], names: list[str], missing: Mapping[str, tuple[str, ...]], *, any_found: bool
) -> ExportUnreadable:
    """Says what was looked for and what is there instead.

    The whole header is quoted only when part of it was recognised: in a file without one, the first row is a patient.
    """
    nearest: dict[str, str] = {}
    for name, wanted in missing.items():
        for alias in wanted:
            close = get_close_matches(folded(alias), names, n=1, cutoff=0.7)
            if close and name not in nearest:
                nearest[name] = header[names.index(close[0])][:_QUOTED_CHARACTERS]
    facts: dict[str, object] = {"missing": {name: list(wanted) for name, wanted in missing.items()}, "nearest": nearest}
    if any_found:
        facts["header"] = [cell[:_QUOTED_CHARACTERS] for cell in header[:_QUOTED_COLUMNS]]
        return ExportUnreadable(UnreadableReason.MISSING_COLUMN, **facts)
    return ExportUnreadable(UnreadableReason.NO_HEADER, columns=len(header), **facts)
