"""Files that were broken by accident or made to do harm, from a seed: each family with the reasons it may end in."""

import io
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from random import Random  # noqa: TID251 (the seed is the test's)

from scheduler.exports.feed import Feed
from scheduler.exports.feed_file import load_feed, parse_feed
from scheduler.exports.thresholds import Limits
from tests.exports import EXAMPLES, FEEDS, ROOT, SMALL, small, small_file

READ = "read"
"""The outcome of a file that was read to its end: harmless after all."""
CUT = frozenset({
    "cut_off", "damaged", "truncated", "unclosed_quote", "empty", "missing_column", "no_header", "wrong_format",
    "not_decodable", "no_byte_order_mark", "wrong_delimiter",
})  # fmt: skip
SHEET, STYLES, BOOK = "xl/worksheets/sheet2.xml", "xl/styles.xml", "xl/workbook.xml"
ROW = ("1", "2026-11-23 07:30", "2026-11-23 08:00", "Dr An", "busy")


@dataclass(frozen=True, slots=True)
class Case:
    """One file.

    Attributes:
        feed: the feed it arrives under.
        data: its bytes.
        ends: the outcomes that are right: reasons, or `READ`.
    """

    feed: Feed
    data: bytes
    ends: frozenset[str]


Family = Callable[[Random], Case]


@cache
def example(name: str, number: int = 0) -> tuple[Feed, bytes]:
    """A worked example: its feed and its file."""
    if name == "csv":
        return small(), small_file(*(((str(number)), *ROW[1:]) for number in range(20)))
    return load_feed(FEEDS / f"{name}.toml"), (ROOT / "tests" / "data" / "feeds" / EXAMPLES[name][number]).read_bytes()


def any_example(random: Random) -> tuple[Feed, bytes]:
    """One of all formats."""
    name = random.choice(["csv", *EXAMPLES])
    return example(name, random.randrange(len(EXAMPLES.get(name, ("",)))))


def limited(feed: Feed, **limits: int) -> Feed:
    """The feed with other limits."""
    return feed.model_copy(update={"limits": Limits(**(feed.limits.model_dump() | limits))})


