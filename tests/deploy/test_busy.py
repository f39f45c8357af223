"""nginx turns away those who are too many, whoever sends slowly takes no place, and a hospital's file goes through."""

import contextlib
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from booking.settings import Settings
from tests.carrier import unused_port
from tests.deploy.installed import SITE, certificate, laid_down, nginx_or_skip, site

INSIDE, PROCESSES = f"max_conns={Settings.model_fields['requests_at_once'].default}", 2


@dataclass
class Upstream:
    """Stands where the web processes stand: answers at once, but `/slow` only when it is let go."""

    busy: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    go: threading.Event = field(default_factory=threading.Event)
    away: Callable[[], None] = field(default=lambda: None)
    """Ends it."""

    def handler(self) -> type[BaseHTTPRequestHandler]:
        upstream = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                took = len(self.rfile.read(int(self.headers.get("content-length", "0"))))
                if self.path == "/slow":
                    upstream.busy.release()
                    upstream.go.wait(30)
                body = f"ours {took}".encode()
                self.send_response(503 if self.path == "/ours-503" else 200)
                self.send_header("content-length", str(len(body)))
                self.send_header("connection", "close")
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET  # noqa: N815  the name the library looks for

            def log_message(self, *_: object) -> None:
                """Nothing: tests are quiet."""

        return Handler


@contextlib.contextmanager
def proxied(root: Path, inside: int) -> Iterator[tuple[httpx.Client, Upstream]]:
    """nginx with the installed site before an `Upstream`, which lets so many `inside` each process."""
    nginx = nginx_or_skip()
    laid_down(root)
    certificate(root / "etc/henkham/tls")
    (root / "log").mkdir()
    upstream = Upstream()
    server = ThreadingHTTPServer(("127.0.0.1", 0), upstream.handler())

    def away() -> None:
        server.shutdown()
        serving.join()
        server.server_close()

    upstream.away = away
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    serving.start()
    plain, port = unused_port(), unused_port()
    whole = site(root, plain, port, [server.server_port, server.server_port])
    text = Path(f"{root}{SITE}").read_text("utf-8")
    assert INSIDE in text
    Path(f"{root}{SITE}").write_text(text.replace(INSIDE, f"max_conns={inside}"), "utf-8")
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
        if serving.is_alive():
            away()


@contextlib.contextmanager
def _full(client: httpx.Client, upstream: Upstream) -> Iterator[None]:
    """While somebody is inside each process."""
    with ThreadPoolExecutor(PROCESSES) as pool:
        slow = [pool.submit(client.get, "/slow") for _ in range(PROCESSES)]
        assert all(upstream.busy.acquire(timeout=20) for _ in slow)
        yield
        upstream.go.set()
        assert [each.result(20).text for each in slow] == ["ours 0"] * PROCESSES


WORDS = {
    "vi": ("Hẹn Khám đang bận.", "Trang này tự mở lại", "gửi hai lần vẫn chỉ là một lịch hẹn"),
    "en": ("Hẹn Khám is busy.", "This page opens again by itself", "sent twice, it is still one booking"),
}


@pytest.mark.parametrize("language", ["vi", "en"])
def test_who_is_one_too_many_is_told_when_to_come_again_and_the_others_are_not_disturbed(
    tmp_path: Path, language: str
) -> None:
    asked, (title, read, sent) = {"accept-language": language}, WORDS[language]
    with proxied(tmp_path, 1) as (client, upstream):
        with _full(client, upstream):
            page = client.get("/", headers=asked)
            assert (page.status_code, page.headers["cache-control"]) == (503, "no-store")
            assert page.headers["retry-after"] == page.headers["refresh"]
            assert page.headers["retry-after"] in {"3", "5", "7", "9"}
            assert all(said in page.text for said in (f"<html lang={language}>", title, read))
            posted = client.post("/book", headers=asked, data={"x": "y"})
            assert (posted.status_code, "refresh" in posted.headers) == (503, False)
            assert sent in posted.text
            for answer, code in (
                (client.get("/api/v1/slots", headers=asked), "busy"),
                (client.post("/api/v1/holds", headers=asked, json={}), "outcome_unknown"),
            ):
                assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
                told = answer.json()
                assert (told["code"], told["title"], told["type"]) == (code, title, f"https://localhost/errors/{code}")
                assert told["retry_after"] == int(answer.headers["retry-after"])
            for path in ("/readyz", "/t/ABC/key/live"):
                assert client.get(path).text == "ours 0"
        assert client.get("/").text == "ours 0"
        assert client.get("/ours-503").text == "ours 0"  # the product's own words are not covered


def test_control_where_more_may_be_inside_nobody_is_turned_away(tmp_path: Path) -> None:
    with proxied(tmp_path, 40) as (client, upstream), _full(client, upstream):
        assert client.get("/").text == "ours 0"


def test_whoever_sends_slowly_takes_no_place(tmp_path: Path) -> None:
    with proxied(tmp_path, 1) as (client, upstream), contextlib.ExitStack() as held:
        trusting = ssl.create_default_context()
        trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
        for _ in range(10):
            plain = held.enter_context(socket.create_connection(("127.0.0.1", client.base_url.port or 0)))
            line = held.enter_context(trusting.wrap_socket(plain, server_hostname="localhost"))
            line.sendall(b"POST /sign-in HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000\r\n\r\nx")
        assert client.get("/").text == "ours 0"
        assert client.post("/book", content=b"whole").text == "ours 5"
        assert not upstream.go.is_set()


def test_where_no_process_answers_the_page_says_so_and_opens_again(tmp_path: Path) -> None:
    with proxied(tmp_path, 40) as (client, upstream):
        upstream.away()
        page = client.get("/")
        assert (page.status_code, "refresh" in page.headers) == (503, True)
        assert WORDS["vi"][0] in page.text


def test_a_file_for_the_desk_goes_through_and_nothing_else_of_its_size(tmp_path: Path) -> None:
    file = b"x" * 1_000_000
    with proxied(tmp_path, 40) as (client, _):
        assert client.post("/desk/VT-BV/show-file", content=file).text == f"ours {len(file)}"
        assert client.post("/desk/VT-BV/other", content=file).status_code == 413
