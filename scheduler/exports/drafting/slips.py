"""A feed of re-examination slips: the format says where everything stands, the file whose hospital's it is.

No word of a person or of an illness is looked at: codes of hospitals and departments are, and counts.
"""

import re
from collections import Counter
from collections.abc import Mapping
from datetime import date
from io import BytesIO
from typing import Final

from booking.exchange.errors import ExportUnreadable, FeedError
from scheduler.exports import read_export
from scheduler.exports.drafting.finding import CannotTellError, Findings
from scheduler.exports.drafting.writing import comment, entry, head, toml
from scheduler.exports.feed_file import parse_any, parse_as
from scheduler.exports.reader import Record
from scheduler.exports.slip_checking import collect
from scheduler.exports.slip_feed import SlipFeed
from scheduler.exports.xml130_reader import Xml130Reader

_KEYS: Final = ("code", "facility")
_LISTED: Final = 30
_CODE: Final = re.compile(r"[A-Za-z]{0,3}[0-9]{1,5}(\.[0-9]{1,2})?")
"""A code of a hospital or a department: too short to be a number of a person."""
_SKELETON: Final = (
    'code = "draft"\nfacility = "draft"\n[source]\nformat = "xml130"\npattern = "*.xml"\n[slips]\nhospital = {}\n'
)


def draft(data: bytes, today: date, findings: Findings, says: Mapping[str, str]) -> tuple[str, tuple[str, ...]]:
    """The feed as TOML, and the keys that are to be filled in.

    Raises:
        CannotTellError: the file cannot be read, or holds no slip.
    """
    records = _records(data, today)
    _hospital(records, findings)
    for key in _KEYS:
        if key in says:
            findings.say(key, says[key], "as you said")
    said = (one.strip() for record in records for one in record.cells.get("person.MA_KHOA", "").split(";"))
    departments = Counter(one for one in said if _CODE.fullmatch(one))
    filled = sum(bool(record.cells.get("slip.DU_PHONG", "").strip()) for record in records)
    _read_back(data, today, findings)
    untold = tuple(key for key, guess in findings.keys.items() if not guess.told)
    text = "\n".join(_lines(findings, untold, departments, (filled, len(records)))) + "\n"
    if not untold:
        try:
            parse_any(text)
        except FeedError as error:
            return text, tuple(error.problems)
    return text, untold


def _records(data: bytes, today: date) -> list[Record]:
    try:
        found = list(Xml130Reader().records(parse_as(SlipFeed, _SKELETON.format('"00000"')), BytesIO(data), today))
    except ExportUnreadable as error:
        raise CannotTellError(f"its reader refuses it: {error.reason.value}") from error
    records = [one for one in found if isinstance(one, Record)]
    if not records:
        raise CannotTellError("no re-examination slip (XML14) is in it; take a day on which patients were asked back")
    return records


def _hospital(records: list[Record], findings: Findings) -> None:
    """Whose file it is: the one code that stands in every place that names a hospital."""
    places = ("slip.MA_CSKCB", "person.MA_CSKCB", "MACSKCB")
    said = (record.cells.get(place, "").strip() for record in records for place in places)
    codes = {code for code in said if _CODE.fullmatch(code)}
    named = sorted(codes)
    if len(named) == 1:
        findings.say("slips.hospital", named[0], f"the only MA_CSKCB of {len(records)} slips and of the envelope")
    else:
        why = (
            "no MA_CSKCB stands in it" if not named else f"{len(named)} different MA_CSKCB stand in it: which is yours?"
        )
        findings.ask("slips.hospital", named[:_LISTED], why)


def _read_back(data: bytes, today: date, findings: Findings) -> None:
    """Read the file by what was told, as a proof."""
    guess = findings.keys["slips.hospital"]
    if not guess.told:
        return
    try:
        feed = parse_as(SlipFeed, _SKELETON.format(toml(guess.value)))
        _, report = collect(feed, read_export(feed, BytesIO(data), today=today))
    except (FeedError, ExportUnreadable) as error:
        why = error.reason.value if isinstance(error, ExportUnreadable) else "; ".join(error.problems)
        findings.ask("slips.hospital", [guess.value], f"read by this draft, the file is refused: {why}")
        return
    refused = ", ".join(f"{reason} {count}" for reason, count in report.refused.items()) or "none"
    findings.notes.append(f"read by this draft: {report.read} slips can be used; refused: {refused}")


def _lines(
    findings: Findings, untold: tuple[str, ...], departments: Counter[str], cancelled: tuple[int, int]
) -> list[str]:
    lines = [*head(untold), ""]
    for section in ("", "source", "slips"):
        lines += ["", f"[{section}]"] if section else []
        for key, guess in findings.keys.items():
            if key.rpartition(".")[0] == section:
                lines += entry(key.rpartition(".")[2], guess)
    lines += [
        comment("A slip is good from 3 days before its day to 10 after it, unless the hospital keeps to other days:"),
        "# days_before = 3", "# days_after = 10",
    ]  # fmt: skip
    filled, count = cancelled
    if filled:
        lines.append(
            comment(f"DU_PHONG is filled in {filled} of {count} slips. If a word there takes a slip back, name it:")
        )
        lines.append('# cancelled = ["..."]')
    if departments:
        lines += ["", comment("What to book for whom, by MA_KHOA of table 1; without it she chooses herself.")]
        lines += ["# [slips.departments]"]
        lines += [f'# {code} = "..."  # {rows} slips' for code, rows in departments.most_common(_LISTED)]
    if findings.notes:
        lines += ["", "# Seen besides:", *(comment(note) for note in findings.notes)]
    return lines
