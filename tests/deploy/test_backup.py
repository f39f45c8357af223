"""The drill: rows are deleted, the database is put back to just before, and nothing differs.

By the scripts of `deploy/backup`, as they are, on a PostgreSQL 15 of this machine that archives into an encrypted
repository.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from booking import embedded
from booking.embedded import places
from booking.embedded import server as embedded_server
from booking.migrations.upgrading import migrate
from tests.deploy.installed import DEPLOY
from tests.postgres import LOWEST, scratch

NAME = "henkham"


def pgbackrest_or_skip() -> None:
    """Without pgBackRest or PostgreSQL 15 the drill is skipped, and in CI fails."""
    if shutil.which("pgbackrest") and embedded.system_binaries(LOWEST):
        return
    reason = "NO PGBACKREST OR NO POSTGRESQL 15: the restore was not tried (apt-get install pgbackrest postgresql)"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def _as_the_server() -> dict[str, Any]:
    """Who runs PostgreSQL makes its backups: where we are root, that is somebody else."""
    account = places.account()
    return {} if account is None else {"user": account.uid, "group": account.gid, "extra_groups": []}


@dataclass
class Hospital:
    """A server that archives, and what restore.sh needs to put it back."""

    home: Path
    folder: Path
    server: embedded.Server
    running: ExitStack

    def environment(self) -> dict[str, str]:
        """pgBackRest's configuration, laid down by the test, and the password of the server."""
        return {
            "PATH": os.environ["PATH"], "PGBACKREST_CONFIG": str(self.folder / "pgbackrest.conf"),
            "PGPASSWORD": self.server._password, "LC_ALL": "C.UTF-8",
            "PGBACKREST_JOB_RETRY": "0",  # a damaged file is read again after a quarter of a minute; it stays damaged
        }  # fmt: skip

    def pgbackrest(self, *arguments: str) -> None:
        """Run it for our stanza."""
        command = ["pgbackrest", "--stanza=henkham", *arguments]
        done = subprocess.run(
            command, env=self.environment(), check=False, capture_output=True, text=True, **_as_the_server()
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def script(self, name: str, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        """One of ours."""
        return subprocess.run(
            [str(DEPLOY / "backup" / name), *arguments],
            env=self.environment() | more, check=False, capture_output=True, text=True, cwd="/", **_as_the_server(),
        )  # fmt: skip

    def start(self) -> None:
        """Start PostgreSQL on the data folder as it is."""
        self.server = self.running.enter_context(
            embedded.running(self.home, binaries=embedded.system_binaries(LOWEST), port=self.server.port)
        )

    def stop(self) -> None:
        """Stop it."""
        self.running.close()

    def digest(self) -> dict[str, str]:
        """A hash of the rows of each table."""
        tables = self.server.sql(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1", database=NAME
        ).splitlines()
        sums = " UNION ALL ".join(
            f"SELECT '{table}', coalesce(md5(string_agg(t::text, ';' ORDER BY t::text)), '') FROM {table} t"
            for table in tables
        )
        return dict(line.split("|") for line in self.server.sql(sums, database=NAME).splitlines())


@pytest.fixture
def hospital(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hospital]:
    """A server with some rows, the configuration of `deploy/backup`, and one full backup."""
    pgbackrest_or_skip()
    with scratch() as folder, ExitStack() as running:
        for name in ("repo", "log", "lock", "spool", "socket", "empty"):
            (folder / name).mkdir()
            (folder / name).chmod(0o777)  # the server's user is not ours where we are root
        home = folder / "data"
        _configure(folder, home)
        archiving = {
            "unix_socket_directories": str(folder / "socket"),
            "archive_command": f"pgbackrest --config={folder}/pgbackrest.conf --stanza=henkham archive-push %p",
            "archive_mode": "on", "wal_level": "replica", "archive_timeout": "60s",
        }  # fmt: skip
        monkeypatch.setattr(embedded_server, "_SETTINGS", embedded_server._SETTINGS | archiving)
        server = running.enter_context(embedded.running(home, binaries=embedded.system_binaries(LOWEST)))
        conf = folder / "pgbackrest.conf"
        conf.write_text(conf.read_text().replace("pg1-port=5432", f"pg1-port={server.port}"))
        made = Hospital(home, folder, server, running)
        server.create_database(NAME)
        migrate(server.url(NAME))
        _rows(made, 500)
        made.pgbackrest("stanza-create")
        made.pgbackrest("--type=full", "backup")
        yield made


def _configure(folder: Path, home: Path) -> None:
    """`deploy/backup/pgbackrest.conf` with our folders; nothing else is changed."""
    text = (DEPLOY / "backup/pgbackrest.conf").read_text("utf-8")
    for old, new in (
        ("/var/backups/henkham", f"{folder}/repo"), ("/var/log/pgbackrest", f"{folder}/log"),
        ("/tmp/pgbackrest", f"{folder}/lock"), ("/var/spool/pgbackrest", f"{folder}/spool"),
        ("/var/lib/postgresql/15/main", f"{home}/postgres"), ("pg1-user=postgres", "pg1-user=henkham"),
        ("PUT-THE-PASSPHRASE-HERE", "passphrase-of-a-test"),
    ):  # fmt: skip
        assert old in text, old
        text = text.replace(old, new)
    (folder / "pgbackrest.conf").write_text(f"{text}pg1-socket-path={folder}/socket\n", "utf-8")
    (folder / "pgbackrest.conf").chmod(0o644)


def _rows(made: Hospital, count: int) -> None:
    made.server.sql(
        "INSERT INTO search_word (kind, phrase, target, active)"
        f" SELECT 'service', 'mau ' || gen_random_uuid(), 'kham', true FROM generate_series(1, {count})",
        database=NAME,
    )


def _restore(made: Hospital, moment: str) -> subprocess.CompletedProcess[str]:
    """restore.sh, while this process stops and starts the server for it: the server is our child, not the script's."""
    port = str(made.server.port)
    process = subprocess.Popen(
        ["bash", str(DEPLOY / "backup/restore.sh"), moment],
        env=made.environment() | {
            "HENKHAM_PGBACKREST": f"pgbackrest --config={made.folder}/pgbackrest.conf",
            "HENKHAM_DATA": str(made.home / "postgres"),
            "HENKHAM_STOP": f"{made.folder}/stop", "HENKHAM_START": f"{made.folder}/start",
            "HENKHAM_PSQL": f"psql -h {made.folder}/socket -p {port} -U henkham -d {NAME}",
            "HENKHAM_AFTER": f"touch {made.folder}/told",
        },
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    return _attended(made, process)


def _attended(made: Hospital, process: "subprocess.Popen[str]") -> subprocess.CompletedProcess[str]:
    while process.poll() is None:
        for name, work in (("stop", made.stop), ("start", made.start)):
            asked = made.folder / f"{name}.asked"
            if asked.exists():
                asked.unlink()
                try:
                    work()
                except BaseException:
                    process.kill()
                    process.communicate()
                    raise
                (made.folder / f"{name}.done").touch()
        time.sleep(0.05)
    assert process.stdout is not None
    with process.stdout:
        return subprocess.CompletedProcess(process.args, process.returncode, process.stdout.read(), "")


@pytest.fixture(autouse=True)
def _switches(request: pytest.FixtureRequest) -> None:
    """The two commands restore.sh calls to stop and start PostgreSQL: they ask this process and wait for it."""
    made: Hospital = request.getfixturevalue("hospital")
    for name in ("stop", "start"):
        script = made.folder / name
        script.write_text(
            f"#!/bin/sh\nrm -f {script}.done\ntouch {script}.asked\nwhile [ ! -e {script}.done ]; do sleep 0.1; done\n"
        )
        script.chmod(0o755)


def _now(made: Hospital) -> str:
    return made.server.sql("SELECT to_char(clock_timestamp(), 'YYYY-MM-DD HH24:MI:SS.US') || '+00'")


def _accident(made: Hospital) -> tuple[dict[str, str], str]:
    """Rows after the backup, a moment, then what nobody wanted; all of it archived."""
    _rows(made, 50)
    before = made.digest()
    time.sleep(1.1)  # pgBackRest keeps the end of a backup in whole seconds, and looks for one that ended before
    moment = _now(made)
    time.sleep(0.05)
    made.server.sql("DELETE FROM search_word WHERE phrase LIKE 'mau %'", database=NAME)
    made.server.sql("SELECT pg_switch_wal()")
    return before, moment


def test_put_back_to_just_before_nothing_differs(hospital: Hospital) -> None:
    before, moment = _accident(hospital)
    after = hospital.digest()
    refused = _restore(hospital, moment.removesuffix("+00"))
    assert refused.returncode == 2
    assert "zone" in refused.stdout
    assert hospital.digest() == after != before  # nothing was stopped, nothing was changed
    done = _restore(hospital, moment)
    assert done.returncode == 0, done.stdout
    assert hospital.digest() == before
    assert (hospital.folder / "told").exists()
    assert len(list(hospital.home.glob("postgres.before-restore-*"))) == 1


def test_control_put_back_as_far_as_it_goes_the_rows_are_gone(hospital: Hospital) -> None:
    before, _ = _accident(hospital)
    done = _restore(hospital, "latest")
    assert done.returncode == 0, done.stdout
    assert "The last transaction that came back is of 20" in done.stdout
    assert hospital.digest() != before


def test_a_backup_is_unreadable_without_its_passphrase_and_a_damaged_one_is_found(hospital: Hospital) -> None:
    written = b"".join(path.read_bytes() for path in (hospital.folder / "repo").rglob("*") if path.is_file())
    assert len(written) > 1_000_000
    assert b"search_word" not in written
    assert b"PostgreSQL" not in written
    assert hospital.script("check.sh", str(hospital.folder / "empty")).returncode == 0
    _damage(hospital.folder / "repo/backup", lambda path: path.suffix == ".zst" or "bundle" in path.parts)
    done = hospital.script("check.sh", str(hospital.folder / "empty"))
    assert done.returncode == 1
    assert "damaged or missing" in done.stderr
    assert not list((hospital.folder / "empty").iterdir())


def test_damaged_wal_is_found_and_no_restore_passes_over_it_in_silence(hospital: Hospital) -> None:
    _rows(hospital, 50)
    damaged = hospital.server.sql("SELECT pg_walfile_name(pg_current_wal_lsn())")
    hospital.server.sql("SELECT pg_switch_wal()")
    _rows(hospital, 50)
    whole = hospital.script("check.sh", str(hospital.folder / "empty"))  # it waits until all of it has arrived
    assert whole.returncode == 0, whole.stdout + whole.stderr
    old = hospital.script("check.sh", str(hospital.folder / "empty"), HENKHAM_BACKUP_HOURS="0")
    assert (old.returncode, "hours old" in old.stderr) == (1, True)
    _damage(hospital.folder / "repo/archive", lambda path: path.name.startswith(damaged))
    done = hospital.script("check.sh", str(hospital.folder / "empty"))
    assert (done.returncode, "damaged or missing" in done.stderr) == (1, True), done.stdout + done.stderr
    done = _restore(hospital, "latest")
    assert done.returncode == 1, done.stdout
    assert "THIS IS NOT ALL" in done.stdout
    assert not (hospital.folder / "told").exists()


def _damage(folder: Path, chosen: Callable[[Path], bool]) -> None:
    """Change some bytes in the middle of the largest file of the backup."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink() and chosen(path)]
    largest = max(files, key=lambda path: path.stat().st_size)
    held = bytearray(largest.read_bytes())
    middle = len(held) // 2
    held[middle : middle + 64] = bytes(byte ^ 0xFF for byte in held[middle : middle + 64])
    largest.write_bytes(bytes(held))
