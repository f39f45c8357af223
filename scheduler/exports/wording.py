"""Codes and facts of an export as sentences for the IT officer: what was found, then what to do."""

from collections.abc import Mapping

from booking.exchange.errors import ExportUnreadable
from booking.exchange.kinds import GuardReason, NoteReason, RefusalReason, UnreadableReason
from booking.exchange.rules import Refused
from scheduler.exports.reader import Note

_REFUSALS = {
    RefusalReason.WRONG_WIDTH: "has {cells} cells, the header has {columns}",
    RefusalReason.BAD_START: "start {start!r} is in none of times.formats",
    RefusalReason.NO_ROW_KEY: "starts {start!r} but its id is empty",
    RefusalReason.BROKEN_MESSAGE: "the message cannot be used: {why}",
    RefusalReason.NO_SLIP_NUMBER: "the slip has neither MA_LK nor SO_GIAYHEN_KL",
    RefusalReason.BAD_DUE: "NGAY_HEN_KL {due!r} is no day, or none that a slip may name",
    RefusalReason.BAD_PERSON: "{field} is empty or cannot be anybody's",
    RefusalReason.NO_PAPER_NUMBER: "neither SO_CCCD nor MA_THE_BHYT holds a number that a paper can have",
    RefusalReason.PEOPLE_DIFFER: "table 1 and table 14 name two different people under one MA_LK",
}
_NOTES = {
    NoteReason.BAD_END: "end {end!r} is in none of times.formats; taken as missing",
    NoteReason.END_NOT_AFTER_START: "end {end!r} is not after the start; taken as missing",
    NoteReason.LONG_ROW: "takes {hours} hours",
    NoteReason.DUPLICATE_KEY: "its id stood on line {first_line} already; both count, and closing wins",
    NoteReason.OUTSIDE_COVERAGE: "starts on {day} and lies outside the coverage; applies nothing",
    NoteReason.DATES_MIXED: (
        "from here on {dates} begins are real dates, all on days 1 to 12, and {texts} are texts, none on such a day"
    ),
    NoteReason.NO_TABLE_1: "there is no table 1 with its MA_LK; only the insurance numbers of the slip count",
    NoteReason.REPEATED_SLIP: "its MA_LK stood in record {first_line} already; this one counts",
}
_UNREADABLE = {
    UnreadableReason.CANNOT_OPEN: "The file cannot be opened: {why}.",
    UnreadableReason.EMPTY: "The file is empty.",
    UnreadableReason.TOO_LARGE: "The file has {megabytes} MB; limits.megabytes is {limit}.",
    UnreadableReason.NOT_DECODABLE: "The file is not {encoding} text. See csv.encoding.",
    UnreadableReason.NO_BYTE_ORDER_MARK: "No byte order mark: for csv.encoding write utf-16-le or utf-16-be.",
    UnreadableReason.NUL_BYTE: "A NUL byte stands on line {line}: the file is damaged, or csv.encoding is wrong.",
    UnreadableReason.UNCLOSED_QUOTE: (
        "A quote opened at line {line} never closes: the file is cut off, or csv.quote is wrong."
    ),
    UnreadableReason.BROKEN_QUOTES: "The quotes at line {line} do not fit together. See csv.quote and csv.delimiter.",
    UnreadableReason.TRUNCATED: (
        "Line {line} has no line end: the file is cut off. If this program never ends its last line, "
        'set csv.last_line_end = "optional".'
    ),
    UnreadableReason.WRONG_DELIMITER: "csv.delimiter is {delimiter!r}, but the header looks split by {looks_like!r}.",
    UnreadableReason.NO_HEADER: (
        "The first row ({columns} cells) has no column of the feed. See csv.skip_lines and columns."
    ),
    UnreadableReason.MISSING_COLUMN: "Columns of the feed are missing in the file.",
    UnreadableReason.AMBIGUOUS_COLUMN: "The column {column!r} for {field} stands more than once.",
    UnreadableReason.LINE_TOO_LONG: "Line {line} is longer than limits.line_characters ({limit}).",
    UnreadableReason.FIELD_TOO_LONG: "A cell at line {line} is longer than limits.field_characters ({limit}).",
    UnreadableReason.TOO_MANY_ROWS: "More rows than limits.rows ({limit}).",
    UnreadableReason.WRONG_FORMAT: "The file is no {format}; it looks like {looks_like}. See source.format.",
    UnreadableReason.DAMAGED: "The file is damaged or cut off: {why}.",
    UnreadableReason.CUT_OFF: "The file ends before {what}: it is cut off.",
    UnreadableReason.MISSING_SHEET: "There is no {wanted} in the file. See sheet.name and sheet.number.",
    UnreadableReason.NOT_ALL: "The file says that it is not everything: {why}. Export all pages into one file.",
    UnreadableReason.NOT_A_FILE: "It is {why} and no plain file; it was not opened. Hand in the file itself.",
    UnreadableReason.TOOK_TOO_LONG: (
        "Reading was stopped after {seconds} seconds: the file is damaged or made to do harm. Look where it comes from."
    ),
    UnreadableReason.TOO_MUCH_MEMORY: (
        "Reading was stopped at {megabytes} MB of memory: a small file that unpacks into a huge one, or far more data "
        "than an export has. Look where it comes from."
    ),
    UnreadableReason.READER_FAILED: (
        "The reader failed ({why}): the file is not as its format wants it, or the reader has a fault. "
        "Export again; if it stays so, report it with the feed file."
    ),
    UnreadableReason.READER_DIED: (
        "The reader came to an end in the middle of the file ({why}): the file is damaged or made to do harm. "
        "Look where it comes from, then report it with the feed file."
    ),
    UnreadableReason.NOT_CONFINED: (
        "Files of the format {format} are read only where a process can be kept off the network, which this machine "
        'does not allow. See "Broken and hostile files" in docs/feeds.md.'
    ),
    UnreadableReason.OWN_ENTITIES: (
        "The file declares a document type or entities of its own, which no export needs: it is made to do harm, or "
        "another kind of file. Look where it comes from."
    ),
    UnreadableReason.OTHER_HOSPITAL: (
        "The file is of another hospital: MA_CSKCB is {found!r} in record {line}, slips.hospital of the feed is "
        "{expected}."
    ),
}
_BEFORE = " In the last file it was {before} of {of_before}."
_GUARDS = {
    GuardReason.ROWS_SHRANK: "{rows} of {of} rows of the last file are gone. Was a filter or a row limit left on?",
    GuardReason.DAYS_MISSING: "Days of the last file are missing: {days}. Was a filter or a row limit left on?",
    GuardReason.RESOURCES_MISSING: (
        "No row is left of {resources}, though the last file had some to come. Was a filter left on?"
    ),
    GuardReason.COVERAGE_SHORT: "The rows end on {last}, before {until}. Was the period cut short?",
    GuardReason.UNMAPPED_RESOURCES: (
        "{rows} of {of} rows belong to resources that the feed does not map. Are several doctors named in one cell? "
        "Then see resource_key.separator."
    ),
    GuardReason.MANY_REFUSED: "{rows} of {of} rows cannot be used.",
    GuardReason.WITHOUT_RESOURCE: (
        "{rows} of {of} rows have a time and no doctor, so they close nothing. Does the doctor stand only once above a "
        "group of rows, or in merged cells? Then let each row name the doctor. Was a column left out?"
    ),
    GuardReason.WITHOUT_START: (
        "{rows} of {of} rows name a doctor and no start, so they close nothing. Does the date stand only once above a "
        "group of rows? Was a column left out?"
    ),
    GuardReason.BAD_ENDS: (
        "Of {rows} of {of} rows the end cannot be used, so each is taken to be as long as one visit of its session. "
        "Longer visits would be sold at their tail: add the format of the end to times.formats, or leave the column "
        "out if it never says anything."
    ),
    GuardReason.CAME_BEFORE: (
        "A file with exactly this content was applied on {applied}, and another one since. Is it an old export?"
    ),
    GuardReason.MANY_OPENINGS: "{slots} of the {of} times that are closed would open at once.",
    GuardReason.WRITTEN_BEFORE: (
        "The file was last changed on {written}, before the file that was applied last ({newest}): an old export that "
        "came late. Export again."
    ),
    GuardReason.NOTHING_READ: "None of {of} rows can be used.",
    GuardReason.OUTSIDE_PERIOD: "{rows} of {of} rows lie outside the coverage. Day and month swapped? An old file?",
    GuardReason.OUTSIDE_HOURS: "{rows} of {of} rows start outside the sessions' hours. Is times.zone right?",
    GuardReason.DATES_SWAPPED: (
        "{rows} begins are real dates and all lie on days 1 to 12, the others are texts and none does: a program that "
        "writes the month first opened this file, and swapped day and month of the real dates. Export again, and do "
        "not open the file in between."
    ),
    GuardReason.MANY_CLOSINGS: (
        "{slots} of the {of} times that the last file left open would close at once. "
        "Have the words of the states changed?"
    ),
}


