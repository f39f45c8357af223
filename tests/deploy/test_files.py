"""What the tools that read the files of `deploy/` say of them, and what install.sh finds missing."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.installed import DEPLOY, NEXT, PROGRAM, certificate, laid_down, nginx_or_skip, site, unit

ROOT = DEPLOY.parent
BACKUP = sorted(path for path in (DEPLOY / "backup").iterdir() if path.suffix in (".service", ".timer"))
DATABASE = DEPLOY / "ha/henkham-patroni.service"
"""Of another machine, as another's user: looked at, and no part of what an installation of ours starts."""
OURS = sorted((DEPLOY / "systemd").iterdir())
UNITS = [*OURS, *BACKUP, DATABASE]
PROGRAMS = (PROGRAM, NEXT, "/usr/bin/pgbackrest", "/opt/henkham/share/backup/check.sh", "/opt/patroni/bin/patroni")


def _verified(folder: Path) -> subprocess.CompletedProcess[str]:
    names = [_instance(path) for path in UNITS]
    return subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *(str(folder / name) for name in names)],
        check=False, capture_output=True, text=True,
    )  # fmt: skip


def _instance(path: Path) -> str:
    return path.name.replace("@.", "@full." if "backup" in path.name else "@8001.")


def _copied(folder: Path) -> None:
    """The units with a program this machine has; a template also under the name of an instance."""
    for path in UNITS:
        text = path.read_text("utf-8")
        for program in PROGRAMS:
            text = text.replace(program, sys.executable)
        (folder / path.name).write_text(text, "utf-8")
        (folder / _instance(path)).write_text(text, "utf-8")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="NO systemd-analyze: the units were not verified")
def test_systemd_finds_nothing_wrong_with_the_units(tmp_path: Path) -> None:
    _copied(tmp_path)
    done = _verified(tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="NO systemd-analyze: the units were not verified")
def test_systemd_does_find_a_word_it_does_not_know(tmp_path: Path) -> None:
    """The control."""
    _copied(tmp_path)
    for name, said in (("henkham-scheduler.service", "always"), (DATABASE.name, "on-failure")):
        broken = tmp_path / name
        broken.write_text(broken.read_text("utf-8").replace(f"Restart={said}", "Restart=perhaps"), "utf-8")
    assert {found[1] for found in re.finditer(r"([a-z-]+\.service):\d+: .*perhaps", _verified(tmp_path).stderr)} == {
        "henkham-scheduler.service", DATABASE.name,
    }  # fmt: skip


def test_every_unit_runs_as_a_user_of_its_own_and_reads_its_own_database_url() -> None:
    services = {path.name: unit(path) for path in OURS if path.suffix == ".service"}
    users = [told["User"][0] for told in services.values()]
    urls = [each for told in services.values() for each in told["LoadCredential"] if each.startswith("database-url:")]
    assert len(set(users)) == len(set(urls)) == len(services) == 3
    assert all(told["ProtectSystem"] == ["strict"] and told["NoNewPrivileges"] == ["yes"] for told in services.values())


def test_nginx_finds_nothing_wrong_with_the_site_and_does_find_a_wrong_word(tmp_path: Path) -> None:
    nginx = nginx_or_skip()
    laid_down(tmp_path)
    certificate(tmp_path / "etc/henkham/tls")
    (tmp_path / "log").mkdir()
    whole = site(tmp_path, 18080, 18443, [18001, 18002])

    def tried() -> subprocess.CompletedProcess[str]:
        command = [nginx, "-t", "-c", str(whole), "-p", str(tmp_path)]
        return subprocess.run(command, check=False, capture_output=True, text=True)

    done = tried()
    assert done.returncode == 0, done.stderr
    assert "warn" not in done.stderr
    text = (tmp_path / "etc/nginx/conf.d/henkham.conf").read_text("utf-8")
    (tmp_path / "etc/nginx/conf.d/henkham.conf").write_text(text.replace("least_conn", "least_con"), "utf-8")
    assert tried().returncode != 0


def _checked(root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(DEPLOY / "install.sh"), "--root", str(root), "--check"],
        check=False, capture_output=True, text=True, env=os.environ | {"PATH": f"{os.environ['PATH']}:/usr/sbin"},
    )  # fmt: skip


def test_install_says_what_is_missing_and_changes_nothing_by_saying_it(tmp_path: Path) -> None:
    done = _checked(tmp_path / "machine")
    assert done.returncode == 1
    missing = re.findall(r"MISSING  (.+)", done.stdout)
    assert {"seal-key", "PUBLIC_BASE_URL", "web-database-url", "your own name in it"} <= set(missing)
    assert not (tmp_path / "machine").exists()


def test_install_makes_keys_nobody_else_reads_and_overwrites_no_setting(tmp_path: Path) -> None:
    laid_down(tmp_path)
    etc = tmp_path / "etc/henkham"
    assert (etc / "secrets/seal-key").stat().st_mode & 0o777 == 0o600
    assert (etc / "secrets").stat().st_mode & 0o777 == 0o700
    kept = (etc / "secrets/seal-key").read_text()
    assert len(kept.strip()) >= 48
    assert kept != (etc / "secrets/index-key").read_text()
    (etc / "henkham.env").write_text("PUBLIC_BASE_URL=https://dat-kham.vn\n")
    (etc / "henkham.env").chmod(0o644)
    (tmp_path / "etc/nginx/conf.d/henkham.conf").write_text("# ours\n")
    laid_down(tmp_path)
    assert (etc / "secrets/seal-key").read_text() == kept
    assert (etc / "henkham.env").read_text() == "PUBLIC_BASE_URL=https://dat-kham.vn\n"
    assert (etc / "henkham.env").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "etc/nginx/conf.d/henkham.conf").read_text() == "# ours\n"
    assert (tmp_path / "etc/nginx/conf.d/henkham.conf.new").read_text() == (DEPLOY / "nginx/henkham.conf").read_text()
    found = _checked(tmp_path).stdout
    assert "MISSING  seal-key" not in found
    assert "MISSING  PUBLIC_BASE_URL" not in found


def test_install_says_where_no_list_of_breached_passwords_is_asked(tmp_path: Path) -> None:
    laid_down(tmp_path)
    env = tmp_path / "etc/henkham/henkham.env"
    said = _checked(tmp_path).stdout
    assert "not set  HENKHAM_BREACHED_PASSWORDS" in said
    assert f"{said.count('MISSING')} things are missing." in said, "what one does without is not among them"
    listed = tmp_path / "breached.txt"
    env.write_text(env.read_text("utf-8") + f"HENKHAM_BREACHED_PASSWORDS={listed}\n", "utf-8")
    assert "MISSING  the file of breached passwords" in _checked(tmp_path).stdout
    listed.write_text("0" * 40 + ":1\n")
    assert "ok       the file of breached passwords" in _checked(tmp_path).stdout


def _pins(path: Path) -> set[str]:
    return set(re.findall(r"^([a-z0-9._-]+==[^ ;]+)", path.read_text("utf-8"), re.MULTILINE))


def test_an_installation_gets_the_very_versions_that_were_tested_and_no_tool_of_the_tests() -> None:
    tested, installed = _pins(ROOT / "requirements.lock"), _pins(DEPLOY / "requirements.lock")
    assert installed < tested
    assert {pin.partition("==")[0] for pin in tested - installed} >= {"pytest", "playwright", "mypy", "ruff"}
    assert {pin.partition("==")[0] for pin in installed} >= {"fastapi", "sqlmodel", "apscheduler", "twilio", "uvicorn"}
