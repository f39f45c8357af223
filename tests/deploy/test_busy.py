"""nginx turns away those who are too many, in the product's own words, and lets a hospital's file through."""

import contextlib
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from booking.errors import Busy
from booking.i18n import Language
from booking.web.problems import sentence
from tests.carrier import unused_port
from tests.deploy.installed import SITE, certificate, laid_down, nginx_or_skip, site

INSIDE = "limit_conn henkham_inside 80;"


@dataclass
class Upstream:
    """Stands where the web processes stand: answers at once, but `/slow` only when it is let go."""

    busy: threading.Event = field(default_factory=threading.Event)
    go: threading.Event = field(default_factory=threading.Event)

    def handler(self) -> type[BaseHTTPRequestHandler]:
        upstream = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                took = len(self.rfile.read(int(self.headers.get("content-length", "0"))))
                if self.path == "/slow":
                    upstream.busy.set()
                    upstream.go.wait(30)
                body = f"ours {took}".encode()
                self.send_response(503 if self.path == "/ours-503" else 200)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET  # noqa: N815  the name the library looks for

            def log_message(self, *_: object) -> None:  # type: ignore[override]
                """Nothing: tests are quiet."""

        return Handler


@contextlib.contextmanager
def _proxied(root: Path, inside: int) -> Iterator[tuple[httpx.Client, Upstream]]:
    nginx = nginx_or_skip()
    laid_down(root)
    certificate(root / "etc/henkham/tls")
    (root / "log").mkdir()
    upstream = Upstream()
    server = ThreadingHTTPServer(("127.0.0.1", 0), upstream.handler())
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    serving.start()
    plain, port = unused_port(), unused_port()
    whole = site(root, plain, port, [server.server_port, server.server_port])
    text = Path(f"{root}{SITE}").read_text("utf-8")
    assert INSIDE in text
    Path(f"{root}{SITE}").write_text(text.replace(INSIDE, f"limit_conn henkham_inside {inside};"), "utf-8")
    proxy = subprocess.Popen([nginx, "-c", str(whole), "-p", str(root)], stderr=subprocess.DEVNULL)
    try:
        with httpx.Client(base_url=f"https://localhost:{port}", verify=False, timeout=30) as client:
            for _ in range(200):
                with contextlib.suppress(httpx.TransportError):
                    client.get("/healthz")
                    break
                threading.Event().wait(0.05)
            yield client, upstream
    finally:
        upstream.go.set()
        proxy.terminate()
        proxy.wait(10)
        server.shutdown()
        serving.join()
        server.server_close()


@contextlib.contextmanager
def _full(client: httpx.Client, upstream: Upstream) -> Iterator[None]:
    """While somebody is inside."""
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(client.get, "/slow")
        assert upstream.busy.wait(20)
        yield
        upstream.go.set()
        assert slow.result(20).text == "ours 0"


@pytest.mark.parametrize("language", ["vi", "en"])
def test_who_is_one_too_many_is_told_when_to_come_again_and_the_others_are_not_disturbed(
    tmp_path: Path, language: Language
) -> None:
    asked = {"accept-language": language}
    with _proxied(tmp_path, 1) as (client, upstream):
        with _full(client, upstream):
            page = client.get("/", headers=asked)
            assert (page.status_code, page.headers["cache-control"]) == (503, "no-store")
            assert page.headers["retry-after"] == page.headers["refresh"]
            assert page.headers["retry-after"] in {"3", "5", "7", "9"}
            assert f"<html lang={language}>" in page.text
            assert all(said in page.text for said in sentence(Busy(reason="reads"), language))
            sent = client.post("/book", headers=asked, data={"x": "y"})
            assert (sent.status_code, "refresh" in sent.headers) == (503, False)
            assert all(said in sent.text for said in sentence(Busy(reason="sends"), language))
            problem = client.get("/api/v1/slots", headers=asked)
            assert problem.headers["content-type"] == "application/problem+json"
            title, detail = sentence(Busy(), language)
            assert problem.json() == {
                "type": "https://localhost/errors/busy", "title": title, "status": 503, "detail": detail,
                "code": "busy", "retry_after": int(problem.headers["retry-after"]),
            }  # fmt: skip
            for path in ("/readyz", "/healthz", "/t/ABC/key/live"):
                assert client.get(path).text == "ours 0"
        assert client.get("/").text == "ours 0"
        assert client.get("/ours-503").text == "ours 0"  # the product's own words are not covered


def test_control_where_more_may_be_inside_nobody_is_turned_away(tmp_path: Path) -> None:
    with _proxied(tmp_path, 80) as (client, upstream), _full(client, upstream):
        assert client.get("/").text == "ours 0"


def test_a_file_for_the_desk_goes_through_and_nothing_else_of_its_size(tmp_path: Path) -> None:
    file = b"x" * 1_000_000
    with _proxied(tmp_path, 80) as (client, _):
        assert client.post("/desk/VT-BV/show-file", content=file).text == f"ours {len(file)}"
        assert client.post("/desk/VT-BV/other", content=file).status_code == 413
