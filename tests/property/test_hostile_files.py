"""Families of broken and hostile files: the reader may die of them, its master never; each ends as it should."""

import os
import stat
from pathlib import Path
from random import Random  # noqa: TID251 (the seed is the test's)

import pytest

from booking.exchange.errors import ExportUnreadable
from booking.exchange.kinds import VerdictKind
from scheduler.exports.arrivals import Sights, put_away, take
from scheduler.exports.checking import read_stream
from scheduler.exports.wording import explain_unreadable
from tests.exports import EXAMPLES, TODAY, read, small
from tests.hostile import FAMILIES, READ, Case, Family, example

FULL = bool(os.environ.get("HENKHAM_TESTS_FULL"))
EACH = 250 if FULL else 8


def outcome(case: Case, folder: Path) -> tuple[str, str]:
    """How a file ended, and all that people are told of it."""
    path = folder / "file"
    path.write_bytes(case.data)
    try:
        with path.open("rb") as file:
            rows, report = read_stream(case.feed, file, today=TODAY)
    except ExportUnreadable as error:
        return error.reason.value, f"{explain_unreadable(error)} {error.facts}"
    reasons = [reason.value for reason, _ in report.verdict.reasons]
    held = report.verdict.kind is VerdictKind.HOLD and any(f"hold {reason}" in case.ends for reason in reasons)
    ended = next((f"hold {reason}" for reason in reasons if f"hold {reason}" in case.ends), READ) if held else READ
    return ended, f"{rows} {report.as_json()}"


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)
def test_each_ends_in_a_reason_of_its_class_and_nothing_dies(family: Family, tmp_path: Path) -> None:
    secret = Path("/etc/passwd").read_text(errors="replace").splitlines()[0]
    wrong = []
    for seed in range(EACH):
        case = family(Random(f"{family.__name__} {seed}"))
        ended, told = outcome(case, tmp_path)
        if ended not in case.ends:
            wrong.append((seed, ended, told[:300]))
        assert secret not in told
        assert "\0" not in told
    assert wrong == []


@pytest.mark.parametrize(
    ("name", "number"), [(name, number) for name, files in EXAMPLES.items() for number in range(len(files))]
)
def test_cut_at_any_byte_no_format_gives_a_row_that_the_whole_file_has_not(name: str, number: int) -> None:
    feed, data = example(name, number)
    whole = set(read(feed, data)[0])
    # A line, or one of several calendars, is whole in itself: a cut between two shows a true begin.
    line_by_line = name in {"old-font", "calendar"} or (name == "fhir" and number == 1)
    steps = range(len(data)) if FULL else range(Random(name).randrange(7), len(data), 7)
    for cut in steps:
        try:
            rows, _ = read(feed, data[:cut])
        except ExportUnreadable:
            continue
        assert set(rows) == whole or (line_by_line and set(rows) < whole), cut


NAMES = (
    "a",
    "lịch",
    "..",
    "%2e%2e",
    "\n",
    "\x1b[2J",
    "-rf",
    " ",
    "'",
    "\u202e",
    "\udcff",
    "$(id)",
    "ế" * 60,
    "\t",
    "=1+1",
)
KINDS = ("file", "file", "link", "pipe", "socket")


def put_there(random: Random, path: Path, secret: Path) -> None:
    """A file, or what looks like one."""
    kind = random.choice(KINDS)
    if kind == "link":
        path.symlink_to(secret)
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        os.mknod(path, stat.S_IFSOCK | 0o600)
    else:
        path.write_text("1")


@pytest.mark.parametrize("seed", range(EACH))
def test_whatever_a_name_says_it_stays_in_its_folder_and_can_be_shown(seed: int, tmp_path: Path) -> None:
    random, drop, secret = Random(seed), tmp_path / "drop", tmp_path / "secret"
    drop.mkdir()
    secret.write_text("secret")
    wanted = {f"{''.join(random.choices(NAMES, k=random.randrange(1, 5)))[:80]}.csv" for _ in range(4)}
    wanted = {name for name in wanted if not name.startswith(".")}
    for name in wanted:
        put_there(random, drop / name, secret)
    sights = Sights()
    sights.look(small(), drop)
    ready, _ = sights.look(small(), drop)
    assert {each.path.name for each in ready} >= wanted
    for each in ready:
        if each.instead is None:
            take(each, megabytes=1).stream.close()
        put_away(each, "quarantine", "words")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["drop", "secret"]
    assert [path.name for path in drop.iterdir()] == (["quarantine"] if wanted else [])
    for path in drop.glob("quarantine/*"):
        assert path.name.isprintable()
        assert path.is_symlink() or not path.is_file() or path.read_text() in {"1", "words"}
    assert secret.read_text() == "secret"
