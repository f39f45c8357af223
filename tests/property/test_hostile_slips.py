"""Broken and hostile insurance files: the reader may die of them, its master never; each ends as it should."""

import os
from pathlib import Path
from random import Random  # noqa: TID251 (the seed is the test's)

import pytest

from booking.exchange.errors import ExportUnreadable
from scheduler.exports import xml130_tables
from scheduler.exports.apart import reading_processes
from scheduler.exports.feed_file import parse_any
from scheduler.exports.slip_checking import read_slips
from scheduler.exports.slip_feed import SlipFeed
from scheduler.exports.wording import explain_unreadable
from tests.exports import TODAY
from tests.hostile_slips import FAMILIES, READ, Case, Family, sound
from tests.insurance import CANARY, FEED, insurance_file, visit

FULL = bool(os.environ.get("HENKHAM_TESTS_FULL"))
EACH = 250 if FULL else 6
OURS = parse_any(FEED + "[limits]\nrows = 1000\n")
assert isinstance(OURS, SlipFeed)


def outcome(data: bytes, folder: Path) -> tuple[str, int, str]:
    """How a file ended, how many slips it gave, and all that people are told of it."""
    assert isinstance(OURS, SlipFeed)
    path = folder / "file"
    path.write_bytes(data)
    try:
        with path.open("rb") as file:
            slips, report = read_slips(OURS, file, today=TODAY)
    except ExportUnreadable as error:
        return error.reason.value, 0, f"{explain_unreadable(error)} {error.facts}"
    return READ, len(slips), str(report.as_json())


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)
def test_each_ends_in_a_reason_of_its_class_and_nothing_dies(family: Family, tmp_path: Path) -> None:
    secret = Path("/etc/passwd").read_text(errors="replace").splitlines()[0]
    wrong = []
    for seed in range(EACH):
        case: Case = family(Random(f"{family.__name__} {seed}"))
        ended, slips, told = outcome(case.data, tmp_path)
        if ended not in case.ends or slips > case.slips:
            wrong.append((seed, ended, slips, told[:300]))
        assert secret not in told
        assert CANARY not in told
        assert "Mẫu" not in told
    assert wrong == []
    assert outcome(insurance_file(visit()), tmp_path)[:2] == (READ, 1), "the next file is read as ever"


@pytest.mark.parametrize("coded", [True, False])
def test_cut_at_any_byte_it_gives_nothing(tmp_path: Path, *, coded: bool) -> None:
    data = insurance_file(visit(1), visit(2), coded=coded).rstrip()
    steps = range(len(data)) if FULL else range(Random(f"{coded}").randrange(97), len(data), 97)
    for cut in steps:
        ended, slips, _ = outcome(data[:cut], tmp_path)
        assert (ended in {"cut_off", "empty"}, slips) == (True, 0), (cut, ended)
    assert outcome(data, tmp_path)[:2] == (READ, 2)


class Heard:
    """Keeps the text of every element."""

    def __init__(self) -> None:
        self.all = ""

    def start(self, *_: object) -> None:
        """Nothing."""

    def end(self, *_: object) -> None:
        """Nothing."""

    def text(self, text: str) -> None:
        """Some text."""
        self.all += text


def test_without_the_refusal_of_declarations_entities_are_filled_in() -> None:
    """The negative control: the parser itself would do it; it is our handlers that keep it from that."""
    evil = b'<!DOCTYPE a [<!ENTITY m "filled in">]><a>&m;</a>'
    ours, bare = Heard(), Heard()
    with pytest.raises(ExportUnreadable):
        xml130_tables.parse(xml130_tables.parser(ours), evil, last=True, what="it")
    assert ours.all == ""
    parser = xml130_tables.parser(bare)
    for handler in ("StartDoctypeDeclHandler", "EntityDeclHandler"):
        setattr(parser, handler, None)
    xml130_tables.parse(parser, evil, last=True, what="it")
    assert bare.all == "filled in"


def test_each_file_is_read_by_a_process_of_its_own(tmp_path: Path) -> None:
    assert outcome(sound(Random(1)), tmp_path)[0] == READ
    last = reading_processes().last
    assert last is not None
    assert (last.code, last.signal) == (0, 0)
    assert last.peak > 0
