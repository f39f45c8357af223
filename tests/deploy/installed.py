"""An installation from the files of `deploy/`, on loopback: PostgreSQL with its roles, nginx, web processes, scheduler.

    with installation(folder, carrier) as made:
        made.client.get("/")            # through nginx, over https

`install.sh --root` lays the files down; units and nginx's site are then read as they are. Only what no test may have is
put in their place: ports, paths, users, the certificate, and the settings that an operator fills in.
"""

import contextlib
import os
import re
import shutil
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from booking.sms.sample_carrier import ACCOUNT_SID, AUTH_TOKEN, unused_port
from tests import postgres
from tests.postgres import Cluster

DEPLOY = Path(__file__).parent.parent.parent / "deploy"
PROGRAM = "/opt/henkham/current/bin/henkham"
NEXT = "/opt/henkham/next/bin/henkham"
SITE = "/etc/nginx/conf.d/henkham.conf"
DATABASE = "henkham_installed"
ROLES = {"owner": "owner-pass-of-a-test", "web": "web-pass-of-a-test", "scheduler": "scheduler-pass-of-a-test",
         "report": "report-pass-of-a-test"}  # fmt: skip
_STARTED_TRIES = 600


@dataclass
class Installation:
    """What runs, and how to reach it."""

    root: Path
    cluster: Cluster
    nginx_port: int
    plain_port: int
    web_ports: list[int]
    client: httpx.Client
    web: list[subprocess.Popen[bytes]] = field(default_factory=list)
    scheduler: subprocess.Popen[bytes] | None = None

    def url(self, role: str) -> str:
        """The database as that role reaches it."""
        return database_as(self.cluster, role)

    def logs(self) -> str:
        """Everything that nginx and the processes wrote."""
        return "".join(path.read_text("utf-8") for path in sorted((self.root / "log").iterdir()))


def nginx_or_skip() -> str:
    """nginx of this machine; without it the test is skipped, and in CI fails."""
    path = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if path is None:
        reason = "NO NGINX ON THIS MACHINE: the installation was not tried (apt-get install nginx-light)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return path


def unit(path: Path) -> dict[str, list[str]]:
    """What a systemd unit says: each key's values in their order. Our units use no continued lines."""
    found: dict[str, list[str]] = {}
    for line in path.read_text("utf-8").splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(key, []).append(value)
    return found


def laid_down(root: Path) -> None:
    """The files as install.sh lays them down, with what an operator fills in."""
    subprocess.run([str(DEPLOY / "install.sh"), "--root", str(root)], check=True, capture_output=True)


def fill_in(root: Path, cluster: Cluster, public: str, carrier: str) -> None:
    """What stays for the operator: addresses, Twilio, the database's passwords, the certificate."""
    env = root / "etc/henkham/henkham.env"
    filled = {
        "PUBLIC_BASE_URL": public, "HENKHAM_ENVIRONMENT": "test", "HENKHAM_FEEDS_DIR": str(root / "etc/henkham/feeds"),
        "TWILIO_ACCOUNT_SID": ACCOUNT_SID, "TWILIO_MESSAGING_SERVICE_SID": "MG" + "0" * 32,
    }  # fmt: skip
    text = env.read_text("utf-8")
    for name, value in filled.items():
        text, found = re.subn(rf"^{name}=.*$", f"{name}={value}", text, flags=re.MULTILINE)
        assert found == 1, name
    env.write_text(f"{text}HENKHAM_SMS_PROVIDER=twilio\nTWILIO_API_BASE_URL={carrier}\n", "utf-8")
    secrets = root / "etc/henkham/secrets"
    (secrets / "twilio-auth-token").write_text(AUTH_TOKEN)
    for role in ("owner", "web", "scheduler"):
        (secrets / f"{role}-database-url").write_text(database_as(cluster, role))
    for secret in secrets.iterdir():
        secret.chmod(0o600)
    certificate(root / "etc/henkham/tls")


