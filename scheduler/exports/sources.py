"""Where files are fetched from: the tables `[source.sftp]` and `[source.https]` of a feed."""

import re
from pathlib import PurePosixPath
from typing import Literal
from urllib.parse import urlsplit

from pydantic import model_validator

from scheduler.exports.parts import Filled, Part, or_raise
from scheduler.exports.servers import SftpServer, host_problem

_OPEN_PATTERN = re.compile(r"[?\[\]]")


class SftpSource(SftpServer):
    """A folder of an SFTP server, and what becomes of a file there once we have it."""

    complete: Literal["unchanged", "renamed", "marker"] = "unchanged"
    afterwards: Literal["leave", "move", "delete"] = "leave"
    taken_folder: Filled = "taken"

    @model_validator(mode="after")
    def _sound_too(self) -> "SftpSource":
        inside = self.taken_folder not in {".", ".."} and PurePosixPath(self.taken_folder).name == self.taken_folder
        plain = inside and self.taken_folder.isprintable()
        return or_raise(self, [] if plain else ["taken_folder: is the name of a folder inside folder, without a slash"])

    @property
    def place(self) -> str:
        """The address for people: no user, no secret."""
        port = "" if self.port == 22 else f":{self.port}"  # noqa: PLR2004  SSH's own
        return f"sftp://{self.host}{port}/{self.folder.lstrip('/')}"


class HttpsSource(Part):
    """One address that answers with the export."""

    url: Filled
    user: Filled | None = None
    password_file: Filled | None = None
    token_file: Filled | None = None
    ca_file: Filled | None = None

    @model_validator(mode="after")
    def _sound(self) -> "HttpsSource":
        problems = [f"url: {wrong}" for wrong in _url_problems(self.url)]
        if (self.user is None) != (self.password_file is None):
            problems.append("password_file: user and password_file go together")
        if self.token_file is not None and self.user is not None:
            problems.append("token_file: give either token_file, or user and password_file")
        if self.user is not None and ":" in self.user:
            problems.append("user: holds a colon, which would end the name")
        return or_raise(self, problems)

    @property
    def place(self) -> str:
        """The address for people: without its query, which may hold a key."""
        split = urlsplit(self.url)
        return f"https://{split.netloc}{split.path}"


def _url_problems(url: str) -> list[str]:
    try:
        split = urlsplit(url)
        host, port = split.hostname or "", split.port
    except ValueError:
        return ["is no address"]
    if split.scheme != "https":
        return ["must begin with https:// (without it anybody on the way could write the file)"]
    problems = []
    if split.username is not None or split.password is not None:
        problems.append("holds a user or a password: give user and password_file")
    if split.fragment or "#" in url:
        problems.append("ends with a part behind #, which no server sees")
    if not (url.isascii() and url.isprintable() and " " not in url):
        problems.append("holds signs that must be written as %..")
    if (wrong := host_problem(host)) is not None or port == 0:
        problems.append(wrong or "is no address")
    return problems


def name_in_pattern(pattern: str, stem: str) -> str | None:
    """A file name that fits a pattern; None where the pattern is too intricate to be filled in."""
    if _OPEN_PATTERN.search(pattern):
        return None
    name = pattern.replace("*", stem, 1).replace("*", "")
    return name if PurePosixPath(name).name == name else None


def source_problems(
    source_folder: str | None, pattern: str, sftp: SftpSource | None, https: HttpsSource | None
) -> list[str]:
    """What does not fit together in `[source]`, as lines that begin with the key."""
    problems = []
    if sftp is not None and https is not None:
        problems.append("https: give either sftp or https")
    if (sftp or https) and source_folder is None:
        problems.append("folder: is missing: what is fetched is put there")
    if https is not None and name_in_pattern(pattern, "x") is None:
        problems.append("pattern: may hold * only where the file is fetched by https")
    return problems
