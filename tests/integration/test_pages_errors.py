"""Errors on pages are pages; forms of other sites are refused; files and small pages around the journey."""

import re

import httpx
import pytest
from fastapi import FastAPI

from booking.clock import utc_now
from booking.db import Database
from booking.errors import OutcomeUnknown
from booking.main import create_app
from booking.mobile.booking import keeping
from booking.settings import Settings
from booking.web import origin
from booking.web.problem_texts import TEXTS
from booking.web.static_files import files
from tests import places
from tests.browsing import TYPED
from tests.pages import read, send
from tests.places import OTHER, SERVICE, STATION, World
from tests.signing import sign_in

pytestmark = pytest.mark.anyio


@pytest.fixture
async def world(db: Database) -> World:
    async with db.transaction() as session:
        return await places.make(session, utc_now())


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize(
    "path",
    ["/nope", "/f/NOPE", f"/f/{STATION}/nope", f"/f/{STATION}/{SERVICE}/2026-02-30", f"/f/{STATION}/{SERVICE}/0.5",
     "/f/%01", f"/f/{STATION}/%E2%80%AE", f"/f/{STATION}/{SERVICE}?start=x", "/errors/nope", "/static/style.css"],
)  # fmt: skip
async def test_what_is_not_there_is_a_page_that_says_so(client: httpx.AsyncClient, path: str) -> None:
    for language, word in (("vi", "hông có"), ("en", "no")):
        answer = await client.get(path, headers={"Accept-Language": language})
        assert answer.status_code == 404, answer.text
        assert answer.headers["content-type"].startswith("text/html")
        page = read(answer)
        assert page.language == language
        assert word in page.text
        assert " 115" in page.text


async def test_the_api_keeps_its_problems(client: httpx.AsyncClient) -> None:
    assert (await client.get("/api/v1/nope")).headers["content-type"] == "application/problem+json"


@pytest.mark.usefixtures("world")
async def test_a_search_with_strange_signs_is_only_a_search(client: httpx.AsyncClient) -> None:
    for words in ("%01", "%", "_", "x" * 500, "<script>alert(1)</script>"):
        answer = await client.get("/", params={"q": words})
        assert answer.status_code == 200
        assert "<script>alert" not in answer.text
    assert (await client.get("/?q=%00")).status_code == 400
    none = read(await client.get("/?q=zzz"))
    assert "Không tìm thấy “zzz”" in none.text


@pytest.mark.usefixtures("world")
async def test_a_facility_that_takes_no_bookings_says_so(client: httpx.AsyncClient) -> None:
    assert "Tạm ngừng nhận đặt lịch" in read(await client.get(f"/f/{OTHER}")).text
    assert "Tạm ngừng nhận đặt lịch" in read(await client.get("/?q=12")).text


async def test_a_form_without_a_choice_or_with_a_strange_one(client: httpx.AsyncClient, world: World) -> None:
    path = f"/f/{STATION}/{SERVICE}/{world.far}"
    form = read(await client.get(path)).form(path)
    assert (await send(client, form)).status_code == 422
    for slot in ("0", "-1", "x", "９", "99999999999999999999", "999999"):
        assert (await send(client, form, slot=slot)).status_code == 404, slot
    answer = await client.post(path, data={"slot": str(world.slots[world.far][0]), "key": "short"})
    assert answer.status_code == 400


async def test_a_slot_of_another_service_is_refused(client: httpx.AsyncClient, world: World) -> None:
    path = f"/f/{OTHER}/{SERVICE}/{world.far}"
    form = read(await client.get(f"/f/{STATION}/{SERVICE}/{world.far}")).form(str(world.far))
    form.action = path
    answer = await send(client, form, slot=str(world.slots[world.far][0]))
    assert answer.status_code == 422
    assert "thuộc cơ sở y tế hoặc dịch vụ khác" in read(answer).text


