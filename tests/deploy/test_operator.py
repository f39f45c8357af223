"""What the documents tell an operator to type is right on a plain Debian, and what she mistypes stops nothing."""

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.deploy.installed import DEPLOY, laid_down, unit
from tests.deploy.test_checked import said

DOCS = DEPLOY.parent / "docs"
TYPED = [
    (path.name, line)
    for path in (DEPLOY / "README.md", *sorted(DOCS.glob("*.md")), *sorted((DEPLOY / "backup").glob("*.sh")))
    for line in path.read_text("utf-8").splitlines()
]
"""Every line of what tells people what to type."""


def test_nothing_asks_for_sudo_or_for_one_version_of_postgresql() -> None:
    assert len(TYPED) > 500
    assert [line for _, line in TYPED if re.search(r"\bsudo -u|sudo [/a-z]+(/|\.sh)|/15/main", line)] == []


REPOSITORY = """#!/bin/sh
case "$*" in *info*) echo '[{"archive": [{"max": "000000010000000000000001"}]}]' ;; *) exit 1 ;; esac
"""
"""Answers what it holds, and restores nothing."""


def _restore(folder: Path, moment: str, repository: str = REPOSITORY) -> subprocess.CompletedProcess[str]:
    (folder / "data").mkdir(exist_ok=True)
    (folder / "pgbackrest").write_text(repository)
    (folder / "pgbackrest").chmod(0o755)
    return subprocess.run(
        [str(DEPLOY / "backup/restore.sh"), moment], check=False, capture_output=True, text=True,
        env={"PATH": os.environ["PATH"], "HENKHAM_DATA": f"{folder}/data", "HENKHAM_STOP": f"touch {folder}/stopped",
             "HENKHAM_START": "true", "HENKHAM_PGBACKREST": f"{folder}/pgbackrest", "HENKHAM_PSQL": "false",
             "HENKHAM_AFTER": "true"},
    )  # fmt: skip


@pytest.mark.parametrize(
    "moment",
    ["2026-11-23", "2026-11-23 10:15:00", "2026-13-23 10:15:00+07", "2026-11-23 25:15:00+07", "yesterday+07",
     "2199-01-01 00:00:00+07", "10:15+07"],
)  # fmt: skip
def test_a_moment_that_is_none_is_refused_before_anything_is_stopped(tmp_path: Path, moment: str) -> None:
    done = _restore(tmp_path, moment)
    assert done.returncode == 2, done.stderr
    assert "Nothing was stopped or changed." in done.stderr
    assert not (tmp_path / "stopped").exists()


@pytest.mark.parametrize("moment", ["latest", "2024-11-23 10:15:00+07", "2024-11-23 10:15+07:00"])
def test_control_a_moment_is_gone_back_to(tmp_path: Path, moment: str) -> None:
    _restore(tmp_path, moment)
    assert (tmp_path / "stopped").exists()


def test_a_repository_that_does_not_answer_stops_nothing(tmp_path: Path) -> None:
    done = _restore(tmp_path, "latest", "#!/bin/sh\nexit 1\n")
    assert (done.returncode, (tmp_path / "stopped").exists()) == (2, False)
    assert "The repository does not answer." in done.stderr


@pytest.mark.parametrize("version", ["15", "17"])
def test_backups_are_of_the_version_this_machine_has(tmp_path: Path, version: str) -> None:
    (tmp_path / f"etc/postgresql/{version}/main").mkdir(parents=True)
    laid_down(tmp_path)
    conf = (tmp_path / "opt/henkham/share/backup/pgbackrest.conf").read_text("utf-8")
    assert re.findall(r"^pg1-path=(.+)$", conf, re.MULTILINE) == [f"/var/lib/postgresql/{version}/main"]


def test_the_folder_of_backups_is_made_for_its_owner_before_it_is_used() -> None:
    """pgBackRest works as postgres and may not make a folder in /var/backups."""
    conf = (DEPLOY / "backup/pgbackrest.conf").read_text("utf-8")
    (folder,) = re.findall(r"^repo1-path=(.+)$", conf, re.MULTILINE)
    whole = [line.strip() for name, line in TYPED if name == "operations.md"]
    lines = whole[whole.index("## Backups") :]
    made = next(n for n, line in enumerate(lines) if line.startswith("install -d -o postgres") and folder in line)
    used = next(n for n, line in enumerate(lines) if "stanza-create" in line)
    assert made < used


def test_every_program_the_documents_use_is_in_the_list_of_packages() -> None:
    text = (DEPLOY / "README.md").read_text("utf-8")
    packages = set(re.findall(r"apt-get install ([^`]+)`", text)[0].split())
    used = {
        word
        for _, line in TYPED
        for word in ("age", "pgbackrest", "openssl", "nginx")
        if re.match(rf" .*\b{word} -", line)
    }
    assert used >= {"age", "pgbackrest"}
    assert used <= packages


EXAMPLES = [path.relative_to(DEPLOY / "feeds") for path in sorted((DEPLOY / "feeds").rglob("*.toml"))]


def test_every_example_of_a_feed_is_put_where_the_scheduler_may_write_by_the_words_of_the_manual(
    tmp_path: Path,
) -> None:
    told = unit(DEPLOY / "systemd/henkham-scheduler.service")
    assert told["StateDirectory"] == ["henkham/exports"]
    laid_down(tmp_path)
    feeds = tmp_path / "etc/henkham/feeds"
    assert len(EXAMPLES) > 10
    (command,) = (line.strip() for name, line in TYPED if name == "operations.md" and line.startswith("    sed '/^"))
    for example in EXAMPLES:
        shutil.copy(DEPLOY / "feeds" / example, feeds / example.name)
    assert said(tmp_path, program=False).count("MISSING  folder of ") == len(EXAMPLES), "the control"
    for example in EXAMPLES:
        typed = command.replace("deploy/feeds/over-sftp.toml", str(DEPLOY / "feeds" / example))
        subprocess.run(
            ["bash", "-c", typed.replace("/etc/henkham/feeds/bvvt.toml", str(feeds / example.name))], check=True
        )
    assert said(tmp_path, program=False).count("ok       folder of ") == len(EXAMPLES)
    remote = tomllib.loads((feeds / "over-sftp.toml").read_text("utf-8"))["source"]["sftp"]["folder"]
    assert remote == "export", "that of the hospital's server stays"


def test_a_server_that_ended_on_the_way_is_noticed_and_the_way_back_is_named(tmp_path: Path) -> None:
    every = '#!/bin/sh\ncase "$*" in *info*) echo "[{}]" ;; esac\n'
    done = _restore(tmp_path, "2024-11-23 10:15:00+07", every)
    assert done.returncode == 1
    assert "PostgreSQL ended: it did not reach 2024-11-23 10:15:00+07" in done.stderr
    assert "verify" in done.stderr
    (aside,) = tmp_path.glob("data.before-restore-*")
    assert f"mv {aside} {tmp_path}/data" in done.stderr
