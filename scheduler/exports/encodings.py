"""How bytes become text: encodings, and legacy fonts, whose bytes are letters only in their own typeface."""

import codecs
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO

from booking.exchange.errors import ExportUnreadable
from booking.exchange.kinds import UnreadableReason
from scheduler.exports.fonts import from_tcvn3, from_vni

# Longer marks first: that of UTF-32 begins with that of UTF-16.
_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}


@dataclass(frozen=True, slots=True)
class Encoding:
    """A way to write text.

    Attributes:
        codec: Python's codec of the bytes after the mark.
        marks: byte order marks the file may begin with.
        needs_mark: whether a file without one is refused.
        mend: turns decoded text into real letters, where the bytes were those of a legacy font.
    """

    codec: str
    marks: tuple[bytes, ...] = ()
    needs_mark: bool = False
    mend: Callable[[str], str] | None = None


ENCODINGS: dict[str, Encoding] = {
    "utf-8": Encoding("utf-8", (codecs.BOM_UTF8,)),
    "utf-8-sig": Encoding("utf-8", (codecs.BOM_UTF8,)),
    "utf-16": Encoding("utf-16", (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE), needs_mark=True),
    "utf-16-le": Encoding("utf-16-le", (codecs.BOM_UTF16_LE,)),
    "utf-16-be": Encoding("utf-16-be", (codecs.BOM_UTF16_BE,)),
    "utf-32": Encoding("utf-32", (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE), needs_mark=True),
    "windows-1258": Encoding("cp1258"),
    "windows-1252": Encoding("cp1252"),
    "ascii": Encoding("ascii"),
    # Bytes of a legacy font, and the same signs after somebody turned the file into UTF-8 without turning the letters.
    "tcvn3": Encoding("latin-1", mend=from_tcvn3),
    "vni": Encoding("latin-1", mend=from_vni),
    "tcvn3-in-utf-8": Encoding("utf-8", (codecs.BOM_UTF8,), mend=from_tcvn3),
    "vni-in-utf-8": Encoding("utf-8", (codecs.BOM_UTF8,), mend=from_vni),
}


_ALIASES = {"utf8": "utf-8", "utf8sig": "utf-8-sig", "utf16": "utf-16", "utf16le": "utf-16-le", "utf16be": "utf-16-be"}
_ALIASES |= {"utf32": "utf-32", "abc": "tcvn3", "cp1258": "windows-1258", "cp1252": "windows-1252"}


def encoding_named(name: object) -> object:
    """Our name of an encoding however it is spelled (`UTF8`, `utf_16`, `cp1258`); anything else as it came."""
    if not isinstance(name, str):
        return name
    plain = "".join(letter for letter in name.casefold() if letter.isalnum())
    known = {"".join(letter for letter in ours if letter.isalnum()): ours for ours in ENCODINGS} | _ALIASES
    return known.get(plain, name)


def not_decodable(name: str, stream: IO[bytes]) -> ExportUnreadable:
    """What is wrong with a file whose bytes are no text of this encoding, and on which line: it is read once more.

    What has decoded it so far reads ahead, so it knows the place of the byte in its own piece only.
    """
    stream.seek(0)
    text, _ = open_text(name, stream)
    decoder = codecs.getincrementaldecoder(text.encoding)()
    text.detach()
    ends, before = 0, ""
    while True:
        piece = stream.read(1 << 16)
        try:
            found, bad = decoder.decode(piece, final=not piece), False
        except UnicodeDecodeError as error:
            found, bad = bytes(error.object[: error.start]).decode(text.encoding, "ignore"), True
        ends += found.count("\n") + found.count("\r") - found.count("\r\n")
        ends -= before == "\r" and found[:1] == "\n"  # a line end that two pieces share
        before = found[-1:] or before
        if bad or not piece:
            return ExportUnreadable(UnreadableReason.NOT_DECODABLE, encoding=name, line=ends + 1)


def open_text(name: str, stream: IO[bytes]) -> tuple[io.TextIOWrapper, Encoding]:
    """The text after the byte order mark, line ends as written; the stream stands at its begin.

    The wrapper must be detached by whoever owns the stream, or it closes it.

    Raises:
        ExportUnreadable: the file is empty, or its mark says that it is written in another encoding.
    """
    encoding = ENCODINGS[name]
    head = stream.read(4)
    if not head:
        raise ExportUnreadable(UnreadableReason.EMPTY)
    mark = next((mark for mark in _MARKS if head.startswith(mark)), None)
    if mark is not None and mark not in encoding.marks:
        raise ExportUnreadable(UnreadableReason.NOT_DECODABLE, encoding=name, looks_like=_MARKS[mark], byte=0)
    if encoding.needs_mark and mark is None:
        raise ExportUnreadable(UnreadableReason.NO_BYTE_ORDER_MARK, encoding=name)
    codec = encoding.codec
    if encoding.needs_mark and mark is not None:
        codec = _MARKS[mark]  # the mark has said which order; the codec must not look for another one
    stream.seek(len(mark) if mark else 0)
    return io.TextIOWrapper(stream, encoding=codec, newline=""), encoding
