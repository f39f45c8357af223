"""What every page has round it: switches, the way to one's own visits, how heavy it is, how it leaves the house."""

import gzip
import re
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from booking.clock import utc_now
from booking.db import Database
from booking.web import compression, static_files
from booking.web.compression import SMALLEST
from tests import places, slips
from tests.pages import read, send
from tests.places import SERVICE, STATION, World
from tests.signing import sign_in

pytestmark = pytest.mark.anyio

HEAVIEST = 50_000
"""Bytes of a first view as they travel: the page and every file it names."""
HEAVIEST_STYLE = 30_000
"""Bytes of the style sheet, uncompressed: a browser has to read all of it before it shows anything."""
_FILES = re.compile(r'(?:href|src)="(/static/[^"]+)"')


@pytest.fixture
async def made(db: Database) -> World:
    async with db.transaction() as session:
        return await places.make(session, utc_now())


@pytest.fixture
async def line(app: FastAPI, client: httpx.AsyncClient) -> AsyncIterator[httpx.AsyncClient]:  # noqa: ARG001
    """Another client of the same app, whose answers are left as they travelled; `client` closes what the app opened."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://henkham.test") as made:
        yield made


async def _raw(line: httpx.AsyncClient, path: str, coding: str = "gzip") -> tuple[httpx.Response, bytes]:
    """An answer and its body as it travelled."""
    async with line.stream("GET", path, headers={"Accept-Encoding": coding}) as answer:
        return answer, b"".join([part async for part in answer.aiter_raw()])


async def test_larger_type_is_switched_on_remembered_and_off_again(client: httpx.AsyncClient) -> None:
    home = await client.get("/?q=12")
    assert 'class="large"' not in home.text
    form = read(home).form("/language")
    back = await send(client, form, type="large")
    assert str(back.url).endswith("/?q=12")
    assert 'class="large"' in back.text
    assert 'class="large"' in (await client.get("/nope")).text
    assert 'class="large"' in (await send(client, form, type="giant")).text
    assert 'class="large"' not in (await send(client, form, type="normal")).text


async def test_the_size_and_the_language_are_chosen_apart(client: httpx.AsyncClient) -> None:
    form = read(await client.get("/")).form("/language")
    await send(client, form, type="large")
    answer = await send(client, form, lang="en")
    assert read(answer).language == "en"
    assert 'class="large"' in answer.text


async def test_the_head_leads_to_signing_in_or_to_ones_visits(client: httpx.AsyncClient, db: Database) -> None:
    assert ("/me", "Đăng nhập") in read(await client.get("/")).links
    await sign_in(client, db)
    assert ("/me", "Lịch hẹn của tôi") in read(await client.get("/")).links


async def test_pages_travel_compressed_for_whoever_can_read_that(line: httpx.AsyncClient) -> None:
    plain, body = await _raw(line, "/", "identity")
    small, squeezed = await _raw(line, "/", "gzip, br")
    assert "content-encoding" not in plain.headers
    assert small.headers["content-encoding"] == "gzip"
    assert int(small.headers["content-length"]) == len(squeezed) < len(body) * 0.6
    assert all("Accept-Encoding" in answer.headers["vary"] for answer in (plain, small))
    assert read(gzip.decompress(squeezed).decode()).title == read(body.decode()).title


async def test_json_is_not_compressed(line: httpx.AsyncClient) -> None:
    answer, body = await _raw(line, "/api/v1/openapi.json")
    assert len(body) > SMALLEST
    assert "content-encoding" not in answer.headers


def _shows_what_it_repeats(lengths: set[int]) -> bool:
    """Whether an attacker who sees lengths can tell his guesses apart."""
    return len(lengths) > 1


async def test_the_length_of_a_personal_page_says_nothing_about_what_is_on_it(
    client: httpx.AsyncClient, line: httpx.AsyncClient, made: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """BREACH: a guess that is right makes a compressed page shorter, where the page repeats the guess."""
    slip = await slips.booked(client, made)
    secret = slip.token
    guesses = (secret[:12], "".join(reversed(secret[:12])), "A0b1C2d3E4f5")

    async def lengths() -> set[int]:
        return {len((await _raw(line, f"{slip.path}?g={guess}"))[1]) for guess in guesses}

    assert not _shows_what_it_repeats(await lengths())
    alone, _ = await _raw(line, slip.path)
    assert alone.headers["content-encoding"] == "gzip", "without a query it travels compressed"

    def careless(request: object, body: bytes, *, secret: bool) -> tuple[bytes, dict[str, str]]:  # noqa: ARG001
        return gzip.compress(body, mtime=0), {"Content-Encoding": "gzip"}

    monkeypatch.setattr("booking.web.pages.squeezed", careless)
    assert _shows_what_it_repeats(await lengths()), "the control: with the guard away the same judge sees it"
    assert compression.squeezed is not careless


async def test_the_first_view_of_each_step_is_light(
    client: httpx.AsyncClient, line: httpx.AsyncClient, made: World
) -> None:
    slip = await slips.booked(client, made)
    way = f"/f/{STATION}/{SERVICE}"
    for path in ("/", f"/f/{STATION}", way, f"{way}/{made.far}", "/sign-in", "/help", slip.path):
        page, body = await _raw(line, path)
        assert page.status_code == 200, path
        total = len(body)
        files = set(_FILES.findall(gzip.decompress(body).decode()))
        assert any(".css" in file for file in files)
        for file in files:
            total += len((await _raw(line, file))[1])
        assert total <= HEAVIEST, f"{path}: {total} bytes"


def test_the_style_sheet_is_small() -> None:
    assert len(static_files.files()["style.css"].body) <= HEAVIEST_STYLE


def test_nothing_moves_by_itself() -> None:
    """Who asks for less motion need not: there is none."""
    sheets = {name: file.body.decode() for name, file in static_files.files().items() if name.endswith(".css")}
    assert sheets
    for name, sheet in sheets.items():
        assert not re.search(r"\b(?:transition|animation|scroll-behavior)\b|@keyframes", sheet), name
