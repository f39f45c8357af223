"""A hospital's SFTP server on loopback, made by the library's other half, and the ways in which one misbehaves."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from io import IOBase
from pathlib import Path

import asyncssh
from asyncssh import SFTPAttrs, SFTPName, SFTPServer, SSHKey, SSHServer

from scheduler.exports.servers import SftpServer

USER, PASSWORD = "henkham", "one two three"


@cache
def key(name: str, kind: str = "ssh-ed25519") -> SSHKey:
    """A key of this name: the same one in every test of a run."""
    assert name
    return asyncssh.generate_private_key(kind)


@dataclass(slots=True)
class Faults:
    """What the server does wrong; changed while it runs."""

    hang_on_read: bool = False
    hangs: asyncio.Event = field(default_factory=asyncio.Event)
    hang_on_list: bool = False
    drop_after: int | None = None
    """Cut the line when so many bytes of a file were asked for."""
    short_by: int = 0
    """Say that files are longer than they are."""
    grow: Path | None = None
    """A file that grows while it is read."""
    names: list[bytes] = field(default_factory=list)
    """Names that it lists besides, as if they were plain files."""
    without_kinds: bool = False
    refuse_rename: bool = False
    reads: list[bytes] = field(default_factory=list)
    """Paths that were opened for reading."""


@dataclass(slots=True)
class Hospital:
    """A running server."""

    folder: Path
    port: int
    host_key: SSHKey
    faults: Faults
    sessions: int = 0
    opened: ExitStack = field(default_factory=ExitStack)

    def server(self, home: Path, **changed: object) -> SftpServer:
        """How to reach it, by a password in a file of `home`."""
        (home / "password").write_text(f"{PASSWORD}\n")
        told = {
            "host": "127.0.0.1", "port": self.port, "user": USER, "password_file": "password",
            "host_keys": (self.host_key.get_fingerprint(),), "folder": "out",
        }  # fmt: skip
        return SftpServer.model_validate(told | changed)


class _Door(SSHServer):
    def __init__(self, hospital: Hospital) -> None:
        self._hospital = hospital

    def connection_made(self, _conn: asyncssh.SSHServerConnection) -> None:
        self._hospital.sessions += 1

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == (USER, PASSWORD)

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key_: SSHKey) -> bool:
        return username == USER and key_ == key("client").convert_to_public()


class _Serving(SFTPServer):
    def __init__(self, hospital: Hospital, channel: asyncssh.SSHServerChannel[bytes]) -> None:
        super().__init__(channel, chroot=str(hospital.folder).encode())
        self._faults = hospital.faults
        self._opened = hospital.opened
        self._told = 0

    async def scandir(self, path: bytes) -> AsyncIterator[SFTPName]:
        if self._faults.hang_on_list:
            await asyncio.sleep(3600)
        async for entry in super().scandir(path):
            if self._faults.without_kinds:
                entry.attrs.permissions = None
                entry.attrs.type = asyncssh.FILEXFER_TYPE_UNKNOWN
            yield self._stretched(entry)
        for name in self._faults.names:
            yield SFTPName(name, attrs=SFTPAttrs(size=5, permissions=0o100644, uid=0, gid=0, atime=1, mtime=1))

    def _stretched(self, entry: SFTPName) -> SFTPName:
        if entry.attrs.size is not None:
            entry.attrs.size += self._faults.short_by
        return entry

    def open(self, path: bytes, pflags: int, attrs: SFTPAttrs) -> object:
        self._faults.reads.append(path)
        file = super().open(path, pflags, attrs)
        assert isinstance(file, IOBase)
        self._opened.callback(file.close)  # the library forgets them when a line is cut
        return file

    async def read(self, file_obj: object, offset: int, size: int) -> bytes:
        if self._faults.hang_on_read:
            self._faults.hangs.set()
            await asyncio.sleep(3600)
        self._told += size
        if self._faults.drop_after is not None and self._told > self._faults.drop_after:
            self.channel.get_connection().abort()
        if self._faults.grow is not None:
            with self._faults.grow.open("ab") as more:
                more.write(b"more\n")
        found = super().read(file_obj, offset, size)
        assert isinstance(found, bytes)
        return found

    def posix_rename(self, oldpath: bytes, newpath: bytes) -> Awaitable[None] | None:
        self._may_rename()
        return super().posix_rename(oldpath, newpath)

    def rename(self, oldpath: bytes, newpath: bytes) -> Awaitable[None] | None:
        self._may_rename()
        return super().rename(oldpath, newpath)

    def _may_rename(self) -> None:
        if self._faults.refuse_rename:
            raise asyncssh.SFTPPermissionDenied("no")


@asynccontextmanager
async def hospital_sftp(folder: Path, *, host_keys: tuple[str, ...] = ("ssh-ed25519",)) -> AsyncIterator[Hospital]:
    """A server with a folder `out`; its first host key is the one to know it by."""
    (folder / "out").mkdir(parents=True, exist_ok=True)
    keys = [key("host", kind) for kind in host_keys]
    hospital = Hospital(folder, 0, keys[0], Faults())
    server = await asyncssh.listen(
        "127.0.0.1", 0, server_factory=lambda: _Door(hospital), server_host_keys=keys,
        sftp_factory=partial(_Serving, hospital), config=None,
    )  # fmt: skip
    hospital.port = server.get_port()
    try:
        yield hospital
    finally:
        server.close()
        await server.wait_closed()
        hospital.opened.close()
