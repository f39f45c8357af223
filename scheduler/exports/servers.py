"""How a hospital's SFTP server is named in a TOML file, and the secrets that only files hold."""

import base64
import binascii
import os
import re
import stat
from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from booking.exchange.kinds import ServerProblem
from scheduler.exports.parts import Filled, Part, Words, or_raise
from scheduler.exports.unreached import Unreached

Port = Annotated[int, Field(ge=1, le=65_535)]
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|[0-9A-Fa-f:.]{2,45}")
_FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]{43}=?")
_LONGEST_SECRET = 65_536
_KINDS = ("ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521")


def host_problem(host: str) -> str | None:
    """What is wrong with the name of a server."""
    if "://" in host or "/" in host or "@" in host:
        return "is the name of the server alone, such as his.bvvt.example: no user, no folder, no sftp://"
    return None if _HOST.fullmatch(host) else "is no name of a server and no address"


class SftpServer(Part):
    """An SFTP server: where it is, as whom, and the host key by which it is known.

    Files of secrets, `known_hosts` too, are absolute or relative to the folder of the TOML file.
    """

    host: Filled
    port: Port = 22
    user: Filled
    password_file: Filled | None = None
    key_file: Filled | None = None
    key_passphrase_file: Filled | None = None
    host_keys: Words = ()
    known_hosts: Filled | None = None
    folder: Filled = "."

    @model_validator(mode="after")
    def _sound(self) -> "SftpServer":
        problems = []
        if (wrong := host_problem(self.host)) is not None:
            problems.append(f"host: {wrong}")
        if self.password_file is None and self.key_file is None:
            problems.append("key_file: is missing: give key_file or password_file; the secret stands in that file")
        if self.key_passphrase_file is not None and self.key_file is None:
            problems.append("key_passphrase_file: goes with key_file")
        if not self.host_keys and self.known_hosts is None:
            problems.append(
                'host_keys: is missing: give host_keys ("SHA256:..." or "ssh-ed25519 AAAA...") or known_hosts;'
                " ask whoever runs the server for its fingerprint"
            )
        problems += [f"host_keys: {wrong}" for each in self.host_keys if (wrong := _key_problem(each)) is not None]
        if any(sign in self.folder for sign in "\0\r\n"):
            problems.append("folder: holds a control sign")
        return or_raise(self, problems)


def _key_problem(text: str) -> str | None:
    if text.startswith("SHA256:"):
        return None if _FINGERPRINT.fullmatch(text) else f"{text!r} is no whole fingerprint: SHA256: and 43 signs"
    kind, _, rest = text.partition(" ")
    if kind not in _KINDS:
        return f"{text[:40]!r} is neither a fingerprint (SHA256:...) nor a public key ({', '.join(_KINDS)})"
    try:
        raw = base64.b64decode(rest.split(" ", 1)[0], validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    named = kind.encode()
    return None if raw[4 : 4 + len(named)] == named else f"{text[:40]!r} is no whole public key"


def secret_in(path: Path) -> str:
    """The secret that a file holds, without the line's end.

    Raises:
        Unreached: it cannot be read, or holds nothing.
    """
    try:
        # Not blocking: a pipe instead of a file would be waited for. Links are followed, because containers use them.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise Unreached(ServerProblem.NO_SECRET, file=path.name, why="it is no plain file")
            text = file.read(_LONGEST_SECRET).decode()
    except (OSError, UnicodeDecodeError) as error:
        why = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else "it is no text"
        raise Unreached(ServerProblem.NO_SECRET, file=path.name, why=why) from None
    if not text.strip():
        raise Unreached(ServerProblem.NO_SECRET, file=path.name, why="it is empty")
    return text.rstrip("\r\n")


def beside(home: Path, name: str) -> Path:
    """A file named in a TOML file of the folder `home`."""
    return Path(os.path.normpath(home / name))
