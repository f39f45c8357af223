"""A renewed certificate is laid down and taken up; one that cannot be used changes nothing."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.deploy.installed import DEPLOY, certificate


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A folder with the certificate in use, a new one, and an nginx that takes what it is told to."""
    for name in ("tls", "new", "another", "bin"):
        (tmp_path / name).mkdir()
    for name in ("tls", "new", "another"):
        certificate(tmp_path / name)
    for name, does in (("nginx", 'exit "${NGINX_SAYS:-0}"'), ("systemctl", f'echo "$@" >> {tmp_path}/done')):
        (tmp_path / "bin" / name).write_text(f"#!/bin/sh\n{does}\n")
        (tmp_path / "bin" / name).chmod(0o755)
    (tmp_path / "done").touch()
    return tmp_path


def _run(machine: Path, *told: str, **more: str) -> subprocess.CompletedProcess[str]:
    path = f"{machine}/bin:{os.environ['PATH']}"
    return subprocess.run(
        [str(DEPLOY / "certificate.sh"), *told], check=False, capture_output=True, text=True,
        env={"PATH": path, "HENKHAM_TLS": str(machine / "tls"), **more},
    )  # fmt: skip


def _state(machine: Path) -> tuple[str, ...]:
    return tuple((machine / "tls" / name).read_text() for name in ("fullchain.pem", "privkey.pem"))


def _new(machine: Path, folder: str = "new") -> list[str]:
    return [str(machine / folder / "fullchain.pem"), str(machine / folder / "privkey.pem")]


def test_a_renewed_one_is_taken_up_told_by_hand_or_by_certbot(machine: Path) -> None:
    for told, more in ((_new(machine), {}), ([], {"RENEWED_LINEAGE": str(machine / "another")})):
        done = _run(machine, *told, **more)
        assert done.returncode == 0, done.stderr
        assert "good until" in done.stdout
        folder = Path(more.get("RENEWED_LINEAGE", machine / "new"))
        assert _state(machine) == tuple((folder / name).read_text() for name in ("fullchain.pem", "privkey.pem"))
    assert (machine / "done").read_text() == "reload nginx\n" * 2
    assert (machine / "tls/privkey.pem").stat().st_mode & 0o777 == 0o600


def test_what_cannot_be_used_changes_nothing(machine: Path) -> None:
    before = _state(machine)
    over = machine / "over"
    over.mkdir()
    certificate(over, days=1)
    chain, key = _new(machine)
    refused: tuple[tuple[list[str], dict[str, str], str], ...] = (
        ([chain, _new(machine, "another")[1]], {}, "is not the key of"),
        (_new(machine, "over"), {}, "good for a day more"),
        ([key, key], {}, "good for a day more"),
        ([chain, key], {"NGINX_SAYS": "1"}, "the one before is back"),
        ([], {}, "Which?"),
    )
    for told, more, said in refused:
        done = _run(machine, *told, **more)
        assert done.returncode != 0
        assert said in done.stderr
        assert _state(machine) == before
    assert (machine / "done").read_text() == ""
