"""`install.sh --check` asks the program itself: what would stop the start is said, and nothing else."""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from booking.settings import Settings, variable
from tests import postgres
from tests.deploy.installed import DEPLOY, NEXT, PROGRAM, fill_in, laid_down, make_roles, start, unit
from tests.postgres import Cluster


def put(root: Path, **changed: str) -> None:
    """Settings of henkham.env, changed or added."""
    env = root / "etc/henkham/henkham.env"
    text = env.read_text("utf-8")
    for name, value in changed.items():
        text = re.sub(rf"^{name}=.*\n", "", text, flags=re.MULTILINE) + f"{name}={value}\n"
    env.write_text(text, "utf-8")


def said(root: Path, *, program: bool = True) -> str:
    """What --check says of the machine below `root`."""
    for linked in (Path(f"{root}{PROGRAM}"), Path(f"{root}{NEXT}")) if program else ():
        if not linked.exists():
            linked.parent.mkdir(parents=True)
            linked.symlink_to(Path(sys.executable).parent / "henkham")
    done = subprocess.run(
        [str(DEPLOY / "install.sh"), "--root", str(root), "--check"],
        check=False, capture_output=True, text=True, env=os.environ | {"PATH": f"{os.environ['PATH']}:/usr/sbin"},
    )  # fmt: skip
    assert done.returncode in (0, 1), done.stderr
    assert done.stderr == ""
    return done.stdout


@pytest.fixture
def server() -> Iterator[Cluster]:
    """A server with our roles and our database, which is empty."""
    with postgres.running() as cluster:
        make_roles(cluster)
        yield cluster


@pytest.fixture
def machine(tmp_path: Path, server: Cluster) -> Path:
    """What an operator has filled in."""
    laid_down(tmp_path)
    fill_in(tmp_path, server, "https://dat-kham.example", "http://127.0.0.1:1")
    put(tmp_path, HENKHAM_ENVIRONMENT="production", TWILIO_API_BASE_URL="https://api.twilio.com")
    return tmp_path


def test_what_would_stop_the_start_is_said(machine: Path) -> None:
    whole = said(machine)
    assert "would not start" not in whole
    assert whole.count("the schema\n           -> systemctl start henkham-migrate") == 3
    put(machine, TWILIO_MESSAGING_SERVICE_SID="")
    text = said(machine)
    assert text.count("would not start") == 3
    assert "TWILIO_MESSAGING_SERVICE_SID or TWILIO_FROM is missing" in text
    assert whole.count("MISSING") + 3 == text.count("MISSING")


def test_a_database_that_refuses_is_named_without_its_password(machine: Path) -> None:
    url = machine / "etc/henkham/secrets/scheduler-database-url"
    url.write_text(url.read_text().replace("scheduler-pass-of-a-test", "another-password"))
    text = said(machine)
    assert "henkham-scheduler.service would not start" in text
    assert 'password authentication failed for user "henkham_scheduler"' in text
    assert "another-password" not in text
    assert "henkham-web@.service: the schema" in text


def test_whoever_may_not_read_the_secrets_is_told_so() -> None:
    with postgres.scratch() as folder:
        script = shutil.copytree(DEPLOY, folder / "deploy") / "install.sh"
        anybody: dict[str, Any] = {"user": 65534} if os.geteuid() == 0 else {}
        done = subprocess.run([str(script), "--check"], check=False, capture_output=True, text=True, **anybody)
    assert done.returncode == 2
    assert "as root" in done.stderr


def test_a_carriers_own_gateway_is_installed_without_twilio(machine: Path) -> None:
    secrets = machine / "etc/henkham/secrets"
    (secrets / "twilio-auth-token").unlink()
    shutil.copy(machine / "opt/henkham/share/sms/brandname-json.toml", machine / "etc/henkham/sms.toml")
    put(
        machine, HENKHAM_SMS_PROVIDER="brandname", HENKHAM_BRANDNAME_TEMPLATE=f"{machine}/etc/henkham/sms.toml",
        TWILIO_ACCOUNT_SID="", TWILIO_MESSAGING_SERVICE_SID="",
    )  # fmt: skip
    lacking = said(machine)
    assert lacking.count("HENKHAM_BRANDNAME_SECRET is missing: the template asks for it") == 3
    for name in ("brandname-secret", "brandname-receipt-secret"):
        (secrets / name).write_text("a password of the gateway\n")
        (secrets / name).chmod(0o600)
    whole = said(machine)
    assert "would not start" not in whole
    assert whole.count("the schema\n") == 3
    (machine / "log").mkdir()
    assert start(machine, "henkham-migrate.service").wait(100) == 0, "the unit's own way: no file of Twilio is there"
    assert said(machine).count("the database answers") == 3
    (secrets / "brandname-secret").chmod(0o644)
    assert "MISSING  brandname-secret" in said(machine)