def harmless(line: str) -> str:
    """A line for a screen: what would steer a terminal is shown and not done."""
    return "".join(sign if sign.isprintable() or sign == "\t" else "\ufffd" for sign in line)


def explain_refusal(row: Refused) -> str:
    """Such as `line 12: start '31/02/2026' is in none of times.formats`."""
    return f"line {row.line}: {_REFUSALS[row.reason].format(**row.facts)}"


def explain_note(row: Note) -> str:
    """Such as `line 12: takes 25 hours`."""
    return f"line {row.line}: {_NOTES[row.reason].format(**row.facts)}"


def explain_guard(reason: GuardReason, facts: Mapping[str, object]) -> str:
    """What a guard saw."""
    told = _GUARDS[reason].format(**facts)
    return told + _BEFORE.format(**facts) if "before" in facts else told


def explain_unreadable(error: ExportUnreadable) -> str:
    """What is wrong with the file, one line per missing column."""
    lines = [_UNREADABLE[error.reason].format(**error.facts)]
    if looks_like := error.facts.get("looks_like"):
        lines += [f"It looks like {looks_like}."] if error.reason is UnreadableReason.NOT_DECODABLE else []
    if error.reason is UnreadableReason.NOT_DECODABLE and "line" in error.facts:
        lines.append(f"Line {error.facts['line']} holds bytes that are none.")
    missing, nearest = error.facts.get("missing"), error.facts.get("nearest")
    if isinstance(missing, Mapping) and isinstance(nearest, Mapping):
        for name, aliases in missing.items():
            guess = f"; nearest here: {nearest[name]!r}" if name in nearest else ""
            lines.append(f"columns.{name}: none of {', '.join(map(repr, aliases))}{guess}")
    header = error.facts.get("header")
    if isinstance(header, list):
        lines.append(f"The header is: {', '.join(map(repr, header))}")
    return "\n".join(lines)
