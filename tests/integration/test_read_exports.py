"""The drop folder and its job, with real files: the truth closed, each content once, nothing broken stops the rest."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from booking.db import Database
from booking.exchange import conflicts
from booking.exchange.kinds import VerdictKind
from scheduler.exports import arrivals, checking
from scheduler.exports.arrivals import PATIENCE
from tests.exports import HIS, SHAPES, cells_of, shape, truth, written
from tests.feeds import NOW, Folders, closed_times, hospital_database, names, two_weeks
from tests.postgres import Cluster
from tests.seeds import rows, value

pytestmark = pytest.mark.anyio
URL = "gnuhealth-url"
SAMPLE = SHAPES[URL]
APPLIED = "SELECT count(*) FROM audit_event WHERE action = 'export.apply'"
FILES = "SELECT file_name, state FROM feed_file ORDER BY id"


@pytest.fixture
def database_url(cluster: Cluster) -> Iterator[str]:
    with hospital_database(cluster, two_weeks) as url:
        yield url


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders(tmp_path / "feeds")


@pytest.mark.parametrize("name", SHAPES)
async def test_each_shape_closes_exactly_the_true_slots(db: Database, folders: Folders, name: str) -> None:
    drop = folders.add(name)
    shutil.copy(HIS / SHAPES[name], drop)
    [outcome] = await folders.look(db)
    assert outcome.applied is not None
    assert outcome.applied.verdict.kind is VerdictKind.APPLY
    assert await closed_times(db) == truth() == await closed_times(db, f"feed:{shape(name)[0].code}")
    assert (names(drop), names(drop / "done")) == ([], [SHAPES[name]])
    for secret in ("Nguyễn", "+84", "BHYT"):  # no patient is kept with the rows or the report
        kept = "SELECT count(*) FROM feed_row WHERE feed_row::text LIKE :part"
        assert await value(db, kept, part=f"%{secret}%") == 0, secret


async def test_other_headers_and_columns_in_another_order_need_a_changed_feed_only(
    db: Database, folders: Folders
) -> None:
    header, *body = cells_of(URL)
    order = sorted(range(len(header)), key=lambda place: (place * 7) % len(header))
    renamed = {name: f"Cột {place}" for place, name in enumerate(header)}
    used = ("ID", "Start", "End", "State", "Health Prof/LICENSE ID", "Health Prof/Record Name", "Specialty/Record Name")
    drop = folders.add(URL, *((f'["{name}"]', f'["{renamed[name]}"]') for name in used))
    table = [[renamed[header[place]] for place in order], *([line[place] for place in order] for line in body)]
    (drop / SAMPLE).write_bytes(written(table))
    await folders.look(db)
    assert await closed_times(db) == truth()


async def test_the_same_content_under_two_names_is_done_once(db: Database, folders: Folders) -> None:
    drop = folders.add(URL)
    for name in (SAMPLE, "t0.url.again.csv"):
        shutil.copy(HIS / SAMPLE, drop / name)
    first, second = await folders.look(db)
    assert (first.applied is not None, second.applied is None) == (True, True)
    assert names(drop / "done") == ["t0.url.again.csv", SAMPLE]
    shutil.copy(HIS / SAMPLE, drop / SAMPLE)
    await folders.look(db)
    assert names(drop / "done") == ["t0.url.again.csv", SAMPLE]
    assert await value(db, APPLIED) == 1
    assert len(await rows(db, FILES)) == 1


async def test_a_half_written_file_waits_and_is_applied_when_it_is_whole(db: Database, folders: Folders) -> None:
    drop, data = folders.add(URL), (HIS / SAMPLE).read_bytes()
    for part in (0, 10_000, 200_001):
        (drop / SAMPLE).write_bytes(data[:part])
        assert await folders.look(db, 3) == []
    (drop / SAMPLE).write_bytes(data)
    assert await folders.look(db, 1) == []  # one look cannot tell whether it still grows
    assert await closed_times(db) == frozenset()
    assert len(await folders.look(db, 1)) == 1
    assert await closed_times(db) == truth()


async def test_a_marker_says_at_once_that_a_file_is_whole(db: Database, folders: Folders) -> None:
    drop = folders.add(URL)
    shutil.copy(HIS / SAMPLE, drop)
    (drop / f"{SAMPLE}.done").touch()
    assert len(await folders.look(db, 1)) == 1
    assert names(drop) == []


async def test_a_file_that_stays_cut_off_is_set_aside_with_words_for_people(db: Database, folders: Folders) -> None:
    drop = folders.add(URL)
    (drop / SAMPLE).write_bytes((HIS / SAMPLE).read_bytes()[:10_000])
    assert await folders.look(db, PATIENCE - 1) == []
    [outcome] = await folders.look(db, 1)
    assert outcome.where == "quarantine"
    assert names(drop / "quarantine") == [SAMPLE, f"{SAMPLE}.report.txt"]
    words = (drop / "quarantine" / f"{SAMPLE}.report.txt").read_text()
    assert "cut off" in words
    assert "chưa có gì được áp dụng" in words
    assert await rows(db, FILES) == [{"file_name": SAMPLE, "state": "quarantined"}]
    assert await value(db, "SELECT report -> 'unreadable' ->> 'reason' FROM feed_file") in {
        "truncated", "unclosed_quote",
    }  # fmt: skip


async def test_a_bad_file_and_a_bad_feed_stop_no_other(db: Database, folders: Folders) -> None:
    bad = folders.add("gnuhealth-desktop-vi")
    (bad / "x.gtk-vi.csv").write_bytes(b"\xff\xfe\x00nonsense\n")
    folders.write("aaa", 'code = "aaa"\n')
    (folders.home / "bbb.toml").write_bytes(b"\x00\xff")
    lost = folders.add("gnuhealth-desktop-utf16", ('facility = "BVVT"', 'facility = "NOWHERE"'))
    shutil.copy(HIS / SHAPES["gnuhealth-desktop-utf16"], lost)
    good = folders.add(URL)
    shutil.copy(HIS / SAMPLE, good)
    outcomes = await folders.look(db)
    assert {each.feed: each.where for each in outcomes} == {"bvvt-desktop": "quarantine", "bvvt-url": "done"}
    assert await closed_times(db) == truth()
    assert names(lost) == [SHAPES["gnuhealth-desktop-utf16"]]  # it waits for its feed to be put right


async def test_a_reader_that_fails_is_the_files_trouble_only(
    db: Database, folders: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop = folders.add(URL)
    shutil.copy(HIS / SAMPLE, drop)

    def fails(*_: object, **__: object) -> None:
        raise OverflowError

    monkeypatch.setattr(checking, "collect", fails)
    [outcome] = await folders.look(db)
    assert outcome.where == "quarantine"
    assert "OverflowError" in (drop / "quarantine" / f"{SAMPLE}.report.txt").read_text()


async def test_what_is_no_plain_file_is_never_opened(db: Database, folders: Folders, tmp_path: Path) -> None:
    drop = folders.add(URL)
    shutil.copy(HIS / SAMPLE, tmp_path / SAMPLE)
    (drop / "t0.url.link.csv").symlink_to(tmp_path / SAMPLE)
    (drop / "t0.url.folder.csv").mkdir()
    os.mkfifo(drop / "t0.url.fifo.csv")
    shutil.copy(HIS / SAMPLE, drop / "t0.url.a\nb.csv")
    outcomes = await folders.look(db, 3)
    strange = {"t0.url.a_b.csv", "t0.url.fifo.csv", "t0.url.link.csv"}
    assert {(each.file, each.where) for each in outcomes} == {(name, "quarantine") for name in strange}
    assert (names(drop), (drop / "t0.url.folder.csv").is_dir()) == ([], True)
    assert names(drop / "quarantine") == sorted({*strange, *(f"{name}.report.txt" for name in strange)})
    assert (drop / "quarantine" / "t0.url.link.csv").is_symlink()
    assert "not_a_file: a pipe" in (drop / "quarantine" / "t0.url.fifo.csv.report.txt").read_text()
    assert (tmp_path / SAMPLE).read_bytes() == (HIS / SAMPLE).read_bytes()
    assert await rows(db, FILES) == []


async def test_a_corrected_feed_is_taken_up_without_a_restart(db: Database, folders: Folders) -> None:
    drop = folders.add(URL, ('zone = "UTC"', 'zone = "Asia/Ho_Chi_Minh"'))
    shutil.copy(HIS / SAMPLE, drop)
    [held] = await folders.look(db)
    assert held.where == "held"
    assert names(drop / "held") == [SAMPLE, f"{SAMPLE}.report.txt"]
    assert "Is times.zone right?" in (drop / "held" / f"{SAMPLE}.report.txt").read_text()
    assert await closed_times(db) == frozenset()
    folders.add(URL)
    (drop / "held" / SAMPLE).rename(drop / SAMPLE)
    [done] = await folders.look(db)
    assert done.where == "done"
    assert await closed_times(db) == truth()
    assert [each["state"] for each in await rows(db, FILES)] == ["held", "applied"]


async def test_a_row_limit_left_on_closes_only_and_says_so(db: Database, folders: Folders) -> None:
    drop = folders.add(URL)
    shutil.copy(HIS / SAMPLE, drop)
    await folders.look(db)
    (drop / "t0.url.cut.csv").write_bytes(written(cells_of(URL)[:1001]))
    [outcome] = await folders.look(db)
    assert outcome.applied is not None
    assert outcome.applied.verdict.kind is VerdictKind.CLOSINGS_ONLY
    assert await closed_times(db) == truth()
    assert "rows_shrank" in (drop / "done" / "t0.url.cut.csv.report.txt").read_text()


async def test_an_earlier_export_again_closes_only_and_says_so(
    db: Database, folders: Folders, caplog: pytest.LogCaptureFixture
) -> None:
    drop, (header, *body) = (
        folders.add(URL, ("[absence]", "[guards]\nshrink = 1.0\nfull_day = 1000\n[absence]")),
        cells_of(URL),
    )
    fewer = [line if line[2][:10] != "2026-11-23" else [*line[:12], "user_cancelled", *line[13:]] for line in body]
    shutil.copy(HIS / SAMPLE, drop)
    await folders.look(db)
    (drop / "t0.url.b.csv").write_bytes(written([header, *fewer]))
    await folders.look(db)
    assert await closed_times(db) < truth()
    shutil.copy(HIS / SAMPLE, drop / "t0.url.again.csv")
    [outcome] = await folders.look(db)
    assert outcome.applied is not None
    assert outcome.applied.verdict.kind is VerdictKind.CLOSINGS_ONLY
    assert await closed_times(db) == truth()
    assert "exactly this content was applied on" in (drop / "done" / "t0.url.again.csv.report.txt").read_text()
    told = [record.__dict__["facts"] for record in caplog.records if record.msg == "an export was judged"]
    assert told[-1]["reason"] == "came_before"
    shutil.copy(HIS / SAMPLE, drop / "t0.url.again.csv")
    [outcome] = await folders.look(db)
    assert (outcome.where, outcome.applied) == ("done", None)


async def test_files_are_applied_in_the_order_of_their_time(db: Database, folders: Folders) -> None:
    drop = folders.add(URL, ("[absence]", "[guards]\nopenings = 1.0\n[absence]"))  # the second frees them all
    header, *body = cells_of(URL)
    for name, taken, age in (("t0.url.z.csv", "confirmed", 200), ("t0.url.a.csv", "user_cancelled", 100)):
        lines = [[*line[:12], taken, *line[13:]] for line in body if line[2].startswith("2026-11-23")]
        (drop / name).write_bytes(written([header, *lines]))
        stamp = NOW.timestamp() - age
        os.utime(drop / name, (stamp, stamp))
    assert [each.file for each in await folders.look(db)] == ["t0.url.z.csv", "t0.url.a.csv"]
    assert await closed_times(db) == frozenset()


async def test_a_kill_between_commit_and_move_is_made_good(
    db: Database, folders: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop = folders.add(URL)
    shutil.copy(HIS / SAMPLE, drop)

    class Killed(BaseException):  # what no handler of the job takes for a fault of the file
        pass

    def killed(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(arrivals, "put_away", killed)
        with pytest.raises(Killed):
            await folders.look(db)
    assert names(drop) == [SAMPLE]
    [outcome] = await Folders(folders.home).look(db)
    assert (outcome.where, outcome.applied) == ("done", None)
    assert await value(db, APPLIED) == 1


async def test_a_kill_before_the_commit_leaves_nothing_behind(
    db: Database, folders: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop = folders.add(URL)
    shutil.copy(HIS / SAMPLE, drop)

    async def killed(*_: object, **__: object) -> None:
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr(conflicts, "settle", killed)
        assert await folders.look(db) == []
    assert (await rows(db, FILES), await closed_times(db)) == ([], frozenset())
    assert await value(db, "SELECT count(*) FROM feed_row") == 0
    assert len(await folders.look(db, 1)) == 1
    assert await closed_times(db) == truth()


async def test_what_cannot_be_moved_is_judged_once(
    db: Database, folders: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop = folders.add(URL)
    shutil.copy(HIS / SAMPLE, drop)
    tried = []

    def refused(*_: object) -> None:
        tried.append(1)
        raise PermissionError(1, "not permitted")

    monkeypatch.setattr(arrivals, "put_away", refused)
    assert await folders.look(db, 5) == []
    assert (len(tried), await value(db, APPLIED)) == (1, 1)
