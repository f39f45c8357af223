"""One GET over TLS, bounded in everything: time, size, headers, redirects, and what compression makes of it.

The server is known by its certificate. A redirect is followed only to the same server, because the address was written
by a person and a redirect is not; so our password goes nowhere else either.
"""

import asyncio
import base64
import ssl
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

import h11

from booking.exchange.kinds import ServerProblem
from scheduler.exports.servers import beside, secret_in
from scheduler.exports.sources import HttpsSource
from scheduler.exports.unreached import Unreached, is_forbidden, of_line

CONNECT: Final = 20.0
"""Seconds to connect and to agree on keys."""

STEP: Final = 30.0
"""Seconds for each next piece of the answer."""

_HOPS: Final = 3
_HEADERS: Final = 32_768
_BLOCK: Final = 65_536
_OK, _NOT_MODIFIED = 200, 304
_MOVED: Final = frozenset({301, 302, 303, 307, 308})
_MEANT: Final = {
    401: ServerProblem.LOGIN_REFUSED,
    403: ServerProblem.NOT_ALLOWED,
    404: ServerProblem.NO_SUCH_PAGE,
    410: ServerProblem.NO_SUCH_PAGE,
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said; `unchanged` where it says that nothing is new, and then nothing was read."""

    unchanged: bool
    etag: str | None = None
    modified: str | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for: only something newer than `etag` and `modified`, and at most so many bytes."""

    limit: int
    etag: str | None = None
    modified: str | None = None


@dataclass(slots=True)
class _Target:
    host: str
    port: int
    path: str

    @staticmethod
    def of(url: str) -> "_Target":
        split = urlsplit(url)
        query = f"?{split.query}" if split.query else ""
        return _Target(split.hostname or "", split.port or 443, f"{split.path or '/'}{query}")


async def get(source: HttpsSource, wanted: Wanted, sink: Callable[[bytes], None], *, home: Path) -> Answer:
    """Ask for the address; the body goes to `sink` as it comes, unpacked.

    Raises:
        Unreached: with what is wrong. What went to the sink until then is worth nothing.
    """
    context, secret = await asyncio.to_thread(_credentials, source, home)
    url = source.url
    for _ in range(_HOPS + 1):
        target = _Target.of(url)
        async with _line(target, context) as line:
            answer = await _asked(line, secret, wanted, sink)
        if isinstance(answer, Answer):
            return answer
        url = _same_server(url, answer)
    raise Unreached(ServerProblem.REDIRECTED, to=_Target.of(url).host, often=_HOPS)


def _credentials(source: HttpsSource, home: Path) -> tuple[ssl.SSLContext, str | None]:
    pem = None if source.ca_file is None else secret_in(beside(home, source.ca_file))
    try:
        context = ssl.create_default_context(cadata=pem)
    except (ssl.SSLError, ValueError):
        why = "it holds no certificate"
        raise Unreached(ServerProblem.NO_SECRET, file=Path(source.ca_file or "").name, why=why) from None
    if source.token_file is not None:
        return context, f"Bearer {_one_line(beside(home, source.token_file))}"
    if source.user is not None and source.password_file is not None:
        both = f"{source.user}:{_one_line(beside(home, source.password_file))}"
        return context, f"Basic {base64.b64encode(both.encode()).decode()}"
    return context, None


def _one_line(path: Path) -> str:
    secret = secret_in(path)
    if not secret.isprintable():
        raise Unreached(ServerProblem.NO_SECRET, file=path.name, why="it holds more than one line")
    return secret


@dataclass(slots=True)
class _Line:
    """A connection, and the state of HTTP on it."""

    target: _Target
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    state: h11.Connection = field(
        default_factory=lambda: h11.Connection(h11.CLIENT, max_incomplete_event_size=_HEADERS)
    )

    def trouble(self, problem: ServerProblem, **facts: object) -> Unreached:
        return Unreached(problem, host=self.target.host, port=self.target.port, **facts)

    async def next(self) -> Any:
        """The next event; never waits longer than `STEP` for a piece."""
        while True:
            try:
                event = self.state.next_event()
            except h11.RemoteProtocolError:
                ended = self.state.trailing_data[1]
                raise self.trouble(ServerProblem.BROKEN_OFF if ended else ServerProblem.ODD_ANSWER) from None
            if event is not h11.NEED_DATA:
                return event
            try:
                async with asyncio.timeout(STEP):
                    self.state.receive_data(await self.reader.read(_BLOCK))
            except OSError as error:
                raise of_line(error, host=self.target.host, port=self.target.port) from None


@asynccontextmanager
async def _line(target: _Target, context: ssl.SSLContext) -> AsyncIterator[_Line]:
    try:
        async with asyncio.timeout(CONNECT):
            reader, writer = await asyncio.open_connection(target.host, target.port, ssl=context, limit=_BLOCK)
    except OSError as error:
        raise of_line(error, host=target.host, port=target.port) from None
    try:
        if is_forbidden(str(writer.get_extra_info("peername")[0])):
            raise Unreached(ServerProblem.ADDRESS_FORBIDDEN, host=target.host)
        yield _Line(target, reader, writer)
    finally:
        # Never waits: a server that is silent must not hold us.
        writer.transport.abort()


async def _asked(line: _Line, secret: str | None, wanted: Wanted, sink: Callable[[bytes], None]) -> Answer | str:
    """The answer, or the address it leads to."""
    headers = _headers(line.target, secret, wanted)
    line.writer.write(line.state.send(h11.Request(method="GET", target=line.target.path, headers=headers)) or b"")
    line.writer.write(line.state.send(h11.EndOfMessage()) or b"")
    response = await line.next()
    while isinstance(response, h11.InformationalResponse):
        response = await line.next()
    if not isinstance(response, h11.Response):
        raise line.trouble(ServerProblem.BROKEN_OFF)
    told = {name.decode(): value.decode("latin-1") for name, value in response.headers}
    status = response.status_code
    if status in _MOVED and "location" in told:
        return told["location"]
    if status == _NOT_MODIFIED and (wanted.etag or wanted.modified):
        return Answer(True, wanted.etag, told.get("last-modified", wanted.modified))
    if status != _OK:
        raise line.trouble(_MEANT.get(status, ServerProblem.HTTP_STATUS), status=status)
    await _body(line, told, wanted.limit, sink)
    return Answer(False, _kept(told.get("etag")), _kept(told.get("last-modified")))


def _headers(target: _Target, secret: str | None, wanted: Wanted) -> list[tuple[str, str]]:
    host = f"[{target.host}]" if ":" in target.host else target.host
    named = host if target.port == 443 else f"{host}:{target.port}"  # noqa: PLR2004  that of https
    headers = [("Host", named), ("User-Agent", "henkham"), ("Accept", "*/*"), ("Accept-Encoding", "identity")]
    more = [("Authorization", secret), ("If-None-Match", wanted.etag), ("If-Modified-Since", wanted.modified)]
    return [*headers, ("Connection", "close"), *((name, value) for name, value in more if value)]


def _kept(value: str | None) -> str | None:
    """A mark that may be sent back."""
    return value if value and len(value) <= 500 and value.isascii() and value.isprintable() else None  # noqa: PLR2004


async def _body(line: _Line, told: dict[str, str], limit: int, sink: Callable[[bytes], None]) -> None:
    chunked = "chunked" in told.get("transfer-encoding", "").lower()
    if not chunked and "content-length" not in told:
        raise line.trouble(ServerProblem.LENGTH_UNKNOWN)
    packing = told.get("content-encoding", "identity").strip().lower()
    if packing not in {"identity", "gzip", "x-gzip", ""}:
        raise line.trouble(ServerProblem.ODD_ANSWER, packing=packing[:20])
    # gzip though we asked for none: unpacked piece by piece, so that it never becomes more than the limit.
    unpack = zlib.decompressobj(wbits=31) if packing.endswith("gzip") else None
    size = 0
    while not isinstance(event := await line.next(), h11.EndOfMessage):
        if not isinstance(event, h11.Data):
            raise line.trouble(ServerProblem.BROKEN_OFF)
        data = bytes(event.data) if unpack is None else _unpacked(line, unpack, bytes(event.data), limit - size + 1)
        size += len(data)
        if size > limit:
            raise line.trouble(ServerProblem.TOO_LARGE, limit=limit // 1_000_000)
        sink(data)
    if unpack is not None and (unpack.unused_data or not unpack.eof):
        raise line.trouble(ServerProblem.BROKEN_OFF)


def _unpacked(line: _Line, unpack: Any, data: bytes, most: int) -> bytes:
    try:
        found: bytes = unpack.decompress(data, most)
    except zlib.error:
        raise line.trouble(ServerProblem.ODD_ANSWER, packing="gzip") from None
    return found


def _same_server(url: str, location: str) -> str:
    """Where a redirect leads, if it is the same server."""
    try:
        found = urljoin(url, location)
        here, there = urlsplit(url), urlsplit(found)
        same = (there.scheme, there.hostname, there.port or 443) == (here.scheme, here.hostname, here.port or 443)
        name = there.hostname or "?"
    except ValueError:
        same, name = False, "?"
    if not same or not found.isascii() or not found.isprintable() or " " in found:
        raise Unreached(ServerProblem.REDIRECTED, to=name[:100], often=1)
    return found
