"""Insurance files that were broken by accident or made to do harm, from a seed: each family with its right ends."""

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass
from random import Random  # noqa: TID251 (the seed is the test's)
from typing import Final

from tests.insurance import Visit, insurance_file, visit

READ: Final = "read"
"""The outcome of a file that was read to its end: harmless after all."""
NO_XML: Final = frozenset({"damaged", "cut_off", "wrong_format", "empty"})
_DOCTYPES: Final = (
    '<!DOCTYPE a [<!ENTITY l "lol"><!ENTITY m "&l;&l;&l;&l;&l;&l;&l;&l;">]>',
    '<!DOCTYPE a [<!ENTITY m SYSTEM "file:///etc/passwd">]>',
    '<!DOCTYPE a [<!ENTITY % p SYSTEM "http://127.0.0.1:9/x.dtd"> %p;]>',
    '<!DOCTYPE a SYSTEM "http://127.0.0.1:9/x.dtd">',
    '<!DOCTYPE a PUBLIC "-//X//Y" "file:///dev/zero">',
    '<!DOCTYPE a [<!ATTLIST a b CDATA "c">]>',
)


@dataclass(frozen=True, slots=True)
class Case:
    """One file: its bytes, the outcomes that are right, and how many slips it may give at most."""

    data: bytes
    ends: frozenset[str]
    slips: int = 0


Family = Callable[[Random], Case]


def sound(random: Random) -> bytes:
    """A file of a few visits, in one of its forms."""
    visits = [visit(number) for number in range(1, random.randint(2, 4))]
    encoding = random.choice(["utf-8", "utf-16"])
    return insurance_file(*visits, coded=random.random() < 0.7, encoding=encoding)


def _inside(data: bytes, kind: str, text: bytes) -> bytes:
    """Another content for the tables of a kind."""
    pattern = rb"(<LOAIHOSO>%s</LOAIHOSO><NOIDUNGFILE>)[^<]*" % kind.encode()
    return re.sub(pattern, lambda found: found[1] + text, data)


def entities(random: Random) -> Case:
    """Laughs and foreign files: around the file, or inside a table."""
    doctype = random.choice(_DOCTYPES)
    if random.random() < 0.5:
        data = insurance_file(visit()).replace(b"<GIAMDINHHS>", f"{doctype}<GIAMDINHHS>".encode())
        return Case(data, frozenset({"own_entities"}))
    text = f'<?xml version="1.0"?>{doctype}<a><MA_LK>&m;</MA_LK></a>'
    coded = base64.b64encode(text.encode()) if random.random() < 0.7 else f"<![CDATA[{text}]]>".encode()
    return Case(_inside(insurance_file(visit()), random.choice(["XML1", "XML14"]), coded), frozenset({"own_entities"}))


def laughs(random: Random) -> Case:
    """A thousand million laughs by ten steps of ten."""
    steps = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, random.randint(8, 12)))
    evil = f'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY l0 "lol">{steps}]><GIAMDINHHS>&l7;</GIAMDINHHS>'
    return Case(evil.encode(), frozenset({"own_entities"}))


def huge_table(random: Random) -> Case:
    """Base64 without end: of one field, of a table that is passed over, or of spaces."""
    kind = random.choice(["field", "passed over", "spaces", "tag"])
    size = random.randint(300_000, 2_000_000)
    if kind == "field":
        coded = base64.b64encode(b"<a><MA_LK>" + b"x" * size + b"</MA_LK></a>")
        return Case(_inside(insurance_file(visit()), "XML14", coded), frozenset({"field_too_long"}))
    if kind == "passed over":
        return Case(_inside(insurance_file(visit()), "XML6", b"A" * size), frozenset({READ}), 1)
    if kind == "spaces":
        sound_ = base64.b64encode(b"<a><MA_LK>1</MA_LK></a>")
        coded = b" \n" * size + sound_
        return Case(_inside(insurance_file(visit()), "XML1", coded), frozenset({READ}), 1)
    coded = base64.b64encode(b"<" + b"a" * size + b"/>")
    return Case(_inside(insurance_file(visit()), "XML14", coded), frozenset({READ, "damaged", "too_much_memory"}), 0)


