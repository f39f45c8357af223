"""One address over TLS: nothing read where nothing is new, no secret to anybody else, and every answer bounded."""

import asyncio
import base64
import gzip
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urljoin

import pytest

from booking.exchange.kinds import ServerProblem
from scheduler.exports.feed import Feed
from scheduler.exports.fetching import https
from tests.fetching import NOW, Looker, fetched
from tests.hospital_https import Asked, Web, answer, certificate, hospital_web

pytestmark = pytest.mark.anyio
BODY = b"ID,Start,End,Doctor,State\r\n"


@pytest.fixture
async def web(tmp_path: Path) -> AsyncIterator[Web]:
    async with hospital_web(certificate(tmp_path)) as found:
        yield found


@pytest.fixture
def looker(tmp_path: Path) -> Looker:
    (tmp_path / "ca.pem").symlink_to("localhost1.pem")
    return Looker(tmp_path)


def feed_of(web: Web, more: str = "", *, url: str | None = None, source: str = "", limits: str = "") -> Feed:
    lines = f'{source}\n[source.https]\nurl = "{url or web.url}"\nca_file = "ca.pem"\n{more}'
    return fetched(lines, more=limits)


async def problem(looker: Looker, feed: Feed) -> tuple[ServerProblem | None, dict[str, object]]:
    """Why nothing came; and nothing lies in the folder."""
    end, found = await looker.look(feed)
    assert (end.reached, found.fetched, looker.names(), looker.kept) == (False, [], [], [])
    return end.problem, dict(end.facts)


async def test_the_answer_is_put_whole_under_a_name_of_ours(web: Web, looker: Looker) -> None:
    web.reply = lambda _: answer(body=BODY, content_disposition='attachment; filename="../../evil.sh"')
    end, found = await looker.look(feed_of(web))
    assert (end.reached, end.problem, found.fetched) == (True, None, ["small-20261123T010000.csv"])
    assert looker.names() == looker.kept == found.fetched
    assert (looker.folder / found.fetched[0]).read_bytes() == BODY
    [asked] = web.asked
    assert asked[":path"] == "/export.csv?key=secret"
    assert "authorization" not in asked


async def test_what_is_not_new_is_not_read(web: Web, looker: Looker) -> None:
    def reply(asked: Asked) -> bytes:
        known = (
            asked.get("if-none-match") == '"one"' and asked.get("if-modified-since") == "Sun, 22 Nov 2026 23:00:00 GMT"
        )
        return answer("304 Not Modified") if known else answer(
            body=BODY, etag='"one"', last_modified="Sun, 22 Nov 2026 23:00:00 GMT")  # fmt: skip

    web.reply = reply
    first, _ = await looker.look(feed_of(web))
    assert first.unchanged is None
    second, found = await looker.look(feed_of(web))
    assert (found.unchanged, found.fetched, len(looker.names())) == (True, [], 1)
    assert second.unchanged is not None
    assert second.said_at is not None
    assert second.said_at.hour == 23  # data is as old as the server says, not as young as our look
    web.reply = lambda _: answer(body=BODY)  # a server without marks: read, compared, and not handed on again
    third, found = await looker.look(feed_of(web))
    assert (found.unchanged, found.fetched, third.said_at) == (True, [], None)
    assert third.unchanged == second.unchanged


async def test_an_older_export_is_not_taken(web: Web, looker: Looker) -> None:
    web.reply = lambda _: answer(body=BODY, last_modified="Sun, 22 Nov 2026 23:00:00 GMT")
    await looker.look(feed_of(web))
    web.reply = lambda _: answer(body=b"older\n", last_modified="Sun, 22 Nov 2026 22:59:59 GMT")
    end, found = await looker.look(feed_of(web), now=NOW.replace(minute=5))
    assert (found.fetched, end.facts) == ([], {"older": 1})
    web.reply = lambda _: answer(body=b"newer\n", last_modified="Sun, 22 Nov 2026 23:00:01 GMT")
    assert (await looker.look(feed_of(web), now=NOW.replace(minute=9)))[1].fetched == ["small-20261123T010900.csv"]


