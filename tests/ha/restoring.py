"""`make test-ha ARGS=--restore`: the way back where Patroni keeps the database, as docs/operations.md tells it.

Rows are written, backed up, and deleted. Then all that "Restore" under "Backups here" says, by deploy/backup/restore.sh
and the tools themselves; afterwards three machines hold what was there before, and confirm only what two of them have.
"""

import asyncio
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

import asyncpg
import httpx

from booking.migrations.upgrading import migrate_async
from tests.conftest import environment
from tests.ha.cluster import DEPLOY, Cluster
from tests.ha.network import DATABASES, MACHINES, on

ROWS: Final = 500
BIN: Final = Path("/usr/lib/postgresql/15/bin")
AS_POSTGRES: Final = ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--init-groups"]
RESTORE: Final = DEPLOY.parent / "backup" / "restore.sh"
_SAME: Final = "SELECT count(*) || ' ' || coalesce(md5(string_agg(said, ',' ORDER BY id)), '') FROM kept"


def settings_of(home: Path, machine: str) -> Path:
    """deploy/backup/pgbackrest.conf with the paths of this rig."""
    for name in ("repository", "logs"):
        (home / name).mkdir(mode=0o700, exist_ok=True)
        shutil.chown(home / name, "postgres", "postgres")
    text = (DEPLOY.parent / "backup" / "pgbackrest.conf").read_text("utf-8")
    for old, new in (
        ("/var/backups/henkham", home / "repository"), ("PUT-THE-PASSPHRASE-HERE", "a-passphrase-of-a-rig"),
        ("/var/log/pgbackrest", home / "logs"), ("/tmp/pgbackrest", home / "logs"),
        ("/var/spool/pgbackrest", home / "logs"),
        ("/var/lib/postgresql/15/main", f"{home}/{machine}-data\npg1-socket-path={home}/{machine}-sockets"),
    ):  # fmt: skip
        assert old in text, old
        text = text.replace(old, str(new))
    path = home / f"{machine}-pgbackrest.conf"
    path.write_text(text, "utf-8")
    shutil.chown(path, "postgres", "postgres")
    path.chmod(0o600)
    return path


async def run(cluster: Cluster, url: str, connected: Any) -> bool:
    """Whether all came back, and only that."""
    await migrate_async(url)
    leader = cluster.one("leader")
    assert leader is not None
    _backrest(cluster, leader, "stanza-create")
    connection = await connected(url)
    await connection.execute("CREATE TABLE kept (id int PRIMARY KEY, said text NOT NULL)")
    _backrest(cluster, leader, "--type=full", "backup")
    values = [(number, os.urandom(8).hex()) for number in range(ROWS)]
    await connection.executemany("INSERT INTO kept VALUES ($1, $2)", values)
    whole = await connection.fetchval(_SAME)
    await asyncio.sleep(2)
    moment = (await connection.fetchval("SELECT now() AT TIME ZONE 'UTC'")).strftime("%Y-%m-%d %H:%M:%S+00")
    await asyncio.sleep(2)
    await connection.execute("DELETE FROM kept WHERE id % 2 = 0")
    await connection.execute("INSERT INTO kept VALUES (-1, 'afterwards')")
    damaged = await connection.fetchval(_SAME)
    await _archived(connection)
    await connection.close()
    print(f"{ROWS} rows were there, then {damaged.split()[0]}; back to {moment}", flush=True)

    began = time.monotonic()
    await asyncio.to_thread(_put_back, cluster, leader, moment)
    connection = await connected(url)
    found = await connection.fetchval(_SAME)
    _after(url)
    await connection.execute("INSERT INTO kept VALUES (-2, 'a promise after it')")
    sync = await connection.fetch(
        "SELECT application_name FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum')"
    )
    await connection.close()
    strict = await asyncio.to_thread(_strict, leader)
    _backrest(cluster, leader, "check")
    _backrest(cluster, leader, "--type=full", "backup")
    same = "the same" if found == whole else "OTHERS"
    print(f"back after {time.monotonic() - began:.0f} s: {found.split()[0]} rows, {same};", end=" ")
    print(f"synchronous standbys {len(sync)}, strict {strict}, WAL archived, a new backup made", flush=True)
    return found == whole != damaged and len(sync) >= 1 and strict


