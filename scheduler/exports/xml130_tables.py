"""The inside of one table of the national insurance XML: rows, and of each row only the columns that are named here.

Nothing else is kept for as long as a moment: the text of other elements is not collected, and tables that are not
named are not even decoded.
"""

import binascii
from collections.abc import Callable, Mapping
from typing import Any, Final
from xml.parsers import expat

from booking.exchange.errors import ExportUnreadable
from booking.exchange.kinds import UnreadableReason

VISIT: Final = "MA_LK"
"""Names one visit at one hospital: what joins the tables of a file."""

PERSON: Final = frozenset({VISIT, "HO_TEN", "SO_CCCD", "NGAY_SINH", "MA_THE_BHYT", "MA_KHOA", "MA_CSKCB"})
"""What is read of table 1."""

SLIP: Final = frozenset(
    {VISIT, "SO_GIAYHEN_KL", "MA_CSKCB", "HO_TEN", "NGAY_SINH", "MA_THE_BHYT", "NGAY_HEN_KL", "DU_PHONG"}
)
"""What is read of table 14. Its diagnoses are not."""

TABLES: Final[Mapping[str, frozenset[str]]] = {"XML1": PERSON, "XML14": SLIP}
"""The tables that are opened, by LOAIHOSO."""

DEEPEST: Final = 30
_CUT_OFF: Final = frozenset({
    expat.errors.codes[text]
    for text in (
        expat.errors.XML_ERROR_NO_ELEMENTS, expat.errors.XML_ERROR_UNCLOSED_TOKEN, expat.errors.XML_ERROR_PARTIAL_CHAR,
        expat.errors.XML_ERROR_UNCLOSED_CDATA_SECTION,
    )
})  # fmt: skip
_BLANK: Final = b" \t\r\n"

Row = dict[str, str]


def damaged(why: str) -> ExportUnreadable:
    """A file that is not what it should be."""
    return ExportUnreadable(UnreadableReason.DAMAGED, why=why)


def parser(target: Any, encoding: str | None = None) -> expat.XMLParserType:
    """A parser that hands elements and text to a target, and refuses a document type and entities of any kind."""
    made = expat.ParserCreate(encoding)
    made.buffer_text = True
    made.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
    made.StartElementHandler = target.start
    made.EndElementHandler = target.end
    made.CharacterDataHandler = target.text
    for handler in (
        "StartDoctypeDeclHandler", "EntityDeclHandler", "ExternalEntityRefHandler", "UnparsedEntityDeclHandler",
        "NotationDeclHandler", "ElementDeclHandler", "AttlistDeclHandler", "SkippedEntityHandler",
    ):  # fmt: skip
        setattr(made, handler, _refuse)
    return made


def _refuse(*_told: object) -> int:
    raise ExportUnreadable(UnreadableReason.OWN_ENTITIES)


def parse(made: expat.XMLParserType, chunk: bytes, *, last: bool, what: str) -> None:
    """Parse a piece.

    Raises:
        ExportUnreadable: it is no XML; cut off where only its end is missing.
    """
    try:
        made.Parse(chunk, last)
    except expat.ExpatError as error:
        if last and error.code in _CUT_OFF:
            raise ExportUnreadable(UnreadableReason.CUT_OFF, what=f"the end of {what}") from error
        raise damaged(f"{what} is no XML at its line {error.lineno}") from error
    except (LookupError, ValueError) as error:  # an encoding that nobody knows, or that parsers cannot take
        raise damaged(f"{what} is in an encoding that cannot be read") from error


class Rows:
    """Elements of a table on their way: hands on a row whenever an element ends that held the key of a visit."""

    def __init__(self, wanted: frozenset[str], longest: int, number: int, found: Callable[[Row], None]) -> None:
        self._wanted = {name: name for name in wanted}  # one string for all rows
        self._longest, self._number, self._found = longest, number, found
        self._rows: list[Row] = []
        self._name: str | None = None
        self._parts: list[str] = []
        self._length = 0

    def start(self, name: str, _attributes: Mapping[str, str]) -> None:
        """An element begins."""
        if len(self._rows) >= DEEPEST:
            raise damaged("its elements are nested too deeply")
        self._rows.append({})
        self._name = self._wanted.get(plain(name))
        self._parts, self._length = [], 0

    def text(self, text: str) -> None:
        """Text of an element: of one that is not wanted it is gone at once."""
        if self._name is None:
            return
        self._length += len(text)
        if self._length > self._longest:
            raise ExportUnreadable(UnreadableReason.FIELD_TOO_LONG, line=self._number, limit=self._longest)
        self._parts.append(text)

    def end(self, name: str) -> None:
        """An element ends: a column of the row around it, or a row."""
        row = self._rows.pop()
        if self._name is not None and plain(name) == self._name and self._rows:
            self._rows[-1].setdefault(self._name, "".join(self._parts))
        self._name = None
        if VISIT in row or "SO_GIAYHEN_KL" in row:
            self._found(row)


def plain(name: str) -> str:
    """An element's name without a prefix; capitals do not matter."""
    return name.rpartition(":")[2].upper()


class Content:
    """What stands in one NOIDUNGFILE: elements as they are, their text, or either in base64."""

    def __init__(self, table: str, longest: int, number: int, found: Callable[[Row], None]) -> None:
        self._what = f"table {table} of record {number}"
        self._rows = Rows(TABLES[table], longest, number, found)
        self._inner: expat.XMLParserType | None = None
        self._as_text: bool | None = None
        self._rest = b""
        self._over = False
        self.depth = 0

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        """An element stands there as it is."""
        if self._inner is not None:
            raise damaged(f"{self._what} is partly in base64")
        self.depth += 1
        self._rows.start(name, attributes)

    def end(self, name: str) -> None:
        """It ends."""
        self.depth -= 1
        self._rows.end(name)

    def text(self, text: str) -> None:
        """Text: of an element, or else the table in another form."""
        if self.depth:
            self._rows.text(text)
            return
        if self._inner is None:
            text = text.lstrip("\ufeff \t\r\n")
            if not text:
                return
            self._as_text = text.startswith("<")
            self._inner = parser(self._rows, "utf-8" if self._as_text else None)
        if self._as_text:
            parse(self._inner, text.encode("utf-8", "surrogatepass"), last=False, what=self._what)
        else:
            self._base64(text)

    def _base64(self, text: str) -> None:
        try:
            signs = self._rest + text.encode("ascii").translate(None, _BLANK)
            whole = len(signs) - len(signs) % 4
            signs, self._rest = signs[:whole], signs[whole:]
            if not signs:
                return
            if self._over:
                raise damaged(f"{self._what} goes on behind the end of its base64")
            self._over = signs.endswith(b"=")
            decoded = binascii.a2b_base64(signs, strict_mode=True)
        except (UnicodeEncodeError, binascii.Error) as error:
            raise damaged(f"{self._what} is no base64") from error
        assert self._inner is not None
        parse(self._inner, decoded, last=False, what=self._what)

    def close(self) -> None:
        """The end of NOIDUNGFILE: whatever was begun must be whole."""
        if self._inner is None:
            return
        if self._rest:
            raise ExportUnreadable(UnreadableReason.CUT_OFF, what=f"the end of the base64 of {self._what}")
        parse(self._inner, b"", last=True, what=self._what)
