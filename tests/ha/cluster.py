"""The cluster of `deploy/ha/`: etcd and Patroni on each database machine, HAProxy and web processes on the client's."""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx

from booking.settings import load
from tests.conftest import environment
from tests.ha import network
from tests.ha.network import CLIENT, DATABASES, MACHINES, on

DEPLOY: Final = Path(__file__).parent.parent.parent / "deploy" / "ha"
PASSWORD: Final = "pass-of-a-rig"
PORTS: Final = (8001, 8002)
_BIN: Final = Path("/usr/lib/postgresql/15/bin")
_FIRST: Final = "    log_min_duration_statement: 2s"
_ARCHIVES: Final = "pgbackrest --stanza=henkham archive-push %p"
_HEALTHY_WITHIN: Final = 150.0


class NotHealthyError(AssertionError):
    """The cluster did not come to rest in time."""


@dataclass
class Cluster:
    """What runs. `patroni` is the program; `home` holds data, settings and logs.

    `archives` says how a machine archives its WAL; without it the rig has no repository of backups, and WAL counts as
    archived.
    """

    home: Path
    patroni: Path
    archives: Callable[[str], str] = field(default=lambda _: "/bin/true")
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)
    patronis: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    """The newest of each machine."""

    def start(self) -> None:
        """Everything but the web processes, which need a schema."""
        for machine in DATABASES:
            self.start_machine(machine)
        self.healthy()
        self._start_proxy()

    def start_machine(self, machine: str) -> None:
        """etcd and Patroni of one machine, on the data that is there."""
        self._start_etcd(machine)
        self.start_patroni(machine)

    def _spawn(self, command: list[str], name: str, variables: dict[str, str]) -> subprocess.Popen[bytes]:
        log = (self.home / f"{name}.log").open("ab")
        process = subprocess.Popen(
            command, stdout=log, stderr=subprocess.STDOUT, env={"PATH": os.environ["PATH"], **variables}, cwd=self.home,
            start_new_session=True,
        )  # fmt: skip
        self.started.append(process)
        return process

    def folder(self, name: str) -> Path:
        """A folder of the user postgres, made where it is missing."""
        made = self.home / name
        made.mkdir(mode=0o700, exist_ok=True)
        shutil.chown(made, "postgres", "postgres")
        return made

    def _filled(self, path: Path, machine: str) -> dict[str, str]:
        """The variables of an example, with this machine's name, addresses and paths."""
        text = path.read_text("utf-8")
        for number, one in enumerate(DATABASES, 1):
            text = text.replace(f"10.0.0.{number}:", f"{MACHINES[one]}:")
        found = dict(re.findall(r"^([A-Z0-9_]+)=(.*)$", text, re.MULTILINE))
        mine = MACHINES[machine]
        return {
            name: value.replace(f"{MACHINES['db1']}:", f"{mine}:") if _own(name) else value
            for name, value in found.items()
        } | {name: machine for name in ("PATRONI_NAME", "ETCD_NAME") if name in found}  # fmt: skip

    def _start_etcd(self, machine: str) -> None:
        variables = self._filled(DEPLOY / "etcd.env.example", machine)
        variables["ETCD_DATA_DIR"] = str(self.folder(f"{machine}-etcd"))
        self._spawn(on(machine, ["etcd"], user="postgres"), f"{machine}-etcd", variables)

    def variables(self, machine: str) -> dict[str, str]:
        """What Patroni and its tools are told there."""
        variables = self._filled(DEPLOY / "patroni.env.example", machine)
        return variables | {
            "PATRONI_POSTGRESQL_DATA_DIR": str(self.folder(f"{machine}-data")),
            "PATRONI_POSTGRESQL_BIN_DIR": str(_BIN),
            "PATRONI_POSTGRESQL_PGPASS": str(self.folder(f"{machine}-home") / "pgpass"),
            **{name: PASSWORD for name in variables if name.endswith("_PASSWORD")},
        }

    def start_patroni(self, machine: str) -> None:
        """Patroni alone, on whatever data are there."""
        shared = (DEPLOY / "patroni.yaml").read_text("utf-8")
        placed = f"    unix_socket_directories: {self.folder(f'{machine}-sockets')}\n{_FIRST}"
        own = self.home / f"{machine}.yaml"
        assert _ARCHIVES in shared
        own.write_text(shared.replace(_ARCHIVES, self.archives(machine)).replace(_FIRST, placed), "utf-8")
        command = on(machine, [str(self.patroni), str(own)], user="postgres")
        self.patronis[machine] = self._spawn(command, f"{machine}-patroni", self.variables(machine))

    def _start_proxy(self) -> None:
        variables = {f"HENKHAM_DB{number}": MACHINES[one] for number, one in enumerate(DATABASES, 1)}
        self._spawn(on(CLIENT, ["haproxy", "-db", "-f", str(DEPLOY / "haproxy.cfg")]), "haproxy", variables)
        for _ in range(100):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", 5432), timeout=1):
                return
            time.sleep(0.2)
        raise NotHealthyError("HAProxy takes no connection")

    def start_web(self, python: str, url: str) -> None:
        """Two web processes that know the proxy alone."""
        variables = environment(url, HENKHAM_LOG_LEVEL="WARNING")
        load(variables)
        for port in PORTS:
            command = [python, "-m", "uvicorn", "--factory", "booking.cli.serving:application", "--port", str(port),
                       "--no-access-log", "--log-level", "warning"]  # fmt: skip
            process = self._spawn(command, f"web-{port}", variables | {"PYTHONPATH": str(DEPLOY.parent.parent)})
            _await(f"http://127.0.0.1:{port}/readyz", process)

    def state(self) -> dict[str, Any]:
        """What Patroni says of itself on whichever machine answers."""
        for machine in DATABASES:
            try:
                answer = httpx.get(f"http://{MACHINES[machine]}:8008/cluster", timeout=2)
            except httpx.HTTPError:
                continue
            found: dict[str, Any] = answer.json()
            if found.get("members"):
                return found
        return {"members": []}

    def one(self, *roles: str) -> str | None:
        """The machine that has a role: leader, sync_standby, replica."""
        return next((each["name"] for each in self.state()["members"] if each["role"] in roles), None)

    def healthy(self) -> None:
        """Wait until there are a leader, a synchronous standby, and a third that streams.

        Raises:
            NotHealthyError: it took too long.
        """
        until = time.monotonic() + _HEALTHY_WITHIN
        while time.monotonic() < until:
            members = self.state()["members"]
            # A standby that merely runs may be rewinding, or be copied anew: it stands in for nobody yet.
            good = [one for one in members if one["state"] == ("running" if one["role"] == "leader" else "streaming")]
            roles = {one["role"] for one in good}
            if len(good) == len(DATABASES) and "leader" in roles and roles & {"sync_standby", "quorum_standby"}:
                return
            if len(good) == len(DATABASES) and not self.synchronous() and "leader" in roles:
                return
            time.sleep(1)
        raise NotHealthyError(str(self.state()))

    def synchronous(self) -> bool:
        """Whether commits wait for a standby, as the file says unless a control changed it."""
        try:
            leader = next(each for each in self.state()["members"] if each["role"] == "leader")
            answer = httpx.get(f"http://{MACHINES[leader['name']]}:8008/config", timeout=2)
        except (StopIteration, httpx.HTTPError):
            return True
        return bool(answer.json().get("synchronous_mode", True))

    def configure(self, **values: object) -> None:
        """Change what the cluster agreed on."""
        leader = self.one("leader")
        assert leader is not None
        answer = httpx.patch(
            f"http://{MACHINES[leader]}:8008/config", json=values, auth=("patroni", PASSWORD), timeout=5
        )
        answer.raise_for_status()

    def switch_over(self) -> None:
        """Hand the lock over in order, as before maintenance."""
        leader, standby = self.one("leader"), self.one("sync_standby")
        answer = httpx.post(
            f"http://{MACHINES[leader or 'db1']}:8008/switchover", json={"leader": leader, "candidate": standby},
            auth=("patroni", PASSWORD), timeout=60,
        )  # fmt: skip
        if answer.is_error:
            raise AssertionError(answer.text)

    def postmaster(self, machine: str) -> int:
        """The first process of PostgreSQL there."""
        return int((self.home / f"{machine}-data" / "postmaster.pid").read_text("utf-8").split()[0])

    def stop(self) -> None:
        """End what was started."""
        for machine in MACHINES:
            network.send(machine, signal.SIGCONT)
            network.send(machine, signal.SIGKILL)
        for process in self.started:
            process.kill()
            process.wait()


def _own(name: str) -> bool:
    """Whether a variable names one's own addresses, not everybody's."""
    return name not in ("PATRONI_ETCD3_HOSTS", "ETCD_INITIAL_CLUSTER")


def _await(address: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        if process.poll() is not None:
            break
        try:
            if httpx.get(address, timeout=2).status_code == httpx.codes.OK:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    raise AssertionError(f"{address} does not answer")
