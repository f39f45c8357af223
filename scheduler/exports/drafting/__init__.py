"""From a hospital's file to a proposed feed: what the file tells, why, and what it does not tell.

Belongs here: looking at a file nobody has described yet. Does not: reading by a feed (the readers beside this folder).
No value of a patient is kept in a draft: it holds headers, words of states and names of those who examine.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from io import BytesIO
from pathlib import PurePath
from typing import Final

from booking.exchange.errors import ExportUnreadable, FeedError
from scheduler.exports import read_export
from scheduler.exports.checking import collect
from scheduler.exports.drafting import messages, sample, slips
from scheduler.exports.drafting.columns import Chooser
from scheduler.exports.drafting.finding import FILL_IN, CannotTellError, Findings, Table
from scheduler.exports.drafting.naming import LISTED, Resource, resources_of, say_states
from scheduler.exports.drafting.picking import Picked
from scheduler.exports.drafting.times_of import ask_coverage, say_formats, say_zone
from scheduler.exports.drafting.writing import plainly, written
from scheduler.exports.feed_file import parse_feed
from scheduler.exports.slip_feed import FORMAT

__all__ = ["FILL_IN", "CannotTellError", "Draft", "Wishes", "draft"]

_LARGEST: Final = 64_000_000  # bytes, as limits.megabytes
_MANY: Final = 0.05
_ABSENCE: Final = (
    "the file cannot tell. busy_list: it lists what is taken, and what is gone may still be taken; change_feed: it",
    "tells what changed since the file before; full_snapshot: it is all there is for a period, and [coverage] says",
    "which; free_list: it lists free times",
)


@dataclass(frozen=True, slots=True)
class Wishes:
    """What whoever asks knows better than the file.

    Attributes:
        says: keys and values to take as they are, such as `code`, `facility`, `times.zone`, `absence.meaning`.
        ours: codes and names of our practitioners and rooms.
    """

    says: Mapping[str, str] = field(default_factory=dict)
    ours: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class Draft:
    """A proposed feed.

    Attributes:
        text: TOML with comments.
        untold: keys that somebody has to fill in; empty when the feed is complete.
        findings: every key with its evidence.
        resources: who examines, as the file names them.
        complete: nothing is to be filled in, and the text is a feed.
    """

    text: str
    untold: tuple[str, ...]
    findings: Findings
    resources: tuple[Resource, ...]
    complete: bool


def draft(data: bytes, name: str, *, today: date, wishes: Wishes | None = None) -> Draft:
    """What a file tells of the feed that would read it.

    Args:
        data: the file.
        name: of it, only for the pattern.
        today: the local day; dates far from it are no appointments.
        wishes: what is known already.

    Raises:
        CannotTellError: nothing can be proposed.
    """
    wishes = wishes or Wishes()
    if len(data) > _LARGEST:
        raise CannotTellError("it is larger than 64 MB")
    if not data.strip():
        raise CannotTellError("it is empty")
    findings = Findings()
    findings.ask("code", [], "a name of the feed, yours to choose: letters, digits, - _ .")
    findings.ask("facility", [], "our code of the facility, such as BVVT")
    kind = sample.kind_of(BytesIO(data))
    findings.say("source.format", kind, "by its content")
    findings.say("source.pattern", _pattern(name))
    if kind == FORMAT:
        text, untold = slips.draft(data, today, findings, wishes.says)
        return Draft(text, untold, findings, (), complete=not untold)
    table, picked, formats = _looked_at(kind, data, today, findings)
    say_states(table, picked, messages.STATES.get(kind, {}), findings)
    findings.ask("absence.meaning", ("busy_list", "change_feed", "full_snapshot", "free_list"), *_ABSENCE)
    for key, value in wishes.says.items():
        findings.say(key, value, "as you said")
    ask_coverage(table, picked.places, formats, today, findings)
    resources = resources_of(table, picked, formats, today, wishes.ours) if picked.ways else []
    if len(resources) == LISTED:
        findings.notes.append(f"only the {LISTED} busiest of those who examine are listed")
    _read_back(findings, resources, data, today)
    return _finished(findings, resources)


def _looked_at(kind: str, data: bytes, today: date, findings: Findings) -> tuple[Table, Picked, list[str]]:
    if kind in ("hl7", "fhir", "ical"):
        table, picked = messages.read(kind, data, today, findings)
        found = findings.keys["times.formats"].value
        return table, picked, list(found) if isinstance(found, list) else []
    if kind == "csv":
        table = sample.from_text(data, findings)
    elif kind == "xlsx":
        table = sample.from_sheets(BytesIO(data), kind, "utf-8", findings)
    else:
        table = sample.from_page(data, findings)
    picked = Chooser(table, today, findings).choose()
    formats = say_formats(table, picked.places, today, findings)
    say_zone(table, picked.places, formats, today, findings)
    return table, picked, formats


def _pattern(name: str) -> str:
    suffix = PurePath(name).suffix.lower()
    return f"*{suffix}" if 1 < len(suffix) <= 7 and suffix[1:].isalnum() and suffix.isascii() else "*"  # noqa: PLR2004


def _finished(findings: Findings, resources: Sequence[Resource]) -> Draft:
    untold = [key for key, guess in findings.keys.items() if not guess.told]
    unmapped = sum(each.ours == FILL_IN for each in resources)
    if unmapped or not resources:
        untold.append(f"our codes of {unmapped or 'all'} resources")
    if lengths := sum(each.minutes is None for each in resources):
        untold.append(f"slot_minutes of {lengths} resources")
    codes = [each.ours for each in resources if each.ours != FILL_IN]
    if len(set(codes)) != len(codes):
        untold.append("resources: one of ours stands twice")
    if (
        findings.keys["absence.meaning"].value in ("full_snapshot", "free_list")
        and "coverage.days_ahead" not in findings.keys
    ):
        untold.append("coverage")
    text = written(findings, resources, untold)
    if not untold:
        try:
            parse_feed(text)
        except FeedError as error:
            untold = list(error.problems)
            text = written(findings, resources, untold)
    return Draft(text, tuple(untold), findings, tuple(resources), complete=not untold)


def _read_back(findings: Findings, resources: Sequence[Resource], data: bytes, today: date) -> None:
    """Read the file by what was told, as a proof; what the proof refuses is asked after all."""
    values = {key: guess.value for key, guess in findings.keys.items() if guess.told and not key.startswith("absence")}
    if "times.formats" not in values or not resources or not {"columns.start", "columns.start_date"} & set(values):
        return
    for key, value in {"code": "draft", "facility": "draft", "times.zone": "Asia/Ho_Chi_Minh"}.items():
        values.setdefault(key, value)
    values["absence.meaning"] = "busy_list"
    values = {key: value for key, value in values.items() if not key.startswith("coverage")}
    if "csv.last_line_end" not in values and findings.keys.get("csv.last_line_end"):
        values["csv.last_line_end"] = "optional"
    try:
        feed = parse_feed(plainly(values, [each.key for each in resources]))
        _, report = collect(feed, read_export(feed, BytesIO(data), today=today), today=today)
    except (FeedError, ExportUnreadable) as error:
        why = error.reason.value if isinstance(error, ExportUnreadable) else "; ".join(error.problems)
        findings.ask("columns.start", [], f"read by this draft, the file is refused: {why}")
        return
    refused, notes = sum(report.refused.values()), sum(report.notes.values())
    findings.notes.append(f"read by this draft: {report.read} rows are used, {refused} refused, {notes} noted as odd")
    if without := report.signs.without_resource:
        findings.notes.append(f"of all rows {without} have a time and nobody who examines: they close nothing")
    ends = report.notes.get("end_not_after_start", 0) + report.notes.get("bad_end", 0)
    if ends > _MANY * max(report.read, 1):
        field_name = next(
            (key for key in ("columns.end", "columns.end_time", "columns.duration") if key in findings.keys),
            "columns.end",
        )
        findings.ask(field_name, [], f"{ends} of {report.read} ends are not after the begin, or cannot be read")
