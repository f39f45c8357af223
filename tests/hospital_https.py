"""A hospital's web server on loopback, with a certificate of its own making, and the ways in which one misbehaves."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Asked = dict[str, str]
"""Headers of a request, lower case; `:path` is what was asked for."""


def answer(status: str = "200 OK", body: bytes = b"", *, length: bool = True, **headers: str) -> bytes:
    """An answer as bytes."""
    told = {"content-length": str(len(body))} if length else {}
    told |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in told.items())
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body


@dataclass(slots=True)
class Web:
    """A running server."""

    port: int = 0
    reply: Callable[[Asked], bytes] = lambda _: answer()
    trickle: Callable[[asyncio.StreamWriter], Awaitable[None]] | None = None
    """Answers instead of `reply`."""
    asked: list[Asked] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}/export.csv?key=secret"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request, one answer."""
        with suppress(OSError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            first, *lines = head.strip().split("\r\n")
            asked = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            asked[":path"] = first.split(" ")[1]
            self.asked.append(asked)
            if self.trickle is not None:
                await self.trickle(writer)
            else:
                writer.write(self.reply(asked))
            await writer.drain()
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


def certificate(folder: Path, *, name: str = "localhost", days: int = 1) -> Path:
    """A certificate that signs itself, its key behind it in the same file; over already where `days` is negative."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)  # noqa: TID251  certificates are looked at by the machine's clock, not by ours
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{name} {days}")])
    names = x509.SubjectAlternativeName([x509.DNSName(name), x509.IPAddress(ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=9))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(
            names if name == "localhost" else x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{name}{days}.pem"
    plain = serialization.NoEncryption()
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + secret)
    return path


@asynccontextmanager
async def hospital_web(pem: Path) -> AsyncIterator[Web]:
    """A server that shows this certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    web = Web()
    server = await asyncio.start_server(web.serve, "127.0.0.1", 0, ssl=context)
    web.port = server.sockets[0].getsockname()[1]
    try:
        yield web
    finally:
        server.close()
        await server.wait_closed()
