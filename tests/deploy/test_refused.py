"""What nginx refuses by itself, before any process hears of it, is said in the reader's language and shape too."""

import json
import re
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.deploy.installed import SITE
from tests.deploy.test_busy import Upstream, proxied
from tests.postgres import scratch


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with scratch() as folder, proxied(folder, 40) as (made, _):
        yield made


def _said(client: httpx.Client, request: bytes) -> tuple[int, dict[str, str], str]:
    """Status, headers and body of the answer to these very bytes."""
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection(("127.0.0.1", client.base_url.port or 0), timeout=30) as plain,
        trusting.wrap_socket(plain, server_hostname="localhost") as line,
    ):
        line.sendall(request)
        came = b""
        while piece := line.recv(65_536):
            came += piece
    head, _, body = came.decode("utf-8").partition("\r\n\r\n")
    first, *lines = head.split("\r\n")
    headers = {name.lower(): value for name, _, value in (each.partition(": ") for each in lines)}
    return int(first.split()[1]), headers, body


LONG = b"a" * 9_000
END = b"Host: localhost\r\nConnection: close\r\n"
REFUSED = {
    "broken": (b"GET %s HTTP/1.1\r\nHost: local host\r\n\r\n", 400, "bad_request"),
    "too long an address": (b"GET %s?" + LONG + b" HTTP/1.1\r\n" + END + b"\r\n", 414, "bad_request"),
    "too long a header": (b"GET %s HTTP/1.1\r\n" + END + b"Cookie: x=" + LONG + b"\r\n\r\n", 431, "bad_request"),
    "too much": (b"POST %s HTTP/1.1\r\n" + END + b"Content-Length: 70000\r\n\r\n", 413, "too_large"),
    "a method of none": (b"TRACE %s HTTP/1.1\r\n" + END + b"\r\n", 405, "method_not_allowed"),
}
TITLES = {
    400: ("Không đọc được yêu cầu.", "The request cannot be read."),
    405: ("Không có trang này.", "This page does not exist."),
    413: ("Nội dung gửi lên quá lớn.", "What was sent is too large."),
    414: ("Địa chỉ của trang quá dài.", "The address of the page is too long."),
    431: ("Trình duyệt gửi kèm quá nhiều dữ liệu.", "The browser sends too much along with it."),
}


@pytest.mark.parametrize("which", REFUSED)
def test_a_page_that_nginx_refuses_says_so_in_words(client: httpx.Client, which: str) -> None:
    request, status, _ = REFUSED[which]
    vietnamese, english = TITLES[status]
    found, headers, body = _said(client, request.replace(b"%s", b"/find"))
    assert (found, headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert f"<html lang=vi><meta name=viewport content='width=device-width'><title>{vietnamese}</title>" in body
    assert "<a href=/>Trang đầu</a>" in body
    assert headers["cache-control"] == "no-store"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "nginx" not in body + headers["server"].removeprefix("nginx")
    if which == "broken":
        return  # its headers are not read any more, and with them the language
    in_english = request.replace(b"%s", b"/find").replace(END, END + b"Accept-Language: en\r\n")
    if status != 414:  # likewise
        assert (
            f"<html lang=en><meta name=viewport content='width=device-width'><title>{english}</title>"
            in _said(client, in_english)[2]
        )


@pytest.mark.parametrize("which", REFUSED)
def test_a_program_that_nginx_refuses_gets_a_problem(client: httpx.Client, which: str) -> None:
    request, status, code = REFUSED[which]
    found, headers, body = _said(client, request.replace(b"%s", b"/api/v1/holds"))
    assert found == status
    if which == "too long an address":  # nobody has read the address
        assert headers["content-type"] == "text/html; charset=utf-8"
        return
    assert headers["content-type"] == "application/problem+json"
    told = json.loads(body)
    assert (told["status"], told["code"], told["title"]) == (status, code, TITLES[status][0])
    assert told["type"] == f"https://localhost/errors/{code}"


def test_what_only_machines_may_ask_is_no_page_either(client: httpx.Client) -> None:
    answer = client.get("/metrics")
    assert (answer.status_code, "Không có trang này." in answer.text) == (404, True)
    assert client.get("/nginx-refused/page").status_code == 404


def test_answers_of_the_product_stay_as_they_are(client: httpx.Client) -> None:
    assert client.get("/ours-503").text == "ours 0"


def test_control_without_these_lines_they_are_nginx_s_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Upstream.handler

    def without(upstream: Upstream) -> object:
        """nginx has not been started yet; its site lies there."""
        path = Path(f"{tmp_path}{SITE}")
        path.write_text(re.sub(r"^ *error_page 4.*\n", "", path.read_text("utf-8"), flags=re.MULTILINE), "utf-8")
        return whole(upstream)

    monkeypatch.setattr(Upstream, "handler", without)
    with proxied(tmp_path, 40) as (made, _):
        status, _, body = _said(made, REFUSED["too much"][0].replace(b"%s", b"/find"))
    assert (status, "Request Entity Too Large" in body) == (413, True)
