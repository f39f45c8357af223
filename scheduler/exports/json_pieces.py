"""A JSON text read piece by piece: what is larger than memory allows is an object or a list, and those are walked.

The pieces themselves are read by Python's own parser; here stands only which bytes it is given.
"""

import json
import re
from collections.abc import Iterator
from typing import IO, Any, Final

from booking.exchange.errors import ExportUnreadable
from booking.exchange.kinds import UnreadableReason

_CHUNK: Final = 65_536
_LONGEST_WORD: Final = 16
"""Signs by which a value may be cut so that the parser takes it for wrong: `-Infinity`, an escape of two halves."""
_TAIL: Final = 2
"""Signs behind a number that may be part of it: `e+`."""
_SPACES: Final = re.compile(r"[ \t\n\r]*")
_DECODER: Final = json.JSONDecoder()


class JsonPieces:
    """Values one after the other. Whoever walks a list or an object takes each value before asking for the next."""

    def __init__(self, text: IO[str], begun: str = "", line: int = 1) -> None:
        self._text, self._held, self._at = text, begun, 0
        self._line = line  # at which what is held begins
        self._over = False

    def sign(self) -> str:
        """The next sign that is no space; it stays. Empty at the end of the text."""
        while True:
            found = _SPACES.match(self._held, self._at)
            self._at = found.end() if found is not None else self._at
            if self._at < len(self._held):
                return self._held[self._at]
            if not self._more():
                return ""

    def value(self) -> Any:
        """The next value, whole.

        Raises:
            ExportUnreadable: it is cut off, or no JSON.
        """
        self.sign()
        while True:
            try:
                found, end = _DECODER.raw_decode(self._held, self._at)
            except json.JSONDecodeError as error:
                if not (_perhaps_cut(error, len(self._held)) and self._more()):
                    raise self._broken(error) from error
            except (ValueError, RecursionError) as error:
                raise self.damaged() from error
            else:
                if not self._may_go_on(found, end) or not self._more():
                    self._at = end
                    return found

    def members(self) -> Iterator[str]:
        """Keys of the object that begins here."""
        self._take("{")
        if self.sign() == "}":
            self._take("}")
            return
        while True:
            if self.sign() != '"':
                raise self.damaged() if self.sign() else _cut_off()
            key = self.value()
            self._take(":")
            yield key
            if self._take(",}") == "}":
                return

    def elements(self) -> Iterator[Any]:
        """Values of the list that begins here."""
        self._take("[")
        if self.sign() == "]":
            self._take("]")
            return
        while True:
            yield self.value()
            if self._take(",]") == "]":
                return

    def rest(self) -> Iterator[str]:
        """The lines that follow, as they are."""
        *lines, last = self._held[self._at :].split("\n")
        yield from lines
        yield last + self._text.readline()
        for line in self._text:  # noqa: UP028  `yield from` closes what it was reading
            yield line

    @property
    def line(self) -> int:
        """The line that is being read, from 1."""
        return self._line + self._held.count("\n", 0, self._at)

    def damaged(self) -> ExportUnreadable:
        """What is here is no JSON."""
        return ExportUnreadable(UnreadableReason.DAMAGED, why=f"no JSON at line {self.line}")

    def _may_go_on(self, found: object, end: int) -> bool:
        """Whether this is the begin of a number: of `1.5` the parser takes the `1` where no more is there."""
        rest = self._held[end : end + _TAIL + 1]
        return isinstance(found, int | float) and len(rest) <= _TAIL and not rest.strip("0123456789.eE+-")

    def _take(self, signs: str) -> str:
        found = self.sign()
        if not found:
            raise _cut_off()
        if found not in signs:
            raise self.damaged()
        self._at += 1
        return found

    def _more(self) -> bool:
        """Read on, several times what a piece has already: else a long one were read anew for each chunk."""
        if self._over:
            return False
        self._line = self.line
        rest = self._held[self._at :]
        read = self._text.read(max(_CHUNK, 7 * len(rest)))
        self._held, self._at, self._over = rest + read, 0, not read
        return bool(read)

    def _broken(self, error: json.JSONDecodeError) -> ExportUnreadable:
        if self._over and (error.pos >= len(self._held.rstrip()) or error.msg.startswith("Unterminated string")):
            return _cut_off()
        at = self._line + error.lineno - 1
        return ExportUnreadable(UnreadableReason.DAMAGED, why=f"no JSON at line {at}")


def _perhaps_cut(error: json.JSONDecodeError, length: int) -> bool:
    return error.pos >= length - _LONGEST_WORD or error.msg.startswith("Unterminated string")


def _cut_off() -> ExportUnreadable:
    return ExportUnreadable(UnreadableReason.CUT_OFF, what="the end of its JSON")