def _strict(leader: str) -> bool:
    """Whether the cluster still confirms only what two machines have."""
    agreed = httpx.get(f"http://{MACHINES[leader]}:8008/config", timeout=5).json()
    return agreed.get("synchronous_mode") is True and agreed.get("synchronous_mode_strict") is True


def _put_back(cluster: Cluster, leader: str, moment: str) -> None:
    """The steps of docs/operations.md, one after another."""
    others = [each for each in DATABASES if each != leader]
    for machine in (*others, leader):  # 1. Patroni is stopped, the primary's last
        cluster.patronis[machine].terminate()
        cluster.patronis[machine].wait(90)
    data, sockets = cluster.home / f"{leader}-data", cluster.home / f"{leader}-sockets"
    assert not (data / "postmaster.pid").exists(), "PostgreSQL runs without Patroni"
    as_postgres = " ".join(AS_POSTGRES)
    ctl = f"{as_postgres} {BIN}/pg_ctl -w -t 600 -D {data} -l {cluster.home}/logs/restored.log"
    told = {  # 2. restore.sh
        "HENKHAM_STOP": "true", "HENKHAM_START": f"{ctl} -o -clisten_addresses= start", "HENKHAM_AFTER": "true",
        "HENKHAM_DATA": str(data), "HENKHAM_PSQL": f"{as_postgres} psql -h {sockets} -d henkham",
        "HENKHAM_PGBACKREST": f"{as_postgres} pgbackrest --config={cluster.home / f'{leader}-pgbackrest.conf'}",
    }  # fmt: skip
    _run(on(leader, [str(RESTORE), moment]), told)
    _run(on(leader, [*ctl.split(), "stop"]))  # 3. PostgreSQL is stopped, and the old cluster's state goes
    remove = [
        str(cluster.patroni.with_name("patronictl")),
        "-c",
        str(cluster.home / f"{leader}.yaml"),
        "remove",
        "henkham",
    ]
    _run(on(leader, remove, user="postgres"), cluster.variables(leader), said="henkham\nYes I am aware\n")
    cluster.start_patroni(leader)  # 4. Patroni takes over what is there
    _leads(leader)
    for machine in others:  # 5. the others begin empty
        shutil.rmtree(cluster.home / f"{machine}-data")
        cluster.start_patroni(machine)
    cluster.healthy()


def _leads(machine: str) -> None:
    for _ in range(120):
        try:
            if httpx.get(f"http://{MACHINES[machine]}:8008/primary", timeout=2).status_code == httpx.codes.OK:
                return
        except httpx.HTTPError:
            pass
        time.sleep(1)
    raise AssertionError(f"Patroni does not take over what was restored on {machine}")


def _after(url: str) -> None:
    """6. On a machine with web processes, before they are started."""
    henkham = str(Path(sys.executable).with_name("henkham"))
    _run([henkham, "after-restore"], environment(url))


async def _archived(connection: asyncpg.Connection) -> None:
    """Until all that was written is in the repository."""
    segment = await connection.fetchval("SELECT pg_walfile_name(pg_switch_wal())")
    for _ in range(120):
        if await connection.fetchval("SELECT last_archived_wal >= $1 FROM pg_stat_archiver", segment):
            return
        await asyncio.sleep(0.5)
    raise AssertionError("WAL does not arrive in the repository")


def _backrest(cluster: Cluster, machine: str, *words: str) -> None:
    config = f"--config={cluster.home / f'{machine}-pgbackrest.conf'}"
    _run(on(machine, ["pgbackrest", config, "--stanza=henkham", *words], user="postgres"))


def _run(command: list[str], variables: dict[str, str] | None = None, *, said: str = "") -> None:
    done = subprocess.run(
        command, env={"PATH": os.environ["PATH"], **(variables or {})}, input=said, text=True, check=False, timeout=600,
        capture_output=True, cwd="/",
    )  # fmt: skip
    if done.returncode != 0:
        raise AssertionError(f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}")
