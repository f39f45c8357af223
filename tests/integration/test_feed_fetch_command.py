"""`henkham feed fetch`: what is wrong with a server in words, and nothing there or here is touched."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from booking.cli import feed_fetch
from booking.exchange.kinds import ServerProblem
from scheduler.exports.fetching import from_sftp, wording
from tests.exports import SMALL
from tests.fetching import SOURCE
from tests.hospital_sftp import PASSWORD, USER, Hospital, hospital_sftp, key

pytestmark = pytest.mark.anyio


@pytest.fixture
async def hospital(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Hospital]:
    monkeypatch.setattr(from_sftp.fetch, "__kwdefaults__", {"between": 0.0})
    (tmp_path / "password").write_text(PASSWORD)
    async with hospital_sftp(tmp_path / "there") as found:
        yield found


def feed_file(tmp_path: Path, hospital: Hospital, **changed: object) -> Path:
    told: dict[str, object] = {
        "host": "127.0.0.1", "port": hospital.port, "user": USER, "folder": "out", "password_file": "password",
        "host_keys": hospital.host_key.get_fingerprint(), "afterwards": "delete",
    }  # fmt: skip
    lines = "\n".join(f"{name} = {json.dumps(value)}" for name, value in (told | changed).items())
    path = tmp_path / "feed.toml"
    path.write_text(SMALL.replace(SOURCE, f'{SOURCE}\nfolder = "small"\n[source.sftp]\n{lines}'))
    return path


async def told(
    capsysbinary: pytest.CaptureFixture[bytes], path: Path, *, out: Path | None = None, as_json: bool = False
) -> tuple[int, str]:
    code = await asyncio.to_thread(feed_fetch.fetch, path, out=out, as_json=as_json)
    return code, capsysbinary.readouterr().out.decode()


async def test_what_would_be_fetched_is_shown_and_nothing_is_touched(
    hospital: Hospital, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    feed, out = feed_file(tmp_path, hospital), tmp_path / "newest.csv"
    code, words = await told(capsysbinary, feed)
    assert (code, words.splitlines()) == (1, [
        f"sftp://127.0.0.1:{hospital.port}/out: reached.", "Nothing to be fetched: no whole file there is called *.csv."
    ])  # fmt: skip
    there = hospital.folder / "out"
    (there / "a.csv").write_text("lịch hẹn")
    (there / "b.csv").mkdir()
    code, words = await told(capsysbinary, feed, out=out)
    assert code == 0
    assert "links, folders or pipes: 1." in words
    assert "a.csv (12 bytes)" in words
    assert out.read_text() == "lịch hẹn"
    assert sorted(path.name for path in there.iterdir()) == ["a.csv", "b.csv"]  # though the feed says delete
    assert not (tmp_path / "small").exists()
    assert (await told(capsysbinary, feed, out=out))[0] == 2  # nothing is written over
    code, text = await told(capsysbinary, feed, as_json=True)
    assert json.loads(text) == {
        "feed": "small", "place": f"sftp://127.0.0.1:{hospital.port}/out", "reached": True, "problem": None,
        "text": None, "facts": {"no_files": 1}, "files": {"a.csv": 12},
    }  # fmt: skip


async def test_what_is_wrong_is_said_in_words(
    hospital: Hospital, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    other = key("another").get_fingerprint()
    code, words = await told(capsysbinary, feed_file(tmp_path, hospital, host_keys=other))
    assert code == 2
    for part in ("another host key", hospital.host_key.get_fingerprint(), other, "telephone"):
        assert part in words
    (tmp_path / "password").write_text("wrong")
    code, words = await told(capsysbinary, feed_file(tmp_path, hospital))
    assert (code, "does not let us in" in words, "wrong\n" in words) == (2, True, False)
    code, words = await told(capsysbinary, feed_file(tmp_path, hospital, hots="x"))
    assert (code, "source.sftp.hots: 'hots' is not known; did you mean 'host'?" in words) == (2, True)
    plain = tmp_path / "plain.toml"
    plain.write_text(SMALL)
    assert "[source.sftp]" in (await told(capsysbinary, plain))[1]


def test_every_problem_has_a_sentence_with_what_is_known_in_it() -> None:
    for problem in ServerProblem:
        assert wording.explain(problem, {"host": "his.example"}).endswith((".", "?"))
    assert "(404)" in wording.explain(ServerProblem.NO_SUCH_PAGE, {"status": 404})
