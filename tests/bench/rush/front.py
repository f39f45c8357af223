"""nginx before the processes that are measured: the site of deploy/, on loopback."""

import contextlib
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.carrier import unused_port
from tests.deploy.installed import SITE, certificate, laid_down, nginx_or_skip, site

_NOT_HERE = (
    # Whoever measures TLS measures the generator's too.
    (r"listen (\S+) ssl http2;", r"listen \1;"),
    (r"listen \S+ ssl default_server;\n", ""),
    (r" *ssl_\w+ [^;]+;\n", ""),
    # Everybody of a rush comes from one machine and says whose address she would have.
    (r"X-Forwarded-For \$remote_addr", "X-Forwarded-For $http_x_forwarded_for"),
    (r" *limit_conn henkham_address \d+;[^\n]*\n", ""),
    (r"access_log \S+ henkham;", "access_log off;"),
)


@contextlib.contextmanager
def nginx(root: Path, web_ports: list[int]) -> Iterator[int]:
    """Its port. Without nginx on this machine the run ends with a word on what is missing."""
    program = nginx_or_skip()
    laid_down(root)
    certificate(root / "etc/henkham/tls")
    (root / "log").mkdir()
    port = unused_port()
    whole = site(root, unused_port(), port, [web_ports[0], web_ports[-1]])
    text = Path(f"{root}{SITE}").read_text("utf-8")
    for old, new in _NOT_HERE:
        text, often = re.subn(old, new, text)
        if not often:
            raise SystemExit(f"deploy/nginx/henkham.conf has nothing like {old}")
    Path(f"{root}{SITE}").write_text(text, "utf-8")
    whole.write_text(whole.read_text("utf-8").replace("worker_connections 512", "worker_connections 16384"), "utf-8")
    process = subprocess.Popen([program, "-c", str(whole), "-p", str(root)])
    try:
        yield port
    finally:
        process.terminate()
        process.wait(10)