def certificate(folder: Path, *, days: int = 30) -> None:
    """A certificate for localhost that nobody but these tests believes."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-days", str(days),
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
         "-keyout", str(folder / "privkey.pem"), "-out", str(folder / "fullchain.pem")],
        check=True, capture_output=True,
    )  # fmt: skip


def database_as(cluster: Cluster, role: str) -> str:
    """The database as that role reaches it."""
    return f"postgresql://henkham_{role}:{ROLES[role]}@127.0.0.1:{cluster.server.port}/{DATABASE}"


def make_roles(cluster: Cluster) -> None:
    """deploy/postgresql/roles.sql, run as it says, twice, because it says that it may be; then passwords."""
    psql = [str(cluster.server._binaries / "psql"), "-X", "-q", "-h", "127.0.0.1", "-U", "henkham"]
    told = ["-p", str(cluster.server.port), "-d", "postgres", "-v", "ON_ERROR_STOP=1", "-v", f"database={DATABASE}"]
    for _ in range(2):
        subprocess.run(
            [*psql, *told, "-f", str(DEPLOY / "postgresql/roles.sql")],
            env={"PGPASSWORD": cluster.server._password}, check=True, capture_output=True,
        )  # fmt: skip
    for role, password in ROLES.items():
        cluster.server.sql(f"ALTER ROLE henkham_{role} PASSWORD '{password}'")


def start(root: Path, name: str, instance: str = "") -> subprocess.Popen[bytes]:
    """The process of an installed unit, with the environment and the credentials the unit gives it."""
    told = unit(root / "etc/systemd/system" / name)
    credentials = root / "credentials" / f"{name}{instance}"
    credentials.mkdir(parents=True)
    for each in told["LoadCredential"]:
        identity, _, source = each.partition(":")
        otherwise = dict(line.split(":", 1) for line in told["SetCredential"])
        if identity in otherwise and not Path(f"{root}{source}").exists():
            (credentials / identity).write_text(otherwise[identity].replace("\\n", "\n"))
        else:
            shutil.copy(f"{root}{source}", credentials / identity)
    environment = {"PATH": os.environ["PATH"]}
    for path in told["EnvironmentFile"]:
        lines = Path(f"{root}{path}").read_text("utf-8").splitlines()
        environment |= dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    environment |= dict(line.replace("%d", str(credentials)).split("=", 1) for line in told["Environment"])
    command = told["ExecStart"][0].replace("%i", instance)
    assert command.startswith((PROGRAM, NEXT)), command
    ours = str(Path(sys.executable).parent / "henkham")
    with (root / "log" / f"{name}{instance}.log").open("wb") as log:
        return subprocess.Popen([ours, *command.split()[1:]], env=environment, stdout=log, stderr=log)


def site(root: Path, plain_port: int, nginx_port: int, web_ports: list[int]) -> Path:
    """nginx's whole configuration round the installed site; its path."""
    text = Path(f"{root}{SITE}").read_text("utf-8")
    text = re.sub(r"^ *listen \[::\]:.*\n", "", text, flags=re.MULTILINE)  # not every machine has IPv6
    for old, new in (
        ("listen 80", f"listen 127.0.0.1:{plain_port}"), ("listen 443", f"listen 127.0.0.1:{nginx_port}"),
        ("127.0.0.1:8001", f"127.0.0.1:{web_ports[0]}"), ("127.0.0.1:8002", f"127.0.0.1:{web_ports[1]}"),
        ("/var/log/nginx", str(root / "log")), ("/etc/henkham/tls", str(root / "etc/henkham/tls")),
        ("henkham.example.vn", "localhost"), ("/var/www", str(root / "var/www")),
    ):  # fmt: skip
        assert old in text, old
        text = text.replace(old, new)
    Path(f"{root}{SITE}").write_text(text, "utf-8")
    folders = "".join(
        f"{kind}_temp_path {root}/tmp/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (root / "tmp").mkdir(exist_ok=True)
    whole = root / "nginx.conf"
    # Workers of a master that runs as root could not reach a test's folder.
    user = "user root;\n" if os.geteuid() == 0 else ""
    whole.write_text(
        f"{user}daemon off;\npid {root}/nginx.pid;\nerror_log {root}/log/nginx.log crit;\nworker_processes 1;\n"
        f"events {{ worker_connections 512; }}\nhttp {{\n{folders}include {root}{SITE};\n}}\n",
        "utf-8",
    )
    return whole


@contextmanager
def installation(root: Path, carrier: str) -> Iterator[Installation]:
    """Everything of `deploy/`, running; all of it gone afterwards. `carrier` is where SMS go."""
    nginx = nginx_or_skip()
    (root / "log").mkdir(parents=True)
    plain_port, nginx_port, *web_ports = (unused_port() for _ in range(4))
    with ExitStack() as stack:
        cluster = stack.enter_context(postgres.running())
        make_roles(cluster)
        laid_down(root)
        fill_in(root, cluster, f"https://localhost:{nginx_port}", carrier)
        assert start(root, "henkham-migrate.service").wait(60) == 0, (
            root / "log/henkham-migrate.service.log"
        ).read_text()
        trusting = ssl.create_default_context(cafile=str(root / "etc/henkham/tls/fullchain.pem"))
        client = stack.enter_context(
            httpx.Client(base_url=f"https://localhost:{nginx_port}", verify=trusting, timeout=30)
        )
        made = Installation(root, cluster, nginx_port, plain_port, web_ports, client)
        stack.callback(lambda: _end([*made.web, *([made.scheduler] if made.scheduler else [])]))
        made.web += [start(root, "henkham-web@.service", str(port)) for port in web_ports]
        made.scheduler = start(root, "henkham-scheduler.service")
        whole = site(root, plain_port, nginx_port, web_ports)
        proxy = subprocess.Popen([nginx, "-c", str(whole), "-p", str(root)], stderr=subprocess.DEVNULL)
        stack.callback(lambda: _end([proxy]))
        for port in web_ports:
            _wait_for(f"http://127.0.0.1:{port}", None)
        _wait_for(f"https://localhost:{nginx_port}", trusting)
        yield made


def _wait_for(url: str, trusting: ssl.SSLContext | None) -> None:
    for _ in range(_STARTED_TRIES):
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{url}/healthz", verify=trusting or True).status_code == httpx.codes.OK:
                return
        time.sleep(0.05)
    raise TimeoutError(url)


def _end(processes: list[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        if process.poll() is None:
            process.terminate()
    for process in processes:
        try:
            process.wait(40)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)