def repacked(data: bytes, change: Callable[[str, bytes], bytes]) -> bytes:
    """A workbook with its parts changed."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(data)) as old,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as new,
    ):
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name)))
    return out.getvalue()


def zip_bomb(random: Random) -> Case:
    """Small outside, huge inside: in one part, in many rows, in one cell, in many strings, or only by its own word."""
    feed, data = example("workbook")
    feed = limited(feed, megabytes=1, rows=1_000)
    kind = random.choice(["part", "rows", "cell", "said"])
    if kind == "said":
        place = data.index(b"PK\x01\x02") + 24
        data = data[:place] + random.randrange(1 << 30, 1 << 32).to_bytes(4, "little") + data[place + 4 :]
        return Case(feed, data, frozenset({"too_large"}))
    size = random.randrange(21_000_000, 30_000_000) if kind == "part" else random.randrange(2_000_000, 9_000_000)
    fill = {
        "part": b" " * size,
        "rows": b"<row><c><v>1</v></c></row>" * (size // 26),
        "cell": b"<row><c t='inlineStr'><is><t>" + b"a" * size + b"</t></is></c></row>",
    }[kind]
    bomb = repacked(
        data, lambda name, part: part.replace(b"</sheetData>", fill + b"</sheetData>") if name == SHEET else part
    )
    ends = {"part": {"too_large"}, "rows": {"too_many_rows"}, "cell": {"field_too_long"}}[kind]
    return Case(feed, bomb, frozenset(ends))


def entities(random: Random) -> Case:
    """Names in XML that stand for more and more of others."""
    feed, data = example("workbook")
    depth, width = random.randrange(5, 12), random.randrange(8, 30)
    lines = [f'<!ENTITY e0 "{"lol" * random.randrange(1, 2_000)}">']
    lines += [f'<!ENTITY e{level} "{f"&e{level - 1};" * width}">' for level in range(1, depth)]
    return _with_doctype(random, feed, data, "".join(lines), f"&e{depth - 1};")


def outside_entities(random: Random) -> Case:
    """Names in XML that stand for a file or an address."""
    feed, data = example("workbook")
    where = random.choice(["file:///etc/passwd", "http://127.0.0.1:9/", "/etc/hostname", "file:///proc/self/environ"])
    kind = random.choice([f'<!ENTITY x SYSTEM "{where}">', f'<!ENTITY % x SYSTEM "{where}"> %x;<!ENTITY x "y">'])
    return _with_doctype(random, feed, data, kind, "&x;")


def _with_doctype(random: Random, feed: Feed, data: bytes, doctype: str, used: str) -> Case:
    target = random.choice([SHEET, SHEET, STYLES, BOOK])

    def change(name: str, part: bytes) -> bytes:
        if name != target:
            return part
        text = re.sub(r"^<\?xml[^>]*\?>\s*", "", part.decode())
        root = re.match(r"<([\w:]+)", text)
        assert root is not None
        place = random.choice([found.end() for found in re.finditer("<t>", text)] or [text.rindex("</")])
        return f"<?xml version='1.0'?><!DOCTYPE {root[1]} [{doctype}]>{text[:place]}{used}{text[place:]}".encode()

    # Read: between elements it is text that nobody reads; a name that leads outside stands for nothing at all.
    return Case(feed, repacked(data, change), frozenset({"damaged", "field_too_long", "missing_column", READ}))


def lies(random: Random) -> Case:
    """What a file says of its own size is not true."""
    kind = random.choice(["dimension", "row", "column", "span", "total", "batch"])
    if kind == "span":
        feed, data = example("page-named-xls")
        much = str(random.choice([0, 999, 9_999, 10**9, 10**30]))
        data = re.sub(rb"<td", f'<td colspan="{much}" rowspan="{much}"'.encode(), data, count=random.randrange(1, 30))
        return Case(feed, data, frozenset({READ, "missing_column", "no_header", "too_many_rows", "ambiguous_column"}))
    if kind == "total":
        feed, data = example("fhir")
        said = random.randrange(7, 10**12)
        return Case(feed, data.replace(b'"total": 6', f'"total": {said}'.encode()), frozenset({"not_all"}))
    if kind == "batch":
        feed, data = example("hl7-siu")
        assert b"BTS|" in data
        return Case(
            feed, re.sub(rb"BTS\|\d+", f"BTS|{random.randrange(100, 10**9)}".encode(), data), frozenset({"cut_off"})
        )
    feed, data = example("workbook")
    changed = {
        "dimension": (rb'<dimension ref="[^"]*"', b'<dimension ref="A1:XFD1048576"'),
        "row": (rb'<row r="(\d+)"', b'<row r="%d"' % random.randrange(10**4, 5 * 10**5)),
        "column": (rb'<c r="[A-Z]+(\d+)"', rb'<c r="XFD\1"'),
    }[kind]
    data = repacked(
        data, lambda name, part: re.sub(*changed, part, count=1 if kind == "row" else 0) if name == SHEET else part
    )
    ends = {"dimension": {READ}, "row": {"too_many_rows", "damaged", "empty", "no_header", "missing_column"}}
    return Case(
        limited(feed, rows=2_000), data, frozenset(ends.get(kind, {READ, "empty", "no_header", "missing_column"}))
    )


def long_line(random: Random) -> Case:
    """A line or a cell far longer than any."""
    size = random.randrange(200_001, 3_000_000)
    kind = random.choice(["csv", "hl7-siu", "page-named-xls"])
    feed, data = example(kind)
    if kind == "page-named-xls":
        return Case(feed, data.replace(b"<td>", b"<td>" + b"a" * size, 1), frozenset({"field_too_long"}))
    place = data.index(b"\n" if kind == "csv" else b"SCH|") + 4
    return Case(feed, data[:place] + b"a" * size + data[place:], frozenset({"line_too_long"}))


def nul_byte(random: Random) -> Case:
    """Zero bytes somewhere in a text."""
    feed, data = example(random.choice(["csv", "hl7-siu", "calendar"]))
    place = random.randrange(40, len(data) - 40)
    data = data[:place] + b"\0" * random.choice([1, 1, 7, 4096]) + data[place:]
    return Case(feed, data, frozenset({"nul_byte", "not_decodable"}))  # the latter within a letter of two bytes


def quotes(random: Random) -> Case:
    """A quote that opens and never closes, or closes in the middle of a cell."""
    feed, data = example("csv")
    lines = data.decode().splitlines(keepends=True)
    number = random.randrange(len(lines))
    cells = lines[number].split(",")
    place = random.randrange(len(cells))
    cells[place] = random.choice(['"{}', '"{}"x', '"{}" "', '"a"b"{}']).format(cells[place])
    lines[number] = ",".join(cells)
    return Case(feed, "".join(lines).encode(), frozenset({"unclosed_quote", "broken_quotes"}))


def mixed_encodings(random: Random) -> Case:
    """Some lines in another encoding than the rest."""
    feed, data = example("csv")
    other = random.choice(["windows-1258", "utf-16", "utf-16-le", "utf-32", "latin-1"])
    line = ("9", *ROW[1:3], "Dr An ấ" if other.startswith("utf") else "Dr An é", "busy")
    extra = ",".join(line).encode(other, errors="replace") + b"\r\n"
    lines = data.splitlines(keepends=True)
    lines[random.randrange(1, len(lines)) :] = [extra, *lines[1:]]
    return Case(feed, b"".join(lines), frozenset({"not_decodable", "nul_byte", "truncated"}))


def truncated(random: Random) -> Case:
    """Cut off at any byte."""
    feed, data = any_example(random)
    return Case(feed, data[: random.randrange(len(data))], CUT | {READ})


def nested(random: Random) -> Case:
    """Parts within parts within parts."""
    depth = random.randrange(2_000, 200_000)
    kind = random.choice(["json", "objects", "bundles", "tables", "calendar"])
    if kind in ("json", "objects", "bundles"):
        begin, end = {"json": ("[", "]"), "objects": ('{"a":', "}"), "bundles": (
            '{"resourceType":"Bundle","entry":[{"resource":', "}]}")}[kind]  # fmt: skip
        depth = min(depth, 20_000) if kind == "bundles" else depth
        text = begin * depth + "{}" + (end * depth if random.random() < 0.8 else "")
        return Case(example("fhir")[0], text.encode(), frozenset({"damaged", "cut_off", "wrong_format"}))
    if kind == "tables":
        feed, data = example("page-named-xls")
        return Case(feed, data.replace(b"<td>", b"<td>" + b"<table>" * depth, 1), frozenset({"cut_off", READ}))
    begin, end = "BEGIN:VCALENDAR\r\n", "END:VCALENDAR\r\n"
    depth = min(depth, 20_000)
    return Case(
        example("calendar")[0], (begin * depth + end * depth).encode(), frozenset({"damaged", "reader_failed", READ})
    )


def signs(random: Random) -> Case:
    """Signs and lengths that no database keeps, spelled so that the file itself is sound."""
    feed, data = example("fhir")
    bad, end = random.choice(
        [("\\u0000", "nul_byte"), ("\\ud800", "damaged"), ("a" * random.randrange(501, 9_000), "field_too_long")]
    )
    target = random.choice(['"id": "1"', '"status": "booked"'] if len(bad) < 500 else ['"id": "1"'])
    assert target in data.decode()
    changed = data.decode().replace(target, f'{target[:-1]}{bad}{random.randrange(99)}"', 1)
    return Case(feed, changed.encode(), frozenset({end}))


def mangled(random: Random) -> Case:
    """A few bytes changed anywhere: a bad disk, a bad line."""
    feed, data = any_example(random)
    broken = bytearray(data)
    for _ in range(random.randrange(1, 12)):
        place = random.randrange(len(broken))
        broken[place : place + random.randrange(3)] = random.randbytes(random.randrange(3))
    ends = CUT | {
        READ,
        "nul_byte",
        "broken_quotes",
        "missing_sheet",
        "not_all",
        "ambiguous_column",
        "too_large",
        "too_many_rows",
    }
    return Case(feed, bytes(broken), ends | {"field_too_long", "line_too_long"})


def noise(random: Random) -> Case:
    """Any bytes, behind the begin of any format."""
    feed, data = any_example(random)
    return Case(
        feed,
        data[: random.randrange(200)] + random.randbytes(random.randrange(5_000)),
        CUT | {READ, "nul_byte", "broken_quotes", "missing_sheet"},
    )


def another_format(random: Random) -> Case:
    """A sound file, under the feed of another format."""
    while True:
        (feed, _), (other, data) = any_example(random), any_example(random)
        if feed.source.format != other.source.format and {feed.source.format, other.source.format} != {"csv", "html"}:
            return Case(feed, data, CUT | {"nul_byte", "broken_quotes"})


def another_hospital(random: Random) -> Case:
    """The right columns, and doctors whom nobody knows."""
    strangers = [f"Dr {random.randrange(1000)} Lạ" for _ in range(5)]
    rows = [(str(number), *ROW[1:3], random.choice(strangers), "busy") for number in range(random.randrange(1, 60))]
    return Case(small(), small_file(*rows), frozenset({"hold nothing_read"}))


def another_day(random: Random) -> Case:
    """An old export, or one with the day and the month exchanged: nothing of it lies in the period."""
    year, month = random.choice([(random.randrange(1990, 2026), 11), (2026, random.randrange(1, 11)), (2099, 1)])
    days = [f"{year}-{month:02}-{random.randrange(1, 29):02} 08:{minute}0" for minute in range(6)]
    rows = [(str(number), day, "", "Dr An", "busy") for number, day in enumerate(days)]
    feed = parse_feed(SMALL + "\n[coverage]\nfirst_day = 2026-11-23\nlast_day = 2026-12-06\n")
    return Case(feed, small_file(*rows), frozenset({"hold outside_period"}))


def memory_bomb(empties: int) -> Case:
    """Sound JSON of empty objects, each a hundred times larger in memory than in the file."""
    # Not as entries: those are read one by one, and it would only have too many.
    entries = b",".join([b'{"resource":{"resourceType":"Patient"}}'] * 1_001)
    data = b'{"resourceType":"Bundle","contained":[' + b"{}," * empties + b'{}],"entry":[' + entries + b"]}"
    return Case(limited(example("fhir")[0], rows=1_000), data, frozenset({"too_much_memory"}))


def endless_rows() -> Case:
    """A workbook whose first row says that it is the thousand millionth: all before it are empty."""
    feed, data = example("workbook")
    far = b'<row r="1000000000"'
    data = repacked(data, lambda name, part: part.replace(b'<row r="1"', far) if name == SHEET else part)
    return Case(feed, data, frozenset({"took_too_long"}))


FAMILIES: tuple[Family, ...] = (
    zip_bomb, entities, outside_entities, lies, long_line, nul_byte, quotes, mixed_encodings, truncated, nested, signs,
    mangled, noise, another_format, another_hospital, another_day,
)  # fmt: skip
