# ruff: noqa: INP001  a command, not a package
"""Draws the icons of the installed site out of our mark, static/mark.svg.

Run it again when the mark changes, where the browser tests run too (it needs Playwright and a Chromium):

    python deploy/draw_icons.py /usr/bin/chromium

A maskable icon is cut by the phone into a shape of its own, so its ground goes to the edge; the clock lies within the
middle four fifths, which are never cut.
"""

import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

STATIC = Path(__file__).parent.parent / "booking" / "web" / "static"
ICONS = {
    "icon-192.png": (192, True),
    "icon-512.png": (512, True),
    "icon-maskable-512.png": (512, False),
    "icon-apple-180.png": (180, False),
}
"""File → size in pixels, and whether its corners are round."""


def main(chromium: str) -> None:
    """Draw every icon."""
    mark = (STATIC / "mark.svg").read_text("utf-8")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--headless", "--no-sandbox"])
        for name, (size, round_corners) in ICONS.items():
            drawn = mark if round_corners else mark.replace(' rx="14"', "")
            page = browser.new_page(viewport={"width": size, "height": size})
            page.set_content(f"<style>body{{margin:0}}svg{{display:block;width:{size}px}}</style>{drawn}")
            page.screenshot(path=STATIC / name, omit_background=True)
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1])
