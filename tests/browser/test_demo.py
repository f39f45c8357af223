"""`henkham demo` as its user meets it: started, used through a browser, killed, started again."""

import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from tests import postgres
from tests.browser.conftest import PHONE
from tests.browser.journey import fill_in
from tests.forking import Forked

_READY = "Ctrl-C stops everything."
_PATIENCE = 120
_CODE = re.compile(r"\b\d{6}\b")


class Demo:
    """One run of the command, its words read line by line: forked, with children that are fresh, or itself fresh."""

    def __init__(self, data: Path, *more: str, fresh: bool = False) -> None:
        command = [sys.executable, "-m", "booking", "demo", "--data", str(data), *more]
        kind: type[subprocess.Popen[str]] = subprocess.Popen if fresh else Forked
        self.process = kind(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8")
        self.said: list[str] = []

    def until_ready(self) -> str:
        """Read until everything runs; the address of the pages."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line.rstrip())
            if _READY in line:
                break
        text = "\n".join(self.said)
        found = re.search(r"Pages for patients +(http://\S+)/", text)
        assert found, text
        return found[1]

    def family(self) -> list[psutil.Process]:
        """The command and every process under it."""
        mine = psutil.Process(self.process.pid)
        return [mine, *mine.children(recursive=True)]

    def stop(self, number: int = signal.SIGINT) -> str:
        """Send a signal and wait until nothing of it is left; what it said."""
        family = self.family() if self.process.poll() is None else []
        if family:
            self.process.send_signal(number)
        rest = self.process.communicate(timeout=_PATIENCE)[0]
        _, alive = psutil.wait_procs(family, timeout=30)
        assert not alive, [each.name() for each in alive]
        return "\n".join([*self.said, rest])


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where a demo keeps its data."""
    with postgres.scratch() as scratch:
        yield scratch / "demo"


def _read(url: str) -> tuple[int, str]:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.status, answer.read().decode()


def _book(page: Page, base: str) -> str:
    page.goto(f"{base}/f/TYT-01/kham-tong-quat")
    page.locator(".days a").first.click()
    page.locator(".option label").last.click()
    page.locator(".primary button").click()
    _sign_in(page, base)
    fill_in(page)
    page.locator(".primary button").click()
    expect(page.locator(".ticket")).to_be_visible()
    return page.url.split("?")[0]


def _sign_in(page: Page, base: str) -> None:
    """With the code that the demo's inbox shows; it asks again by itself until the scheduler sent it."""
    page.fill("#phone", "0903 123 456")
    page.locator(".primary button").click()
    inbox = page.context.new_page()
    inbox.goto(f"{base}/inbox")
    said = inbox.locator(".bubble").filter(has_text=_CODE).first
    expect(said).to_be_visible(timeout=30_000)
    found = _CODE.search(said.inner_text())
    assert found
    inbox.close()
    page.fill("#code", found[0])
    page.locator(".primary button").click()


def test_a_visit_is_booked_and_its_sms_opens_the_ticket_also_after_kill_9_and_another_start(
    folder: Path, browser: Browser
) -> None:
    """One demo from its first start to its end, and a second one beside it, which sees nothing of that."""
    demo = Demo(folder, fresh=True)
    beside = Demo(folder.with_name("other"))
    try:
        base, other = demo.until_ready(), beside.until_ready()
        assert base != other
        assert [line[:3] for line in demo.said[:6] if line[:1].isdigit()] == ["1/5", "2/5", "3/5", "4/5", "5/5"]
        ticket = _booked_and_told(browser, base)
        _refused_while_it_runs(folder)
        assert _read(f"{base}/readyz")[0] == 200, "a reset that was refused hurt nothing"
        _killed(demo)
        assert not _answers(base)
        assert _read(f"{other}/readyz")[0] == 200
    finally:
        assert "Everything is stopped." in beside.stop()
        if demo.process.poll() is None:
            demo.stop(signal.SIGTERM)
    again = Demo(folder, "--port", base.rsplit(":", 1)[1])
    try:
        assert again.until_ready() == base
        status, text = _read(ticket)
        assert status == 200
        assert "Nguyễn Thị Mẫu" in text, "sealed data opens with the keys of the first start"
        assert re.search(r"\d+ times can be booked", "\n".join(again.said))
    finally:
        again.stop()


def _booked_and_told(browser: Browser, base: str) -> str:
    """A visit booked on a telephone; the address of its ticket, to which its SMS leads."""
    viewport: ViewportSize = {"width": PHONE["width"], "height": PHONE["height"]}
    page = browser.new_context(viewport=viewport, locale="vi-VN").new_page()
    page.set_default_timeout(60_000)
    ticket = _book(page, base)
    page.goto(f"{base}/inbox")  # it asks again by itself; the scheduler sends within seconds
    bubble = page.locator(".bubble").filter(has_text="HenKham: Da dat lich kham TYT P1")
    expect(bubble).to_be_visible(timeout=30_000)
    bubble.locator("a").click()
    page.wait_for_url(f"{ticket}*")
    expect(page.locator(".ticket")).to_be_visible()
    page.context.close()
    return ticket


def _killed(demo: Demo) -> None:
    """With kill -9, and nothing of it is left."""
    family = demo.family()
    assert len(family) >= 5
    demo.process.kill()
    demo.process.communicate(timeout=_PATIENCE)
    _, alive = psutil.wait_procs(family, timeout=30)
    assert not alive, [each.name() for each in alive]


def _refused_while_it_runs(folder: Path) -> None:
    """Another demo on the same data is refused, and so is its reset: keys and data stay."""
    keys = folder.with_name("demo-files") / "keys.json"
    before = keys.read_bytes()
    for more in ((), ("--reset",)):
        refused = Demo(folder, *more)
        said = refused.process.communicate(timeout=_PATIENCE)[0]
        assert refused.process.returncode == 1, said
        assert "cannot start" in said
        assert keys.read_bytes() == before


def _answers(address: str) -> bool:
    for _ in range(3):
        try:
            return _read(f"{address}/healthz")[0] == 200
        except OSError:
            time.sleep(0.2)
    return False
