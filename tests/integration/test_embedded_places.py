"""Where the embedded server lives: folders closed to others, root, strict umasks, and what it leaves alone."""

import os
import pwd
import shutil
import stat
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from booking import embedded
from tests import postgres

PROJECT = Path(embedded.__file__).parents[2]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has folders closed to the database's user")


@pytest.fixture
def folder() -> Iterator[Path]:
    with postgres.scratch() as scratch:
        yield scratch


@pytest.fixture(params=[postgres.WHEEL, pytest.param(postgres.LOWEST, marks=pytest.mark.postgres15)])
def binaries(request: pytest.FixtureRequest) -> Path:
    found = postgres.binaries(request.param)
    if found is None:
        pytest.skip(f"PostgreSQL {request.param} is not installed here")
    return found


def test_no_file_is_open_to_others(folder: Path) -> None:
    with embedded.running(folder / "data", durable=False):
        pass
    private = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (folder / "data").iterdir()}
    assert private.pop("postgres") == 0o700
    assert set(private) == {"alive", "initdb.log", "lock", "password", "server.log"}
    assert set(private.values()) == {0o600}
    assert stat.S_IMODE((folder / "data").stat().st_mode) == (0o711 if os.geteuid() == 0 else 0o700)


def test_a_folder_that_holds_something_else_is_left_alone(folder: Path) -> None:
    (folder / "letters").mkdir(mode=0o755)
    (folder / "letters" / "dear.txt").write_text("kept")
    with pytest.raises(embedded.EmbeddedError, match="something else"), embedded.running(folder / "letters"):
        pass
    (folder / "link").symlink_to(folder / "empty")
    (folder / "empty").mkdir()
    with pytest.raises(embedded.EmbeddedError, match="is a link"), embedded.running(folder / "link"):
        pass
    with pytest.raises(embedded.EmbeddedError, match="something else"):
        embedded.erase(folder / "letters")
    assert [path.name for path in (folder / "letters").iterdir()] == ["dear.txt"]
    assert stat.S_IMODE((folder / "letters").stat().st_mode) == 0o755


def test_erasing_begins_anew_but_not_under_a_running_server(folder: Path) -> None:
    home = folder / "data"
    embedded.erase(home)
    with embedded.running(home, durable=False) as server:
        server.create_database("henkham")
        with pytest.raises(embedded.DataFolderBusy):
            embedded.erase(home)
        assert server.has_database("henkham")
    embedded.erase(home)
    assert not home.exists()


def test_a_strict_umask_is_no_obstacle(folder: Path) -> None:
    before = os.umask(0o077)
    try:
        with embedded.running(folder / "var" / "demo", durable=False) as server:
            assert server.sql("SELECT 1") == "1"
    finally:
        os.umask(before)


@as_root
def test_root_reads_binaries_from_a_closed_folder(folder: Path) -> None:
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    prefix = embedded.wheel_binaries().parent
    for source in (prefix, prefix.parent.with_name(f"{prefix.parent.name}.libs")):
        target = closed / source.relative_to(prefix.parents[1])
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("include", "*.a"))
    hidden = closed / prefix.relative_to(prefix.parents[1]) / "bin"
    for _ in range(2):
        with embedded.running(folder / "data", binaries=hidden, durable=False) as server:
            assert server.sql("SELECT 1") == "1"
            assert psutil.Process(server.pid).exe().startswith(str(folder / "data" / "programs-"))
            assert psutil.Process(server.pid).uids().real == pwd.getpwnam("nobody").pw_uid
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    assert len(list((folder / "data").glob("programs-*"))) == 1


@as_root
def test_root_keeps_data_where_the_database_can_reach_it(folder: Path) -> None:
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(embedded.EmbeddedError, match="closed to other users"), embedded.running(closed / "data"):
        pass
    assert embedded.default_data_dir(folder) == folder / "var" / "demo"
    elsewhere = embedded.default_data_dir(closed / "clone")
    assert elsewhere != embedded.default_data_dir(closed / "other")
    assert not elsewhere.exists()
    try:
        with embedded.running(elsewhere, durable=False) as server:
            assert server.sql("SELECT 1") == "1"
    finally:
        shutil.rmtree(elsewhere)
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700


@as_root
def test_an_ordinary_user_runs_it_as_herself(folder: Path, binaries: Path) -> None:
    reachable = [path for path in (sys.executable, "/usr/bin/python3") if may_run(path, PROJECT, binaries)]
    if not reachable:
        pytest.skip("no Python 3.11 that an ordinary user may run")
    (folder / "hers").mkdir()
    os.chown(folder / "hers", *nobody())
    code = """
        import os, pathlib, sys
        from booking import embedded
        with embedded.running(pathlib.Path(sys.argv[1]), binaries=pathlib.Path(sys.argv[2])) as server:
            print(os.getuid(), os.stat(f"/proc/{server.pid}").st_uid, server.sql("SELECT 7"))
    """
    command = [reachable[0], "-B", "-c", textwrap.dedent(code), str(folder / "hers" / "data"), str(binaries)]
    done = as_nobody(command)
    assert done.stdout.split() == [str(nobody()[0]), str(nobody()[0]), "7"], done.stderr


def nobody() -> tuple[int, int]:
    entry = pwd.getpwnam("nobody")
    return entry.pw_uid, entry.pw_gid


def as_nobody(command: list[str]) -> subprocess.CompletedProcess[str]:
    uid, gid = nobody()
    return subprocess.run(
        command,
        user=uid,
        group=gid,
        extra_groups=[],
        cwd="/",
        env={"PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        check=False,
    )


def may_run(python: str, *paths: Path) -> bool:
    code = (
        "import os, sys; sys.exit(sys.version_info < (3, 11) or not all(os.access(p, os.X_OK) for p in sys.argv[1:]))"
    )
    try:
        return as_nobody([python, "-c", code, *map(str, paths)]).returncode == 0
    except PermissionError:
        return False
