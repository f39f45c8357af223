"""The embedded server: it starts anywhere, keeps its data, refuses strangers, and never outlives its parent."""

import asyncio
import dataclasses
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import asyncpg
import psutil
import pytest

from booking import embedded
from booking.embedded import cluster
from booking.embedded import server as server_module
from tests import postgres

PROJECT = Path(embedded.__file__).parents[2]
PATIENCE = 20.0

PARENT = """
    import sys, time
    from pathlib import Path
    from booking import embedded
    from booking.embedded import process
    if sys.argv[3] == "unguarded":
        process.DEATH_SIGNAL = 0
    with embedded.running(Path(sys.argv[1]), binaries=Path(sys.argv[2])) as server:
        server.sql("CREATE TABLE IF NOT EXISTS kept (n int)")
        server.sql("INSERT INTO kept VALUES (1)")
        print(server.pid, flush=True)
        time.sleep(600)
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    with postgres.scratch() as scratch:
        yield scratch


@pytest.fixture(scope="module")
def wheel() -> Iterator[postgres.Cluster]:
    with postgres.running() as running:
        yield running


@pytest.fixture(params=[postgres.WHEEL, pytest.param(postgres.LOWEST, marks=pytest.mark.postgres15)])
def binaries(request: pytest.FixtureRequest) -> Path:
    found = postgres.binaries(request.param)
    if found is None:
        pytest.skip(f"PostgreSQL {request.param} is not installed here")
    return found


def living(processes: list[psutil.Process], patience: float = 0) -> list[psutil.Process]:
    """Those that still run, after at most `patience` seconds; whom nobody buried yet is dead all the same."""
    deadline = time.monotonic() + patience
    while True:
        left = [process for process in processes if alive(process)]
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.01)


def alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.005)


@contextmanager
def parent(home: Path, binaries: Path, *, guarded: bool = True) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", textwrap.dedent(PARENT), str(home), str(binaries)]
    with subprocess.Popen(
        [*command, "guarded" if guarded else "unguarded"], cwd=PROJECT, stdout=subprocess.PIPE, text=True
    ) as child:
        try:
            yield child
        finally:
            child.kill()


def server_of(child: subprocess.Popen[str]) -> list[psutil.Process]:
    """The postmaster and its children."""
    assert child.stdout
    postmaster = psutil.Process(int(child.stdout.readline()))
    return [postmaster, *postmaster.children()]


def test_data_stays_in_a_folder_with_spaces_and_accents(folder: Path, binaries: Path) -> None:
    home = folder / "dữ liệu của Hẹn Khám" / "đặt chỗ"
    with embedded.running(home, binaries=binaries) as server:
        server.create_database("henkham")
        server.sql("CREATE TABLE t AS SELECT 'Vũng Tàu' AS place", database="henkham")
        assert server.sql("SHOW server_encoding") == "UTF8"
        assert server.sql("SHOW fsync") == "on"
        first = server.sql("SELECT system_identifier FROM pg_control_system()")
    assert not psutil.pid_exists(server.pid)
    with embedded.running(home, binaries=binaries) as server:
        assert server.sql("SELECT place FROM t", database="henkham") == "Vũng Tàu"
        assert server.sql("SELECT system_identifier FROM pg_control_system()") == first
        assert server.has_database("henkham")
        assert not server.has_database("other")


def test_two_servers_run_at_once_and_one_folder_is_refused_twice(folder: Path) -> None:
    with (
        embedded.running(folder / "one", durable=False) as one,
        embedded.running(folder / "two", durable=False) as two,
    ):
        assert one.port != two.port
        assert one.sql("SELECT 1") == two.sql("SELECT 1") == "1"
        with pytest.raises(embedded.DataFolderBusy, match="in use"), embedded.running(folder / "one"):
            pass
        assert one.sql("SELECT 1") == "1"


def test_kill_9_of_the_parent_leaves_no_server_and_hurts_no_data(folder: Path, binaries: Path) -> None:
    for round_ in (1, 2):
        with parent(folder / "data", binaries) as child:
            processes = server_of(child)
            assert len(living(processes)) > 1
            child.kill()
            assert living(processes, PATIENCE) == []
        with embedded.running(folder / "data", binaries=binaries) as server:
            assert server.sql("SELECT count(*) FROM kept") == str(round_)


def test_without_the_death_signal_a_server_is_left(
    folder: Path, binaries: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "_ORPHAN_SECONDS", 0.2)
    with parent(folder / "data", binaries, guarded=False) as child:
        processes = server_of(child)
        child.kill()
        child.wait()
    try:
        assert living(processes, 1.0) != []
        with (
            pytest.raises(embedded.DataFolderBusy, match=rf"kill -INT {processes[0].pid}\b"),
            embedded.running(folder / "data", binaries=binaries),
        ):
            pass
    finally:
        processes[0].send_signal(signal.SIGINT)
    assert living(processes, PATIENCE) == []


def stop_later(process: psutil.Process) -> None:
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)


def test_a_start_waits_for_the_server_of_a_killed_parent(folder: Path) -> None:
    found = embedded.wheel_binaries()
    with parent(folder / "data", found, guarded=False) as child:
        processes = server_of(child)
        child.kill()
        child.wait()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(stop_later, processes[0])
        with embedded.running(folder / "data", binaries=found) as server:
            assert server.sql("SELECT count(*) FROM kept") == "1"


def test_kill_9_in_the_middle_of_initdb_begins_anew(folder: Path) -> None:
    home = folder / "data"
    with parent(home, embedded.wheel_binaries()) as child:
        until(lambda: list(home.glob("new-*/postgres/base")))
        child.kill()
    assert list(home.glob("new-*")), "initdb was over before the kill; nothing was tested"
    with embedded.running(home) as server:
        assert server.sql("SELECT 1") == "1"
        assert not list(home.glob("new-*"))


def test_a_postmaster_pid_that_names_somebody_else_is_no_obstacle(
    folder: Path, wheel: postgres.Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = folder / "data"
    with embedded.running(home, durable=False):
        stale = (home / "postgres" / "postmaster.pid").read_text().splitlines()
    owner = (home / "postgres").stat()
    with (home / "postgres" / "postmaster.pid").open("w") as file:
        file.write("\n".join([str(wheel.server.pid), *stale[1:], ""]))
    os.chown(home / "postgres" / "postmaster.pid", owner.st_uid, owner.st_gid)
    with monkeypatch.context() as guard_off:
        guard_off.setattr(Path, "unlink", lambda _self, **_options: None)
        with pytest.raises(embedded.EmbeddedError, match=r"postmaster\.pid.* already exists"), embedded.running(home):
            pass
    with embedded.running(home, durable=False) as server:
        assert server.sql("SELECT 1") == "1"


def test_it_outlives_the_thread_that_started_it(folder: Path) -> None:
    with ExitStack() as stack:
        with ThreadPoolExecutor(1) as pool:
            server = pool.submit(stack.enter_context, embedded.running(folder / "data", durable=False)).result()
        assert living([psutil.Process(server.pid)], 0.5) != []
        assert server.sql("SELECT 1") == "1"


def test_without_a_thread_of_its_own_a_program_ends_with_the_thread_that_started_it() -> None:
    command = [sys.executable, "-I", "-S", str(Path(embedded.__file__).with_name("launch.py"))]
    command += [str(os.getpid()), str(int(signal.SIGKILL)), "-1", "-1", "/bin/sleep", "60"]
    with ThreadPoolExecutor(1) as pool:
        process = pool.submit(subprocess.Popen, command).result()
        until(lambda: psutil.Process(process.pid).name() == "sleep")
    assert process.wait(PATIENCE) == -signal.SIGKILL


def test_ctrl_c_is_not_for_the_server(wheel: postgres.Cluster) -> None:
    assert os.getsid(wheel.server.pid) != os.getsid(0)


def test_strangers_get_nowhere(wheel: postgres.Cluster) -> None:
    postmaster = psutil.Process(wheel.server.pid)
    listening = [each for each in postmaster.net_connections("inet") if each.status == psutil.CONN_LISTEN]
    assert [each.laddr for each in listening] == [("127.0.0.1", wheel.server.port)]
    assert wheel.server.sql("SHOW unix_socket_directories") == ""
    assert "trust" not in wheel.server.sql("SELECT auth_method FROM pg_hba_file_rules").splitlines()
    with pytest.raises(embedded.EmbeddedError, match="password authentication failed"):
        dataclasses.replace(wheel.server, _password="wrong").sql("SELECT 1")
    assert wheel.server.url("x").split("@")[0] not in repr(wheel.server)


def test_the_url_is_for_the_driver(wheel: postgres.Cluster) -> None:
    async def ask(url: str) -> object:
        connection = await asyncpg.connect(url)
        try:
            return await connection.fetchval("SELECT current_database()")
        finally:
            await connection.close()

    with wheel.database() as url:
        assert asyncio.run(ask(url)) == url.rsplit("/", 1)[1]


def test_a_port_that_was_just_taken_is_tried_no_more(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        used: int = taken.getsockname()[1]
        with pytest.raises(embedded.EmbeddedError, match="could not bind"), embedded.running(folder / "a", port=used):
            pass
        free = server_module._free_port()
        ports = iter([used, free])
        monkeypatch.setattr(server_module, "_free_port", lambda: next(ports))
        with embedded.running(folder / "a") as server:
            assert server.port == free
    with embedded.running(folder / "a", port=free) as server:
        assert server.port == free


def test_a_server_that_cannot_start_says_why(folder: Path) -> None:
    home = folder / "data"
    with embedded.running(home, durable=False):
        pass
    (home / "postgres" / "PG_VERSION").write_text("9\n")
    with pytest.raises(embedded.EmbeddedError, match="initialized by PostgreSQL version 9"), embedded.running(home):
        pass


def test_a_name_that_needs_quoting_is_refused(wheel: postgres.Cluster) -> None:
    with pytest.raises(embedded.EmbeddedError, match="not a name"):
        wheel.server.drop_database('x"; DROP DATABASE postgres; --')


def test_a_template_is_prepared_once_and_closed(wheel: postgres.Cluster) -> None:
    prepared: list[str] = []

    def prepare(url: str) -> None:
        prepared.append(url)
        wheel.server.sql("CREATE TABLE t (n int)", database=url.rsplit("/", 1)[1])

    template = wheel.template(prepare)
    assert wheel.template(prepare) == template
    assert len(prepared) == 1
    with wheel.database(template) as one, wheel.database(template) as two:
        first, second = (url.rsplit("/", 1)[1] for url in (one, two))
        wheel.server.sql("INSERT INTO t VALUES (1)", database=first)
        assert wheel.server.sql("SELECT count(*) FROM t", database=second) == "0"
    with wheel.database():
        assert not wheel.server.has_database(first)
    with pytest.raises(embedded.EmbeddedError, match="not currently accepting connections"):
        wheel.server.sql("SELECT 1", database=template)
