"""A version is laid down beside the one that serves, taken into use one process after the other, and left again."""

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.carrier import unused_port
from tests.deploy.installed import DEPLOY

PYTHON = """#!/bin/sh
# Stands where Python stands: makes an environment whose own Python installs nothing.
[ "$1 $2" = "-m venv" ] || exit 0
mkdir -p "$3/bin" && cp "$0" "$3/bin/python" && cp "$0" "$3/bin/henkham" && date +%N > "$3/made"
"""
SYSTEMCTL = """#!/bin/sh
case "$1" in
    list-units) for port in $PORTS; do echo "henkham-web@$port.service loaded active running Hen Kham"; done ;;
    restart) echo "$2 $(readlink "$HENKHAM_OPT/current")" >> "$HENKHAM_OPT/restarted" ;;
esac
"""


def _program(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o755)
    return path


def _laid_down(folder: Path, version: str) -> None:
    """install.sh of a project of that version."""
    project = folder / f"project-{version}"
    project.mkdir(exist_ok=True)
    for name in ("deploy", "docs"):
        shutil.copytree(DEPLOY.parent / name, project / name, dirs_exist_ok=True)
    (project / "pyproject.toml").write_text(f'[project]\nversion = "{version}"\n')
    subprocess.run(
        [str(project / "deploy/install.sh"), "--root", str(folder / "root"), "--program"], check=True,
        capture_output=True, env=os.environ | {"PYTHON": str(_program(folder / "python", PYTHON))},
    )  # fmt: skip


def test_a_new_version_leaves_what_serves_as_it_is(tmp_path: Path) -> None:
    opt = tmp_path / "root/opt/henkham"
    _laid_down(tmp_path, "1.0")
    assert (str((opt / "current").readlink()), str((opt / "next").readlink())) == ("releases/1.0", "releases/1.0")
    made = (opt / "releases/1.0/made").read_text()
    _laid_down(tmp_path, "1.1")
    assert (str((opt / "current").readlink()), str((opt / "next").readlink())) == ("releases/1.0", "releases/1.1")
    _laid_down(tmp_path, "1.0")
    assert (opt / "releases/1.0/made").read_text() == made, "what may be in use is not made anew"
    (opt / "releases/1.1/whole").unlink()
    begun = (opt / "releases/1.1/made").read_text()
    _laid_down(tmp_path, "1.1")
    assert (opt / "releases/1.1/made").read_text() != begun, "what was left half done is"


@pytest.fixture
def answering() -> Iterator[int]:
    """A web process that is ready."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/readyz" else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing: tests are quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        serving.start()
        yield server.server_port
        server.shutdown()
        serving.join()


def _used(folder: Path, ports: list[int], *version: str) -> tuple[int, list[str]]:
    """use.sh: how it ended, and what was restarted with which version."""
    opt = folder / "opt"
    if not opt.exists():
        for name in ("1.0", "1.1"):
            (opt / "releases" / name / "bin").mkdir(parents=True)
            (opt / "releases" / name / "whole").touch()
            (opt / "releases" / name / "bin/python").symlink_to(sys.executable)
        (opt / "current").symlink_to("releases/1.0")
    _program(folder / "systemctl", SYSTEMCTL)
    _program(folder / "sleep", "#!/bin/sh\n")
    (opt / "restarted").write_text("")
    told = {"PATH": f"{folder}:{os.environ['PATH']}", "HENKHAM_OPT": str(opt), "HENKHAM_TRIES": "2"}
    done = subprocess.run(
        [str(DEPLOY / "use.sh"), *version], check=False, capture_output=True, text=True,
        env=told | {"PORTS": " ".join(map(str, ports))},
    )  # fmt: skip
    return done.returncode, (opt / "restarted").read_text().splitlines()


def test_a_version_is_taken_into_use_and_left_again(tmp_path: Path, answering: int) -> None:
    for version in ("1.1", "1.0"):
        code, restarted = _used(tmp_path, [answering, answering], version)
        web = f"henkham-web@{answering}.service releases/{version}"
        assert (code, restarted) == (0, [web, web, f"henkham-scheduler releases/{version}"])


def test_where_a_process_does_not_get_ready_the_others_go_on_as_they_were(tmp_path: Path, answering: int) -> None:
    dead = unused_port()
    code, restarted = _used(tmp_path, [dead, answering], "1.1")
    assert (code, restarted) == (1, [f"henkham-web@{dead}.service releases/1.1"])


def test_a_version_that_is_not_there_is_not_taken(tmp_path: Path, answering: int) -> None:
    assert _used(tmp_path, [answering], "9.9") == (2, [])
    assert _used(tmp_path, [answering]) == (2, [])
    assert str((tmp_path / "opt/current").readlink()) == "releases/1.0"