FOREIGN: list[dict[str, str]] = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Origin": "https://elsewhere.example"},
    {"Origin": "null"},
    {},
]
OURS: list[dict[str, str]] = [
    {"Sec-Fetch-Site": "same-origin", "Origin": "null"},
    {"Origin": "http://henkham.test"},
    {"Origin": "http://127.0.0.1:8000"},
]


@pytest.mark.parametrize("headers", FOREIGN)
async def test_a_form_of_another_site_is_refused(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, headers: dict[str, str]
) -> None:
    answer = await client.post("/language", data={"lang": "en", "next": "/"}, headers=headers)
    assert answer.status_code == 403
    assert "lang" not in answer.cookies
    # The control: without the guard it would have been taken.
    monkeypatch.setattr(origin, "_SAFE", frozenset({"POST"}))
    client.cookies.clear()
    answer = await client.post("/language", data={"lang": "en", "next": "/"}, headers=headers)
    assert answer.cookies["lang"] == "en"


@pytest.mark.parametrize("headers", OURS)
async def test_a_form_of_ours_is_taken(client: httpx.AsyncClient, headers: dict[str, str]) -> None:
    answer = await client.post("/language", data={"lang": "en", "next": "/f/x?start=1"}, headers=headers)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/f/x?start=1"


@pytest.mark.parametrize(
    "there", ["https://evil.example", "//evil.example", "/\\evil.example", "x", "", "/a\nb", "/\t/x"]
)
async def test_the_language_switch_leads_only_to_our_own_pages(client: httpx.AsyncClient, there: str) -> None:
    await client.get("/")
    answer = await client.post("/language", data={"lang": "en", "next": there})
    assert answer.headers["location"] == "/"


async def test_the_chosen_language_is_remembered(client: httpx.AsyncClient) -> None:
    home = read(await client.get("/", headers={"Accept-Language": "vi"}))
    assert home.language == "vi"
    back = await send(client, home.form("/language"), lang="en")
    assert read(back).language == "en"
    assert read(await client.get("/", headers={"Accept-Language": "vi"})).language == "en"
    assert (await send(client, home.form("/language"), lang="fr")).status_code == 200
    assert read(await client.get("/")).language == "en"