def test_the_template_of_a_former_gateway_that_cannot_be_read_is_said(machine: Path) -> None:
    put(machine, HENKHAM_BRANDNAME_TEMPLATE="/nowhere/sms.toml")
    assert said(machine).count("HENKHAM_BRANDNAME_TEMPLATE: No such file or directory") == 3


def test_settings_are_closed_and_a_secret_among_them_is_seen(tmp_path: Path) -> None:
    laid_down(tmp_path)
    assert (tmp_path / "etc/henkham/henkham.env").stat().st_mode & 0o777 == 0o600
    assert "ok       no secret in henkham.env" in said(tmp_path, program=False)
    for name in ("HENKHAM_SEAL_KEYS_OLD", "HENKHAM_METRICS_TOKEN", "TWILIO_AUTH_TOKEN"):
        put(tmp_path, **{name: "x"})
        assert "MISSING  no secret in henkham.env" in said(tmp_path, program=False), name
        put(tmp_path, **{name: ""})


SECRET = {variable(name) for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)}


@pytest.mark.parametrize("name", ["web@", "scheduler", "migrate"])
def test_every_secret_setting_has_a_file_of_its_own(name: str) -> None:
    """A control is in the set itself: a new secret setting makes this fail until the units know it."""
    told = unit(DEPLOY / f"systemd/henkham-{name}.service")
    given = {line.partition("_FILE=")[0] for line in told["Environment"]}
    assert given == {"DATABASE_URL", *SECRET} - (set() if name == "web@" else {"HENKHAM_METRICS_TOKEN"})
    loaded = {line.partition(":")[0] for line in told["LoadCredential"]}
    assert loaded == {line.rpartition("/")[2] for line in told["Environment"]}
    always = {"database-url", "seal-key", "index-key"}
    assert {line.partition(":")[0] for line in told["SetCredential"]} == loaded - always
    once = (DEPLOY / "as-web.sh").read_text("utf-8")
    table = (DEPLOY.parent / "docs/operations.md").read_text("utf-8")
    assert all(f"\n{secret} " in once and f"`{secret}`" in table for secret in given)


def test_a_command_runs_with_the_secrets_that_are_there(tmp_path: Path) -> None:
    (tmp_path / "systemd-run").write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    (tmp_path / "systemd-run").chmod(0o755)
    for name in ("web-database-url", "seal-key", "index-key", "brandname-secret"):
        (tmp_path / name).touch()
    done = subprocess.run(
        [str(DEPLOY / "as-web.sh"), "henkham", "keys", "rotate"], check=True, capture_output=True, text=True,
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}", "HENKHAM_SECRETS": str(tmp_path)},
    )  # fmt: skip
    loaded = re.findall(r"LoadCredential=([a-z-]+):", done.stdout)
    assert loaded == ["web-database-url", "seal-key", "index-key", "brandname-secret"]
    assert done.stdout.splitlines()[-3:] == [PROGRAM, "keys", "rotate"]


@pytest.mark.parametrize(("texts", "verdict"), [("ok", "ok       "), ("not approved: code (vi)", "MISSING  ")])
def test_texts_that_are_not_registered_are_missing_though_the_process_is_ready(
    tmp_path: Path, texts: str, verdict: str
) -> None:
    class Ready(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"checks": {"database": "ok", "texts": texts}}).encode())

        def log_message(self, *_: object) -> None:
            """Nothing: tests are quiet."""

    laid_down(tmp_path)
    target = tmp_path / "etc/systemd/system/henkham.target"
    with ThreadingHTTPServer(("127.0.0.1", 0), Ready) as server:
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        serving.start()
        target.write_text(f"Wants=henkham-web@{server.server_port}.service\n")
        try:
            text = said(tmp_path, program=False)
        finally:
            server.shutdown()
            serving.join()
    assert f"{verdict}web process at {server.server_port}" in text
    assert f"texts: {texts}" in text
