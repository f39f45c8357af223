"""What a file looks like by its first bytes, for whoever named another format."""

import re
from typing import BinaryIO

_BEGINS: tuple[tuple[bytes, str], ...] = (
    (b"PK\x03\x04", "xlsx"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old binary workbook (.xls); save it as .xlsx"),
    (b"%PDF", "a PDF"),
    (b"MSH|", "hl7"),
    (b"FHS|", "hl7"),
    (b"\x0bMSH|", "hl7"),
    (b"BEGIN:VCALENDAR", "ical"),
    (b"<?xml", "XML"),
    (b"{", "JSON"),
)
_HEAD = 2000
_SHEET = re.compile(rb"<(?:[a-z]+:)?workbook[\s>]")
ROOT = b"<GIAMDINHHS"
"""How the national insurance XML begins, behind its declaration."""


def _letters(head: bytes) -> bytes:
    """The begin of a markup in small letters, without the mark and the zeros of UTF-16; nothing of other files."""
    bare = head.removeprefix(b"\xff\xfe").removeprefix(b"\xfe\xff").replace(b"\0", b"").lower()
    return bare if bare.startswith(b"<") else b""


def may_be_markup(stream: BinaryIO) -> bool:
    """Whether a file is blank or begins as markup does, whole or cut off; the stream stands at its begin again."""
    stream.seek(0)
    head = stream.read(_HEAD)
    stream.seek(0)
    bare = head.removeprefix(b"\xef\xbb\xbf").strip()
    return not bare or bool(_letters(bare))


def looks_like(stream: BinaryIO) -> str:
    """A word for it; the stream stands at its begin again."""
    stream.seek(0)
    head = stream.read(_HEAD)
    stream.seek(0)
    plain = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if ROOT.lower() in _letters(plain):
        return "xml130"
    if _SHEET.search(_letters(plain)):
        return "an old workbook written as XML (SpreadsheetML); save it as .xlsx"
    for begin, word in _BEGINS:
        if plain.startswith(begin) or head.startswith(begin):
            return word
    low = plain.lower()
    return "html" if b"<table" in low or b"<html" in low else "text"
