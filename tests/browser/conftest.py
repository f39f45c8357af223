"""A real server on a test's database, and Debian's Chromium at the size of an old phone.

Outside CI the tests are skipped, loudly, where there is no Chromium; in CI its absence is a failure.
"""

import gc
import os
import shutil
import socket
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from booking.clock import utc_now
from booking.db import Database
from booking.main import create_app
from booking.settings import load
from tests import places
from tests.conftest import environment
from tests.places import World
from tests.postgres import apart

_WITHOUT = (
    "AimEnabled", "AvoidCorsURLLoaderRestartOnRedirect", "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose", "HttpsFirstBalancedModeAutoEnable", "HttpsUpgrades", "LensOverlay", "MediaRouter",
    "NetworkTimeServiceQuerying", "OptimizationHints", "PaintHolding", "PreconnectToSearch",
    "ThirdPartyStoragePartitioning",
    "WebUIOmniboxPopup", "WebUIOmniboxAimPopup",
)  # fmt: skip
"""Playwright's own list, which ours replaces; then two pages that Chromium loads into every window, for the popup of an
address line nobody sees: they were three quarters of what opening a page costs."""
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    f"--disable-features={','.join(_WITHOUT)}",
]  # fmt: skip
PHONE = {"width": 360, "height": 640}
NAMES = ("chromium", "chromium-browser", "google-chrome")

pytestmark = pytest.mark.browser
expect.set_options(timeout=20_000)  # a busy machine is no fault of the page


def chromium() -> str | None:
    """The browser of this machine."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def chromium_or_skip() -> str:
    """The browser of this machine; without one the test is skipped, and in CI fails."""
    path = chromium()
    if path is None:
        reason = "NO CHROMIUM ON THIS MACHINE: the browser tests did not run (apt-get install chromium)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return path


@contextmanager
def started_browser() -> Iterator[Browser]:
    """Chromium under Playwright, and nothing of either afterwards."""
    path = chromium_or_skip()
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
            yield browser
            browser.close()
    finally:
        # Playwright leaves the pipe of its driver to the garbage collector; a later test must not answer for it.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()


@dataclass(frozen=True)
class Site:
    """The running product: where it is and what is in it."""

    url: str
    world: World
    database_url: str

    def run(self, sql: str) -> None:
        """Change something behind the product's back."""
        from sqlalchemy import text

        async def go() -> None:
            database = Database(self.database_url, pool=1)
            async with database.transaction() as session:
                await session.execute(text(sql))
            await database.close()

        apart(go)


def _filled(url: str) -> World:
    async def go() -> World:
        database = Database(url, pool=1)
        try:
            async with database.transaction() as session:
                return await places.make(session, utc_now())
        finally:
            await database.close()

    return apart(go)


@contextmanager
def served(database_url: str, *, port: int = 0) -> Iterator[str]:
    """The app, inbox included, on a free port of this machine or the one given; its address."""
    listening = socket.create_server(("127.0.0.1", port))
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    app = create_app(load(environment(database_url, PUBLIC_BASE_URL=url)), inbox=True)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="on", ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        while not server.started and thread.is_alive():
            time.sleep(0.02)
        yield url
    finally:
        server.should_exit = True
        thread.join(20)
        listening.close()


@pytest.fixture
def site(database_url: str) -> Iterator[Site]:
    """The product with the sample world in it."""
    world = _filled(database_url)
    with served(database_url) as url:
        yield Site(url, world, database_url)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """The browser of this folder's tests, gone before one of another folder runs; each test has contexts of its own.

    While it is there, Playwright's loop runs in this thread: asyncio.run() is called `apart`; no test here is async.
    """
    with started_browser() as started:
        yield started


@pytest.fixture
def phone(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens a page in a phone of one's own: `phone(scripts=False, language="en", scheme="dark")`.

    Without `workers=True` the phone keeps no slips: a service worker asks for pages by itself, at any time.
    """
    opened: list[BrowserContext] = []

    def open_page(*, scripts: bool = True, language: str = "vi", scheme: str = "light", workers: bool = False) -> Page:
        context = browser.new_context(
            viewport={"width": PHONE["width"], "height": PHONE["height"]},
            java_script_enabled=scripts,
            service_workers="allow" if workers else "block",
            locale="vi-VN" if language == "vi" else "en-GB",
            color_scheme="dark" if scheme == "dark" else "light",
        )
        context.set_default_timeout(20_000)
        opened.append(context)
        return context.new_page()

    yield open_page
    for context in opened:
        context.close()
