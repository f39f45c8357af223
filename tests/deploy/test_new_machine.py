"""A machine that takes over what another had gets that one's keys, and no others in silence."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.deploy.installed import DEPLOY, laid_down

DOCS = DEPLOY.parent / "docs"
KEYS = ("seal-key", "index-key")


def _install(root: Path, *options: str, psql: str = "false") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(DEPLOY / "install.sh"), "--root", str(root), *options], check=False, capture_output=True, text=True,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HENKHAM_PSQL": psql},
    )  # fmt: skip


def _put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def _with_backups(root: Path) -> None:
    _put(root / "etc/pgbackrest.conf", "repo1-path=/var/backups/henkham\n")
    _put(root / "var/backups/henkham/backup/henkham/backup.info", "x")


TRACES: dict[str, Callable[[Path], None]] = {
    "web-database-url is there": lambda root: _put(root / "etc/henkham/secrets/web-database-url", "postgresql://x"),
    "henkham.env is filled in": lambda root: _put(
        root / "etc/henkham/henkham.env", "PUBLIC_BASE_URL=https://dat-kham.vn\n"
    ),
    "/var/backups/henkham holds backups": _with_backups,
    "seal-key is there": lambda root: _put(root / "etc/henkham/secrets/seal-key", "x" * 48),
}


def _made(root: Path) -> set[str]:
    return {name for name in KEYS if (root / "etc/henkham/secrets" / name).exists()}


@pytest.mark.parametrize("trace", TRACES)
def test_beside_what_was_there_no_keys_are_made(tmp_path: Path, trace: str) -> None:
    TRACES[trace](tmp_path)
    before = _made(tmp_path)
    done = _install(tmp_path)
    assert (done.returncode, trace in done.stderr) == (2, True), done.stderr
    assert "Nothing was changed." in done.stderr
    assert _made(tmp_path) == before
    assert not (tmp_path / "opt").exists()
    assert _install(tmp_path, "--no-keys").returncode == 0
    assert _made(tmp_path) == before
    assert _install(tmp_path, "--new-keys").returncode == 0, "who says so gets them"
    assert _made(tmp_path) == set(KEYS)


def test_a_database_with_our_schema_is_asked(tmp_path: Path) -> None:
    psql = tmp_path / "psql"
    psql.write_text('#!/bin/sh\ncase "$*" in *alembic_version*) echo the database has the schema 0041 ;; esac\n')
    psql.chmod(0o755)
    done = _install(tmp_path / "machine", psql=str(psql))
    assert (done.returncode, "has the schema 0041" in done.stderr) == (2, True)
    assert not (tmp_path / "machine").exists()


def test_control_an_empty_beginning_gets_its_keys_and_an_upgrade_keeps_them(tmp_path: Path) -> None:
    assert _install(tmp_path).returncode == 0
    assert _made(tmp_path) == set(KEYS)
    kept = (tmp_path / "etc/henkham/secrets/seal-key").read_text()
    TRACES["web-database-url is there"](tmp_path)
    laid_down(tmp_path)
    assert (tmp_path / "etc/henkham/secrets/seal-key").read_text() == kept


def _section() -> str:
    text = (DOCS / "operations.md").read_text("utf-8")
    (section,) = re.findall(r"^## A new machine$(.+?)^## ", text, re.MULTILINE | re.DOTALL)
    return str(section)


def test_the_manual_puts_back_what_it_keeps_before_anything_is_made() -> None:
    section = _section()
    (kept,) = re.findall(r"tar -C / [^|]*\|", section)
    assert set(kept.split()) >= {"etc/henkham", "etc/pgbackrest.conf", "etc/nginx/conf.d"}
    steps = ("| tar -xpC /", "deploy/install.sh --no-keys", "conf.d/ &&", "restore.sh latest", "--check", "@full")
    order = [section.index(step) for step in steps]
    assert order == sorted(order)
    for name in ("seal-key", "index-key", "henkham.env", "sms-registered", "feeds", "tls", "pgbackrest.conf"):
        assert f"`{name}`" in section, name


def test_what_is_kept_comes_back_as_it_was(tmp_path: Path) -> None:
    """The two lines of the manual, but for the encryption between them."""
    old, new = tmp_path / "old", tmp_path / "new"
    assert _install(old).returncode == 0
    _put(old / "etc/pgbackrest.conf", "repo1-path=/var/backups/henkham\n")
    (line,) = re.findall(r"^    (tar -C / .+?) \| age ", _section(), re.MULTILINE)
    (back,) = re.findall(r"\| (tar -xpC) /$", _section(), re.MULTILINE)
    new.mkdir()
    subprocess.run(
        ["bash", "-c", f"{line.replace('-C /', f'-C {old}')} 2>/dev/null | gunzip | {back} {new}"], check=True
    )
    assert _install(new, "--no-keys").returncode == 0
    for name in KEYS:
        path = f"etc/henkham/secrets/{name}"
        assert (new / path).read_bytes() == (old / path).read_bytes()
        assert (new / path).stat().st_mode & 0o777 == 0o600
    assert (new / "etc/henkham/secrets").stat().st_mode & 0o777 == 0o700
    assert (new / "etc/pgbackrest.conf").exists()
