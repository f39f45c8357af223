"""Debian's own nginx.conf and default site: what is left to be done to them is done by README's words."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.deploy.installed import DEPLOY, SITE, certificate, laid_down, nginx_or_skip, site
from tests.deploy.test_checked import said

STOCK = """user www-data;
worker_processes auto;
pid /run/nginx.pid;
error_log /var/log/nginx/error.log;
include /etc/nginx/modules-enabled/*.conf;

events {
\tworker_connections 768;
\t# multi_accept on;
}

http {
\tsendfile on;
\ttypes_hash_max_size 2048;
\taccess_log /var/log/nginx/access.log;
\tinclude /etc/nginx/conf.d/*.conf;
\tinclude /etc/nginx/sites-enabled/*;
}
"""
WELCOME = """server {
\tlisten 80 default_server;
\tlisten [::]:80 default_server;
\troot /var/www/html;
\tserver_name _;
}
"""


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """Debian's files as its package lays them down, and ours after them."""
    etc = tmp_path / "etc/nginx"
    for folder in ("sites-available", "sites-enabled", "modules-enabled"):
        (etc / folder).mkdir(parents=True)
    (etc / "nginx.conf").write_text(STOCK, "utf-8")
    (etc / "sites-available/default").write_text(WELCOME, "utf-8")
    (etc / "sites-enabled/default").symlink_to("../sites-available/default")
    laid_down(tmp_path)
    certificate(tmp_path / "etc/henkham/tls")
    return tmp_path


def _by_the_readme(root: Path) -> None:
    """Its commands about nginx's files, on these files."""
    lines = (DEPLOY / "README.md").read_text("utf-8").splitlines()
    commands = [line.strip() for line in lines if re.match(r" +(rm|sed) .*/etc/nginx/", line)]
    assert len(commands) == 2
    for command in commands:
        subprocess.run(["bash", "-c", command.replace("/etc/nginx", f"{root}/etc/nginx")], check=True)


def _tried(root: Path) -> subprocess.CompletedProcess[str]:
    """`nginx -t` on the files as they lie, but for ports, paths and the user."""
    nginx = nginx_or_skip()
    copied = root / "tried"
    subprocess.run(["cp", "-r", str(root / "etc"), str(copied)], check=True)
    (root / "log").mkdir(exist_ok=True)
    ours = root / SITE[1:]
    kept = ours.read_text("utf-8")
    site(root, 18080, 18443, [18001, 18002])
    (copied / "nginx/conf.d/henkham.conf").write_text(ours.read_text("utf-8"), "utf-8")
    ours.write_text(kept, "utf-8")
    for name in ("sites-available/default", "nginx.conf"):
        path = copied / "nginx" / name
        text = re.sub(r"^.*listen \[::\]:.*\n|^user .*\n", "", path.read_text("utf-8"), flags=re.MULTILINE)
        text = text.replace("listen 80", "listen 127.0.0.1:18080").replace("/etc/nginx", str(copied / "nginx"))
        text = text.replace("/var/log/nginx", str(root / "log")).replace("/run/nginx.pid", str(root / "nginx.pid"))
        path.write_text(text, "utf-8")
    done = subprocess.run(
        [nginx, "-t", "-c", str(copied / "nginx/nginx.conf"), "-p", str(root)],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    subprocess.run(["rm", "-r", str(copied)], check=True)
    return done


def test_nginx_starts_once_the_readme_was_followed_and_not_before(machine: Path) -> None:
    before = _tried(machine)
    assert before.returncode != 0
    assert "a duplicate default server" in before.stderr
    _by_the_readme(machine)
    after = _tried(machine)
    assert after.returncode == 0, after.stderr
    assert "warn" not in after.stderr


def test_check_names_what_debian_brought(machine: Path) -> None:
    text = said(machine, program=False)
    assert "MISSING  no other default site of nginx" in text
    assert "MISSING  worker_connections 4096 or more" in text
    _by_the_readme(machine)
    text = said(machine, program=False)
    assert "ok       no other default site of nginx" in text
    assert "ok       worker_connections 4096 or more" in text


def test_whoever_says_nothing_is_not_waited_for_under_any_name() -> None:
    """Before a name was said, the default server's times hold, not those of the server that is meant."""
    text = (DEPLOY / "nginx/henkham.conf").read_text("utf-8")
    servers = [each for each in re.split(r"^server ", text, flags=re.MULTILINE)[1:] if "default_server" in each]
    assert len(servers) == 1
    assert "client_header_timeout 15s;" in servers[0].split("\n}")[0]