async def test_an_open_outcome_shows_a_page_that_asks_again_with_the_same_key(
    client: httpx.AsyncClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"/f/{STATION}/{SERVICE}/{world.far}"
    form = read(await client.get(path)).form(path)

    async def lost(*_: object) -> None:
        raise OutcomeUnknown(retry_after=2)

    slot = str(world.slots[world.far][0])
    with monkeypatch.context() as patched:
        patched.setattr(keeping, "_hold", lost)
        answer = await send(client, form, slot=slot)
    assert answer.status_code == 503
    page = read(answer)
    assert "Đang xác nhận…" in page.text
    assert "data-up" not in page.text  # looked at anew it must send the form once more
    again = page.form(path)
    assert again.fields == {"slot": slot, "key": form.fields["key"]}
    assert "http-equiv" in answer.text
    held = await send(client, again)
    assert held.url.path == "/sign-in"
    assert held.url.params["next"].startswith("/h/")


@pytest.mark.parametrize("step", ["confirm", "cancel", "move"])
async def test_every_step_whose_outcome_is_open_sends_the_same_again(
    client: httpx.AsyncClient, db: Database, world: World, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    await sign_in(client, db)
    path = f"/f/{STATION}/{SERVICE}/{world.far}"
    slots = [str(slot) for slot in world.slots[world.far]]
    held = await send(client, read(await client.get(path)).form(path), slot=slots[0])
    form, filled = read(held).form("/h/"), dict(TYPED)
    if step != "confirm":
        ticket = (await send(client, form, **filled)).url.path
        there = f"{ticket}/cancel" if step == "cancel" else f"{ticket}/move/{world.far}"
        form, filled = read(await client.get(there)).form(f"/{step}"), {} if step == "cancel" else {"slot": slots[1]}

    async def lost(*_: object, **__: object) -> None:
        raise OutcomeUnknown(retry_after=2)

    with monkeypatch.context() as patched:
        patched.setattr(Database, "until_known", lost)
        answer = await send(client, form, **filled)
    assert answer.status_code == 503
    again = read(answer).form(form.action)
    assert again.fields == form.fields | filled
    settled = await send(client, again)
    assert settled.status_code == 200
    assert settled.url.path.startswith("/t/")


async def test_over_https_cookies_are_bound_to_the_host(settings: Settings) -> None:
    app = create_app(settings.model_copy(update={"public_base_url": "https://henkham.example"}))
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="https://henkham.example") as client:
        given = (await client.get("/api/docs")).headers.get_list("set-cookie")
        switched = await client.post("/language", data={"lang": "en", "type": "large", "next": "/"})
        given += switched.headers.get_list("set-cookie")
        assert '<html lang="en"' in (await client.get("/help")).text  # and it is found again under that name
    await app.state.db.close()
    assert {cookie.partition("=")[0] for cookie in given} >= {"__Host-device", "__Host-lang", "__Host-type"}
    for cookie in given:
        assert cookie.startswith("__Host-")
        assert all(part in cookie for part in ("Secure", "Path=/", "HttpOnly", "SameSite"))
        assert "Domain" not in cookie


async def test_a_fault_of_ours_is_a_page_without_a_word_about_how(
    app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr("booking.directory.queries.facilities", broken)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://henkham.test") as client:
        answer = await client.get("/", headers={"Accept-Language": "en"})
    assert answer.status_code == 500
    assert "Something went wrong on our side." in answer.text
    assert "secret detail" not in answer.text
    assert answer.headers["x-request-id"] in answer.text


async def test_a_read_whose_connection_was_lost_asks_for_patience(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lost(*_: object, **__: object) -> None:
        raise ConnectionResetError

    monkeypatch.setattr("booking.directory.queries.facilities", lost)
    answer = await client.get("/", headers={"Accept-Language": "en"})
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "2"
    assert "Please try again in a few seconds." in answer.text


async def test_every_error_code_has_its_page_in_both_languages(client: httpx.AsyncClient) -> None:
    for code in {name.split(".")[0] for name in TEXTS} | {"too_large"}:
        for language in ("vi", "en"):
            answer = await client.get(f"/errors/{code}", headers={"Accept-Language": language})
            assert answer.status_code == 200, code
            assert code in answer.text
            assert "%(" not in answer.text


async def test_files_are_named_by_content_and_kept_for_a_year(client: httpx.AsyncClient) -> None:
    home = (await client.get("/")).text
    for name in ("style.css", "mark.svg"):
        assert files()[name].path in home
    for file in files().values():
        for encoding in ("gzip", "identity"):
            answer = await client.get(file.path, headers={"Accept-Encoding": encoding})
            assert answer.status_code == 200
            assert "immutable" in answer.headers["cache-control"]
            assert answer.content == file.body
            assert answer.headers.get("content-encoding") == ("gzip" if encoding == "gzip" else None)
    assert (await client.get("/favicon.ico", follow_redirects=True)).headers["content-type"] == "image/svg+xml"
    assert "Disallow: /t/" in (await client.get("/robots.txt")).text


async def test_no_page_needs_what_the_policy_forbids(client: httpx.AsyncClient, world: World) -> None:
    for path in ("/", f"/f/{STATION}", f"/f/{STATION}/{SERVICE}", f"/f/{STATION}/{SERVICE}/{world.far}", "/api/docs"):
        answer = await client.get(path)
        assert "script-src 'self'" in answer.headers["content-security-policy"]
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert " style=" not in answer.text
        assert "<style" not in answer.text
        assert not re.search(r"<[^>]* on[a-z]+=", answer.text)
        assert "http://" not in answer.text.replace("http://127.0.0.1:8000", "").replace("http-", "")
        for script in answer.text.split("<script")[1:]:
            assert script.startswith(' type="module" src="/static/')


async def test_the_device_cookie_is_out_of_reach_of_scripts_and_other_sites(client: httpx.AsyncClient) -> None:
    cookie = (await client.get("/")).headers["set-cookie"]
    assert cookie.startswith("device=")
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
