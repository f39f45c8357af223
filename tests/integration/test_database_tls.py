"""The way to a database on another machine: encrypted, and its certificate looked at, as DATABASE_URL says."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import make_url, text

from booking.db import Database
from booking.migrations.upgrading import migrate_async
from booking.settings import SettingsError, load
from tests.conftest import environment
from tests.deploy.installed import certificate

pytestmark = pytest.mark.anyio
_SSL_REQUEST = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"


@dataclass
class Front:
    """A server that speaks TLS before a database that does not; how often it was asked in which way."""

    port: int = 0
    encrypted: int = 0
    plain: list[bytes] = field(default_factory=list)


@contextlib.asynccontextmanager
async def _front(url: str, folder: Path) -> AsyncIterator[Front]:
    found, behind = Front(), make_url(url)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "fullchain.pem", folder / "privkey.pem")

    async def passed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            first = await reader.readexactly(8)
            if first != _SSL_REQUEST:
                found.plain.append(first)
                writer.close()
                return
            writer.write(b"S")
            await writer.start_tls(context)
            found.encrypted += 1
            there_reader, there = await asyncio.open_connection(behind.host, behind.port)
            await asyncio.gather(passed(reader, there), passed(there_reader, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    found.port = server.sockets[0].getsockname()[1]
    try:
        yield found
    finally:
        server.close()


def _through(url: str, front: Front, host: str, query: str) -> str:
    whole = make_url(url).set(host=host, port=front.port).render_as_string(hide_password=False)
    return f"{whole}?{query}"


async def _asked(url: str) -> list[str]:
    """Which of our two ways reach the database."""
    db, ways = Database(url, pool=1), []
    with contextlib.suppress(OSError):
        async with db.transaction() as session:
            assert (await session.execute(text("SELECT 1"))).scalar() == 1
        ways.append("session")
    with contextlib.suppress(OSError):
        async with db.hot() as hot:
            assert await hot.fetchval("SELECT 1") == 1
        ways.append("hot")
    await db.close()
    return ways


@pytest.mark.parametrize(
    ("host", "mode", "root", "reached"),
    [
        ("localhost", "verify-full", "own", "both"),
        ("127.0.0.1", "verify-full", "own", "none"),  # the certificate is another name's
        ("127.0.0.1", "verify-ca", "own", "both"),
        ("localhost", "verify-full", "other", "none"),
        ("localhost", "require", "other", "none"),  # as libpq: with a root it is looked at
        ("localhost", "require", None, "both"),
    ],
)
async def test_both_ways_look_at_the_certificate_as_they_are_told(
    database_url: str, tmp_path: Path, host: str, mode: str, root: str | None, reached: str
) -> None:
    for name in ("own", "other"):
        (tmp_path / name).mkdir()
        certificate(tmp_path / name)
    query = f"sslmode={mode}" + (f"&sslrootcert={tmp_path}/{root}/fullchain.pem" if root else "")
    async with _front(database_url, tmp_path / "own") as front:
        url = _through(database_url, front, host, query)
        assert await _asked(url) == (["session", "hot"] if reached == "both" else [])
        assert front.plain == []
        if reached == "both":
            assert front.encrypted == 2
            await migrate_async(url)


async def test_control_without_a_word_of_it_nobody_looks(database_url: str, tmp_path: Path) -> None:
    certificate(tmp_path)
    async with _front(database_url, tmp_path) as front:
        assert await _asked(_through(database_url, front, "127.0.0.1", "")) == ["session", "hot"]


@pytest.mark.parametrize(
    "query", ["sslmode=verify", "sslrootcert=/no/such.pem", "sslmode=verify-ca&sslrootcert=/no/such.pem"]
)
def test_what_is_wrong_with_it_is_said_at_the_start(query: str) -> None:
    with pytest.raises(SettingsError, match="DATABASE_URL: ssl"):
        load(environment(f"postgresql://henkham@db.example/henkham?{query}"))


@pytest.mark.parametrize("proxies", ["*", "10.0.0.1, *", "0.0.0.0/0", "127.0.0.1,::/0"])
def test_nobody_can_be_told_to_believe_everybodys_address(proxies: str) -> None:
    with pytest.raises(SettingsError, match="HENKHAM_TRUSTED_PROXIES"):
        load(environment("postgresql://henkham@db.example/henkham", HENKHAM_TRUSTED_PROXIES=proxies))
