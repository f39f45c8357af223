"""A line to a hospital's SFTP server: known by its host key, bounded in time, and ended whatever happens.

    async with connected(server, home=folder_of_the_toml_file) as line:
        names = await line.step(line.sftp.listdir(server.folder))

Nothing of the machine's own SSH is used: no ~/.ssh, no agent, no configuration.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

import asyncssh
from asyncssh import SFTPClient, SSHClient, SSHClientConnection, SSHKey

from booking.exchange.kinds import ServerProblem
from scheduler.exports import host_keys
from scheduler.exports.servers import SftpServer, beside, secret_in
from scheduler.exports.unreached import Unreached, is_forbidden, of_line

Got = TypeVar("Got")

CONNECT: Final = 20.0
"""Seconds to connect and sign in."""

STEP: Final = 30.0
"""Seconds for each single answer of the server."""

TOTAL: Final = 300.0
"""Seconds a line is open at most."""

# With a group that the server makes up, it decides how long we calculate.
_EXCHANGES: Final = "-diffie-hellman-group-exchange-*"


@dataclass(slots=True)
class Line:
    """An open line."""

    server: SftpServer
    connection: SSHClientConnection
    sftp: SFTPClient
    shown: str
    """The fingerprint of the server's host key."""
    late: bool = False

    def ends_in(self, seconds: float) -> asyncio.TimerHandle:
        """Cut the line then, so that whatever waits for it fails at once. Cancelling would wait for a silent server."""
        return asyncio.get_running_loop().call_later(seconds, self._cut)

    def _cut(self) -> None:
        self.late = True
        self.connection.abort()

    async def step(self, work: Awaitable[Got], *, seconds: float = STEP) -> Got:
        """One answer of the server, in time.

        Raises:
            Unreached: too late, or the line broke. An SFTPError, which is an answer, goes through.
        """
        timer = self.ends_in(seconds)
        try:
            return await work
        except (asyncssh.Error, OSError) as error:
            answer = isinstance(error, asyncssh.SFTPError) and not isinstance(error, _NO_ANSWER)
            if answer and not self.late:
                raise
            raise self.broken(error) from None
        finally:
            timer.cancel()

    def broken(self, error: Exception) -> Unreached:
        """What an error of the line means."""
        if self.late:
            return Unreached(ServerProblem.TOO_SLOW, host=self.server.host, port=self.server.port)
        return reason(error, self.server)


_NO_ANSWER = (asyncssh.SFTPConnectionLost, asyncssh.SFTPNoConnection, asyncssh.SFTPBadMessage)


@dataclass(slots=True)
class _Doorman(SSHClient):
    """Looks at the host key that a server shows."""

    pins: tuple[host_keys.Pin, ...]
    shown: list[str] = field(default_factory=list)

    def validate_host_public_key(self, host: str, addr: str, port: int, key: SSHKey) -> bool:  # noqa: ARG002
        """Whether it is one of ours."""
        if is_forbidden(addr):
            raise Unreached(ServerProblem.ADDRESS_FORBIDDEN, host=host)
        fingerprint = key.get_fingerprint()
        self.shown.append(fingerprint)
        return host_keys.is_ours(fingerprint, self.pins)

    def validate_host_ca_key(self, host: str, addr: str, port: int, key: SSHKey) -> bool:  # noqa: ARG002
        """Certificates of hosts are not used."""
        return False


@asynccontextmanager
async def connected(server: SftpServer, *, home: Path, seconds: float = TOTAL) -> AsyncIterator[Line]:
    """An open line to a server, signed in; after `seconds` it is cut.

    Raises:
        Unreached: with what is wrong, for people.
    """
    pins = await asyncio.to_thread(host_keys.pins_of, server, home)
    options = await asyncio.to_thread(_credentials, server, home)
    connection, shown = await _greeted(server, pins, options)
    timer = None
    try:
        try:
            async with asyncio.timeout(STEP):
                sftp = await connection.start_sftp_client(path_encoding="utf-8")
        except (asyncssh.Error, OSError) as error:
            raise reason(error, server) from None
        line = Line(server, connection, sftp, shown)
        timer = line.ends_in(seconds)
        yield line
        sftp.exit()
    finally:
        if timer is not None:
            timer.cancel()
        # Never waits: a server that is silent must not hold us.
        connection.abort()