async def test_who_asks_is_told_by_a_file(web: Web, looker: Looker) -> None:
    def reply(asked: Asked) -> bytes:
        right = f"Basic {base64.b64encode('hẹn:một:hai'.encode()).decode()}"
        return answer(body=BODY) if asked.get("authorization") in {right, "Bearer tok"} else answer("401 Unauthorized")

    web.reply = reply
    assert (await problem(looker, feed_of(web)))[0] is ServerProblem.LOGIN_REFUSED
    (looker.home / "secret").write_text("một:hai\n")
    basic = feed_of(web, 'user = "hẹn"\npassword_file = "secret"')
    assert (await looker.look(basic))[1].fetched
    (looker.home / "secret").write_text("tok\n")
    assert (await looker.look(feed_of(web, 'token_file = "secret"')))[1].unchanged
    (looker.home / "secret").write_text("two\r\nX-More: lines")
    end, _ = await looker.look(basic)
    assert (end.problem, end.facts) == (
        ServerProblem.NO_SECRET, {"file": "secret", "why": "it holds more than one line"})  # fmt: skip


async def test_a_redirect_is_followed_to_the_same_server_only(
    web: Web, looker: Looker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (looker.home / "secret").write_text("tok")
    feed = feed_of(web, 'token_file = "secret"')
    web.reply = lambda asked: (
        answer(body=BODY) if asked[":path"] == "/new?x=1" else answer("302 Found", location="/new?x=1")
    )
    assert (await looker.look(feed))[1].fetched
    for path in looker.folder.iterdir():
        path.unlink()
    looker.memory, looker.kept = {}, []
    async with hospital_web(certificate(tmp_path, days=2)) as other:
        for location in (
            f"https://localhost:{other.port}/", "http://localhost/", "//169.254.169.254/latest", "file:///etc/passwd",
            "https://user@elsewhere.example/", "https://[::1", "/a b", "/\x7f", "gopher://localhost",
        ):  # fmt: skip
            web.reply = lambda _, to=location: answer("302 Found", location=to)  # type: ignore[misc]
            assert (await problem(looker, feed))[0] in {ServerProblem.REDIRECTED, ServerProblem.BROKEN_OFF}, location
        assert other.asked == []
        web.asked.clear()
        web.reply = lambda _: answer("302 Found", location="/round")
        assert (await problem(looker, feed))[1]["often"] == 3
        assert len(web.asked) == 4
        # The control: with the look at the address taken away, another server that we would trust is told the token.
        (tmp_path / "ca.pem").unlink()
        (tmp_path / "ca.pem").write_bytes(b"".join((tmp_path / f"localhost{days}.pem").read_bytes() for days in (1, 2)))
        monkeypatch.setattr(https, "_same_server", urljoin)
        web.reply = lambda _: answer("302 Found", location=f"https://localhost:{other.port}/")
        await looker.look(feed)
        assert other.asked[0]["authorization"] == "Bearer tok"


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (answer("403 Forbidden"), "not_allowed"),
        (answer("404 Not Found"), "no_such_page"),
        (answer("500 Oops"), "http_status"),
        (answer("206 Partial Content", BODY), "http_status"),
        (answer("304 Not Modified"), "http_status"),  # nobody asked whether
        (answer(body=BODY, length=False), "length_unknown"),
        (answer(body=BODY, length=False, content_length="9999"), "broken_off"),
        (answer(body=b"5\r\nab", length=False, transfer_encoding="chunked"), "broken_off"),
        (answer(body=BODY, content_encoding="br"), "odd_answer"),
        (answer(body=b"no gzip", content_encoding="gzip"), "odd_answer"),
        (answer(body=gzip.compress(BODY, mtime=0)[:-9], content_encoding="gzip"), "broken_off"),
        (answer(body=gzip.compress(BODY, mtime=0) * 2, content_encoding="gzip"), "broken_off"),
        (answer(body=gzip.compress(b"\0" * 20_000_000, 9, mtime=0), content_encoding="gzip"), "too_large"),
        (answer(body=b"x" * 1_000_001), "too_large"),
        (b"SSH-2.0-OpenSSH\r\n" * 9, "odd_answer"),
        (b"", "broken_off"),
        (b"HTTP/1.1 200 OK\r\nx: " + b"y" * 100_000, "odd_answer"),
    ],
)  # fmt: skip
async def test_what_is_no_whole_answer_is_no_file(web: Web, looker: Looker, reply: bytes, expected: str) -> None:
    web.reply = lambda _: reply
    found = (await problem(looker, feed_of(web, limits="\n[limits]\nmegabytes = 1\n")))[0]
    assert found is not None
    assert found.value in {expected, "broken_off"} if expected == "odd_answer" else found.value == expected


