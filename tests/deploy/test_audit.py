"""The audit of dependencies never says that all is well when it looked at nothing.

Advisories are out of a test's reach, so pip-audit is played here: what counts is what `deploy/audit.sh` makes of it.
"""

import subprocess
from pathlib import Path

import pytest

from tests.deploy.installed import DEPLOY

_FOUND = 'echo "jinja2 2.4.1 GHSA-462w-v97r-4m45 2.10.1"; exit 1'
_CLEAN = 'echo "No known vulnerabilities found"; exit 0'
_SKIPPED = (
    'echo "No known vulnerabilities found"; echo "jinja2 Dependency not found on PyPI and could not be audited"; exit 0'
)
_OFFLINE = 'echo "Failed to resolve pypi.org" >&2; exit 1'


@pytest.mark.parametrize(
    ("control", "lock", "code", "said"),
    [
        (_FOUND, _CLEAN, 0, "Now requirements.lock"),
        (_FOUND, _FOUND, 1, "GHSA-462w-v97r-4m45"),
        (_SKIPPED, _CLEAN, 2, "NOTHING WAS AUDITED"),
        (_CLEAN, _CLEAN, 2, "NOTHING WAS AUDITED"),
        (_OFFLINE, _CLEAN, 2, "NOTHING WAS AUDITED"),
        (_FOUND, _OFFLINE, 1, "Failed to resolve"),
    ],
)
def test_it_passes_only_where_the_control_was_found(
    tmp_path: Path, control: str, lock: str, code: int, said: str
) -> None:
    played = tmp_path / "pip-audit"
    played.write_text(f'#!/bin/sh\ncase "$*" in *requirements.lock*) {lock};; *) {control};; esac\n')
    played.chmod(0o755)
    done = subprocess.run(
        ["sh", str(DEPLOY / "audit.sh")], env={"PIP_AUDIT": str(played), "PATH": "/usr/bin:/bin"}, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert done.returncode == code
    assert said in done.stdout + done.stderr


def test_it_asks_strictly_for_every_locked_package() -> None:
    script = (DEPLOY / "audit.sh").read_text("utf-8")
    assert script.count("--strict") == 2
    assert "-r requirements.lock" in script
    makefile = (DEPLOY.parent / "Makefile").read_text("utf-8")
    assert "deploy/audit.sh" in makefile