def _credentials(server: SftpServer, home: Path) -> dict[str, object]:
    found: dict[str, object] = {"client_keys": None, "password": None}
    if server.password_file is not None:
        found["password"] = secret_in(beside(home, server.password_file))
    if server.key_file is not None:
        path = beside(home, server.key_file)
        words = server.key_passphrase_file
        passphrase = None if words is None else secret_in(beside(home, words))
        try:
            found["client_keys"] = [asyncssh.import_private_key(secret_in(path) + "\n", passphrase)]
        except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
            locked = isinstance(error, asyncssh.KeyEncryptionError) or "ncrypted" in str(error)
            why = "it is locked: its passphrase is missing or wrong" if locked else "it holds no private key"
            raise Unreached(ServerProblem.NO_SECRET, file=path.name, why=why) from None
    return found


async def _greeted(
    server: SftpServer, pins: tuple[host_keys.Pin, ...], options: dict[str, object]
) -> tuple[SSHClientConnection, str]:
    """Connect; where only fingerprints are known, ask for each kind of host key until the right one is shown."""
    kinds = {pin.kind for pin in pins}
    families = [each for each in host_keys.FAMILIES if None in kinds or kinds & set(each)]
    shown: list[str] = []
    for family in families:
        doorman = _Doorman(pins)
        try:
            connection = await _connection(server, doorman, family, options)
        except asyncssh.HostKeyNotVerifiable:
            shown += doorman.shown
        except asyncssh.KeyExchangeFailed:
            continue
        except Unreached:
            if not shown:
                raise
            break  # it has shown a key that is not its own: that it hangs up on us now says nothing else
        else:
            return connection, doorman.shown[-1]
    if not shown:
        raise Unreached(ServerProblem.NO_COMMON_WAY, host=server.host, port=server.port)
    expected = ", ".join(pin.fingerprint for pin in pins)
    raise Unreached(ServerProblem.HOST_KEY_CHANGED, host=server.host, shown=", ".join(shown), expected=expected)


async def _connection(
    server: SftpServer, doorman: _Doorman, family: tuple[str, ...], options: dict[str, object]
) -> SSHClientConnection:
    try:
        async with asyncio.timeout(CONNECT):
            return await asyncssh.connect(
                server.host, server.port, client_factory=lambda: doorman, username=server.user,
                known_hosts=([], [], []), server_host_key_algs=family, kex_algs=_EXCHANGES, compression_algs=None,
                config=None, agent_path=None, gss_host=None, gss_kex=False, gss_auth=False, x509_trusted_certs=None,
                host_based_auth=False, keepalive_interval=STEP, login_timeout=CONNECT, connect_timeout=CONNECT,
                **options,
            )  # fmt: skip
    except (asyncssh.HostKeyNotVerifiable, asyncssh.KeyExchangeFailed):
        raise
    except (asyncssh.PermissionDenied, asyncssh.IllegalUserName):
        raise Unreached(ServerProblem.LOGIN_REFUSED, host=server.host, user=server.user) from None
    except (asyncssh.DisconnectError, OSError) as error:
        raise reason(error, server) from None


_MEANT: Final[tuple[tuple[tuple[type[Exception], ...], ServerProblem], ...]] = (
    ((asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath, asyncssh.SFTPNotADirectory), ServerProblem.NO_SUCH_FOLDER),
    ((asyncssh.SFTPPermissionDenied, asyncssh.SFTPWriteProtect), ServerProblem.NOT_ALLOWED),
    ((asyncssh.ProtocolError, asyncssh.ProtocolNotSupported, asyncssh.ChannelOpenError), ServerProblem.ODD_ANSWER),
    ((asyncssh.SFTPBadMessage,), ServerProblem.ODD_ANSWER),
    ((asyncssh.ConnectionLost, asyncssh.SFTPConnectionLost, asyncssh.SFTPNoConnection), ServerProblem.BROKEN_OFF),
)


def reason(error: Exception, server: SftpServer) -> Unreached:
    """What an error means."""
    if isinstance(error, OSError):
        return of_line(error, host=server.host, port=server.port)
    for kinds, problem in _MEANT:
        if isinstance(error, kinds):
            return Unreached(problem, host=server.host, port=server.port, folder=server.folder)
    return Unreached(ServerProblem.FAILED, host=server.host, port=server.port, error=type(error).__name__)


async def renamed(line: Line, old: bytes, new: bytes) -> None:
    """Rename over whatever is there, also where the server can only rename over nothing.

    Raises:
        SFTPError: the server does not let us.
        Unreached: the line broke.
    """
    try:
        await line.step(line.sftp.posix_rename(old, new))
    except asyncssh.SFTPOpUnsupported:
        if await line.step(line.sftp.exists(new)):
            await line.step(line.sftp.remove(new))
        await line.step(line.sftp.rename(old, new))