async def test_gzip_nobody_asked_for_is_unpacked(web: Web, looker: Looker) -> None:
    web.reply = lambda _: answer(body=gzip.compress(BODY, mtime=0), content_encoding="gzip")
    _, found = await looker.look(feed_of(web))
    assert (looker.folder / found.fetched[0]).read_bytes() == BODY
    assert web.asked[0]["accept-encoding"] == "identity"


async def test_endless_bodies_and_drops_of_headers_end(
    web: Web, looker: Looker, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def endless(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"10000\r\n" + b"x" * 65_536 + b"\r\n")
            await writer.drain()
            await asyncio.sleep(0)  # drain() alone may never let the loop hear that the other side is gone

    async def dripping(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nx: ")
        while not writer.is_closing():
            writer.write(b"y")
            await writer.drain()
            await asyncio.sleep(0.02)

    async def silent(_: asyncio.StreamWriter) -> None:
        await over.wait()

    over = asyncio.Event()

    web.trickle = endless
    feed = feed_of(web, limits="\n[limits]\nmegabytes = 1\n")
    assert (await problem(looker, feed))[0] is ServerProblem.TOO_LARGE
    web.trickle = dripping
    quick = feed.model_copy(update={"source": feed.source.model_copy(update={"fetch_seconds": 0.4})})
    assert (await problem(looker, quick))[0] is ServerProblem.TOO_SLOW
    web.trickle = silent
    monkeypatch.setattr(https, "STEP", 0.2)
    assert (await problem(looker, feed))[0] is ServerProblem.TIMED_OUT
    over.set()


async def test_the_server_is_known_by_its_certificate(
    web: Web, looker: Looker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    web.reply = lambda _: answer(body=BODY)
    unknown = fetched(f'[source.https]\nurl = "{web.url}"')
    assert (await problem(looker, unknown))[0] is ServerProblem.CERTIFICATE_UNTRUSTED
    assert web.asked == []  # it was not even asked
    for changed, expected in (
        ({"days": -1}, "certificate_expired"),
        ({"name": "other.example"}, "certificate_other_name"),
    ):
        pem = certificate(tmp_path, **changed)
        (tmp_path / "ca.pem").unlink()
        (tmp_path / "ca.pem").symlink_to(pem.name)
        async with hospital_web(pem) as other:
            found, _ = await problem(looker, feed_of(other))
            assert found is not None
            assert found.value == expected
            assert other.asked == []
    (tmp_path / "ca.pem").unlink()
    (tmp_path / "ca.pem").write_text("nothing of that kind")
    assert (await problem(looker, feed_of(web)))[0] is ServerProblem.NO_SECRET
    monkeypatch.setattr(ssl, "create_default_context", lambda **_: ssl._create_unverified_context())
    assert (await looker.look(unknown))[1].fetched  # the control


async def test_nobody_there_and_no_hospital(web: Web, looker: Looker, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (await problem(looker, feed_of(web, url="https://localhost:1/")))[0] is ServerProblem.REFUSED
    monkeypatch.setattr(https, "is_forbidden", lambda _: True)
    assert (await problem(looker, feed_of(web)))[0] is ServerProblem.ADDRESS_FORBIDDEN
    assert web.asked == []