def truncated(random: Random) -> Case:
    """Cut at any byte."""
    data = sound(random).rstrip(b"\n\0")
    return Case(data[: random.randrange(len(data))], NO_XML)


def cut_inside(random: Random) -> Case:
    """A table of which only the begin arrived, in an envelope that is whole."""
    kind = random.choice(["XML1", "XML14"])
    data = insurance_file(visit())
    found = re.search(rb"<LOAIHOSO>%s</LOAIHOSO><NOIDUNGFILE>([^<]*)" % kind.encode(), data)
    assert found is not None
    return Case(
        _inside(data, kind, found[1][: random.randrange(4, len(found[1]) - 4)]), frozenset({"cut_off", "damaged"})
    )


def other_hospital(random: Random) -> Case:
    """Another hospital's: all of it, or one record among ours."""
    code = f"{random.randrange(10_000, 99_999):05d}".replace("77001", "77002")
    visits = [visit(number) for number in range(1, 4)]
    place = random.randrange(4)
    if place == 3:
        return Case(insurance_file(*visits, hospital=code), frozenset({"other_hospital"}))
    changed = [visit(number + 1, MA_CSKCB=code) if number == place else one for number, one in enumerate(visits)]
    return Case(insurance_file(*changed), frozenset({"other_hospital"}))


def mixed_encodings(random: Random) -> Case:
    """Says one encoding and is in another, around the file or in a table."""
    said, is_ = random.sample(["utf-8", "utf-16", "windows-1252"], 2)
    if random.random() < 0.5:
        whole = insurance_file(visit(), coded=False).decode().replace('encoding="utf-8"', f'encoding="{said}"')
        data = whole.encode(is_, "replace")
    else:
        text = f'<?xml version="1.0" encoding="{said}"?><a><MA_LK>LK-0001</MA_LK><HO_TEN>Nguyễn Thị Mẫu</HO_TEN></a>'
        data = _inside(insurance_file(visit()), "XML14", base64.b64encode(text.encode(is_, "replace")))
    return Case(data, frozenset({READ, "wrong_format", *NO_XML}), 1)


def nested(random: Random) -> Case:
    """Deeper than any table, in the envelope, in a table, or in one that is passed over."""
    deep = b"<a>" * random.randint(100, 50_000)
    kind = random.choice(["XML1", "XML14", "XML6", "around"])
    if kind == "around":
        return Case(b"<GIAMDINHHS>" + deep, frozenset({"damaged"}))
    return Case(_inside(insurance_file(visit()), kind, deep), frozenset({"damaged"}))


def mangled(random: Random) -> Case:
    """Bytes changed, taken out or put in."""
    data = bytearray(sound(random))
    for _ in range(random.randint(1, 20)):
        place = random.randrange(len(data))
        what = random.randrange(3)
        data[place : place + (what != 0)] = bytes([random.randrange(256)] * (what != 1))
    ends = {READ, "field_too_long", "not_all", "other_hospital", "own_entities", *NO_XML}
    return Case(bytes(data), frozenset(ends), 4)


def many(random: Random) -> Case:
    """More records than the feed allows, in one table."""
    row = b"<r><MA_LK>%d</MA_LK></r>"
    coded = base64.b64encode(
        b"<a>" + b"".join(row % number for number in range(random.randint(1_001, 3_000))) + b"</a>"
    )
    return Case(_inside(insurance_file(Visit()), random.choice(["XML1", "XML14"]), coded), frozenset({"too_many_rows"}))


FAMILIES: Final[tuple[Family, ...]] = (
    entities, laughs, huge_table, truncated, cut_inside, other_hospital, mixed_encodings, nested, mangled, many,
)  # fmt: skip
