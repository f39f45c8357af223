"""Reading what a hospital's software answers: HL7 acknowledgements, or a table. Pure: bytes in, answers out.

Nobody knows who wrote the bytes. They are short texts, split and compared; nothing in them is run, unpacked or looked
up, and what is longer than an answer can be is refused before it is split.
"""

import csv
import io
import re
from collections.abc import Iterator
from typing import Final

from booking.exchange.outgoing.answering import LONGEST_REASON, Said
from booking.text import clean
from scheduler.exports.feed import folded
from scheduler.exports.hl7_message import BrokenMessageError, Message, message_of
from scheduler.outgoing.terms import AnswerColumns, Answers

LARGEST: Final = 5_000_000
MOST: Final = 50_000
_CONTROL: Final = re.compile(r"(\d{6,9})-(\d{6,9})")
_NUMBER: Final = re.compile(r"(?:^|\D)(\d{1,9})(?:\D|$)")
_NUMBERED: Final = re.compile(r"-(\d{6,9})-(?:full|changes)\b")
_OURS: Final = 64


class UnreadableAnswers(ValueError):
    """The file holds no answers; the message says why, for a person."""


def read(answers: Answers, data: bytes) -> list[Said]:
    """The answers of a file, in its order.

    Raises:
        UnreadableAnswers: nothing of it counts.
    """
    if len(data) > LARGEST:
        raise UnreadableAnswers(f"it is larger than {LARGEST // 1_000_000} MB")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableAnswers(f"it is not UTF-8 text (byte {error.start})") from error
    if "\0" in text:
        raise UnreadableAnswers("it holds a zero byte")
    found = list(_of_hl7(answers, text) if answers.format == "hl7" else _of_table(answers, text))
    if len(found) > MOST:
        raise UnreadableAnswers(f"it has more than {MOST} answers")
    if not found:
        raise UnreadableAnswers("there is no answer in it")
    return found


def _of_hl7(answers: Answers, text: str) -> Iterator[Said]:
    """MSA says which message and whether it was taken; ERR says why not."""
    accepted = {folded(word) for word in answers.accepted}
    for message in _messages(text):
        code, control = message.at("MSA-1"), _CONTROL.fullmatch(message.at("MSA-2").strip())
        if message.first("MSA") is None:
            continue
        if control is None:  # a name for no message of ours: counted, so that somebody sees it
            yield Said(accepted=False, code=message.at("MSA-2").strip()[:_OURS] or "?")
            continue
        yield Said(
            accepted=folded(code) in accepted, reason=_reason(message), number=int(control[1]), position=int(control[2])
        )


def _messages(text: str) -> Iterator[Message]:
    ends = text.replace("\x0b", "").replace("\x1c", "\r").replace("\r\n", "\r").replace("\n", "\r")
    current: list[str] = []
    begun = 0
    for line, segment in enumerate([*ends.split("\r"), "MSH"], 1):
        if segment.startswith("MSH"):
            if current:
                yield _message(begun, current)
            current, begun = ([segment], line) if len(segment) > len("MSH") else ([], line)
        elif current and segment.strip() and segment[:3] not in ("FHS", "BHS", "BTS", "FTS"):
            current.append(segment)


def _message(line: int, segments: list[str]) -> Message:
    try:
        return message_of(line, segments)
    except BrokenMessageError as error:
        raise UnreadableAnswers(f"line {line}: {error}") from error


_WHY: Final = ("ERR-8", "ERR-7", "ERR-3.2", "MSA-3", "ERR-3.5", "ERR-3.1", "ERR-1.4")
"""Where a reason stands, the plainest first."""


def _reason(message: Message) -> str:
    said = next((text for place in _WHY if (text := clean(message.at(place)))), "")
    return (said or message.at("MSA-1"))[:LONGEST_REASON]


def _of_table(answers: Answers, text: str) -> Iterator[Said]:
    columns = answers.columns
    assert columns is not None, "the terms say so"
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=answers.delimiter, strict=True))
    except csv.Error as error:
        raise UnreadableAnswers(f"its quotes are broken: {error}") from error
    rows = [row for row in rows if any(cell.strip() for cell in row)]
    if not rows:
        return
    places = _places(columns, rows[0])
    accepted = {folded(word) for word in answers.accepted}
    for row in rows[1:]:
        cells = {name: clean(row[place]) if place < len(row) else "" for name, place in places.items()}
        if cells["code"]:
            yield Said(
                accepted=folded(cells["state"]) in accepted, reason=cells.get("reason") or cells["state"],
                number=_number(cells.get("number", "")), code=cells["code"].lstrip("'")[:_OURS],
            )  # fmt: skip


def _places(columns: AnswerColumns, header: list[str]) -> dict[str, int]:
    names = [folded(cell) for cell in header]
    places: dict[str, int] = {}
    for field in type(columns).model_fields:
        aliases = getattr(columns, field)
        if aliases is None:
            continue
        found = next((names.index(folded(alias)) for alias in aliases if folded(alias) in names), None)
        if found is None:
            raise UnreadableAnswers(f"answers.columns.{field}: no column is called {' or '.join(aliases)}")
        places[field] = found
    return places


def _number(text: str) -> int | None:
    """The number of our file, from a number or from the file's name."""
    found = _NUMBERED.search(text) or _NUMBER.search(text)
    return int(found[1]) if found is not None else None
