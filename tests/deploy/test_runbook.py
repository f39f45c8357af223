"""Every `henkham …` of the manual is a command that there is, and is run as the user who may do what it does."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from booking.cli.commands import app
from booking.migrations.upgrading import grant, migrate
from tests import postgres
from tests.deploy.installed import DEPLOY, NEXT, PROGRAM, database_as, laid_down, make_roles
from tests.postgres import Cluster

DOCS = DEPLOY.parent / "docs"
PAGES = (*(DOCS / name for name in ("operations.md", "breach.md", "feeds.md")), DEPLOY / "README.md")
_TYPED = re.compile(r"(?:`|^    )(?:[a-z./-]*/)?henkham ((?:[a-z][a-z-]*)(?: [a-z][a-z-]*)?)", re.MULTILINE)


def _typed() -> set[tuple[str, ...]]:
    """What follows `henkham` in the manual: the first two words."""
    return {tuple(found.split()) for page in PAGES for found in _TYPED.findall(page.read_text("utf-8"))}


def _found(words: tuple[str, ...]) -> bool:
    command: Any = typer.main.get_command(app)
    for word in words:
        if not hasattr(command, "commands"):
            return True  # what follows is a word of the sentence, or an argument
        if word not in command.commands:
            return False
        command = command.commands[word]
    return not hasattr(command, "commands")


def test_every_command_of_the_manual_is_there() -> None:
    typed = _typed()
    assert typed >= {("audit", "verify"), ("staff", "reset"), ("sms", "resume"), ("feed", "fetch"), ("after-restore",)}
    assert {words for words in typed if not _found(words)} == set()
    assert not _found(("sms", "repair")), "the control"
    assert not _found(("sms",)), "the control: half a command is none"


def _run_as(root: Path, *words: str, name: str = "usr/local/sbin/henkham") -> list[str]:
    """What systemd is asked for where root types `henkham WORDS` on the installation below `root`."""
    asked = root / "systemd-run"
    asked.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    asked.chmod(0o755)
    share = root / "opt/henkham/share"
    done = subprocess.run(
        [str(root / name), *words], check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL,
        env={"PATH": f"{root}:{os.environ['PATH']}", "HENKHAM_SHARE": str(share),
             "HENKHAM_SECRETS": str(root / "etc/henkham/secrets")},
    )  # fmt: skip
    return done.stdout.splitlines()


AS = {"feed": "scheduler", "publish": "scheduler", "scheduler": "scheduler", "migrate": "migrate"}


def test_each_is_run_as_the_user_who_may_do_it(tmp_path: Path) -> None:
    laid_down(tmp_path)
    secrets = tmp_path / "etc/henkham/secrets"
    for role in ("web", "scheduler", "owner"):
        (secrets / f"{role}-database-url").write_text("x")
    for words in sorted(_typed()):
        asked = _run_as(tmp_path, *words)
        whom = AS.get(words[0], "web")
        assert f"--property=User=henkham-{whom}" in asked, words
        urls = [each for each in asked if "LoadCredential" in each and "database-url:" in each]
        assert len(urls) == 1, words
        assert ("owner" if whom == "migrate" else whom) in urls[0]
        assert asked[-len(words) - 1 :] == [NEXT if whom == "migrate" else PROGRAM, *words]
        assert "--pipe" in asked, "what is not a terminal gets what is written, as it is"
        folder = "/etc/henkham/feeds" if whom == "scheduler" else "/"
        assert f"--property=WorkingDirectory={folder}" in asked


def test_the_secrets_of_hospitals_are_read_by_whom_the_manual_gives_them_to() -> None:
    (given,) = re.findall(r"\(folder `root:(henkham-[a-z]+)` 750", (DOCS / "feeds.md").read_text("utf-8"))
    assert given == f"henkham-{AS['feed']}"


def test_under_a_name_it_does_not_know_it_does_nothing(tmp_path: Path) -> None:
    laid_down(tmp_path)
    shutil.copy(DEPLOY / "as-web.sh", tmp_path / "as-root.sh")
    with pytest.raises(subprocess.CalledProcessError) as refused:
        _run_as(tmp_path, "staff", "list", name="as-root.sh")
    assert refused.value.returncode == 2


@pytest.fixture(scope="module")
def roles() -> Iterator[Cluster]:
    """A database as roles.sql, migrations and grants make it."""
    with postgres.running() as made:
        make_roles(made)
        migrate(database_as(made, "owner"))
        grant(database_as(made, "owner"))
        yield made


OF_THE_RUNBOOK = ("audit verify", "staff list", "sms standing", "sms resume", "keys status", "after-restore",
                  "publish")  # fmt: skip


def _by_hand(roles: Cluster, command: str, role: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [str(Path(sys.executable).parent / "henkham"), *command.split()],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={"PATH": os.environ["PATH"], "DATABASE_URL": database_as(roles, role),
             "PUBLIC_BASE_URL": "http://127.0.0.1", "HENKHAM_ENVIRONMENT": "test", "HENKHAM_SMS_PROVIDER": "console",
             "HENKHAM_SEAL_KEY": "Zk3vQ8sT1xY6bN4mW9rL2pD7cH5gJ0fA",
             "HENKHAM_INDEX_KEY": "a8S5dF2gH9jK6lZ3xC0vB7nM4qW1eR8t"},
    )  # fmt: skip


def test_its_role_of_the_database_may_do_it(roles: Cluster) -> None:
    running = {each: _by_hand(roles, each, AS.get(each.split()[0], "web")) for each in OF_THE_RUNBOOK}
    running["control"] = _by_hand(roles, "audit verify", "report")
    said = {each: (process.communicate(timeout=120)[0], process.returncode) for each, process in running.items()}
    control = said.pop("control")
    assert "permission denied" in control[0], "the control: the role of figures may not read the audit"
    assert {each: text for each, (text, code) in said.items() if code != 0} == {}
