"""Signing in by a code: whose code opens what, what is told to whom, and what lasts how long."""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import event

from booking import ids, sealed
from booking.clock import utc_now
from booking.db import Database
from booking.main import create_app
from booking.patients import codes
from booking.patients.code_limits import CodeLimits
from booking.patients.kinds import CodePurpose
from booking.patients.rules import read_phone
from booking.settings import Settings, load
from tests import pages, places, seeds, signing
from tests.conftest import environment
from tests.households import account, actor, add
from tests.pages import read
from tests.people import name, phone

pytestmark = pytest.mark.anyio

Browsers = Callable[[], httpx.AsyncClient]
LIMITS = CodeLimits(3, 8, 1000)


@pytest.fixture
async def browser(app: FastAPI) -> AsyncIterator[Browsers]:
    """Makes browsers, each with cookies of its own."""
    async with AsyncExitStack() as stack:
        made: list[httpx.AsyncClient] = []

        def open_one() -> httpx.AsyncClient:
            made.append(httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://henkham.test"))
            stack.push_async_callback(made[-1].aclose)
            return made[-1]

        yield open_one
        await app.state.db.close()


def other_than(digits: str) -> str:
    """Six digits that are not these."""
    return f"{(int(digits) + 1) % 1_000_000:06d}"


def told(answer: httpx.Response) -> tuple[int, str]:
    """What a reader is told: the page without its random key and its times."""
    text = re.sub(r'value="[A-Za-z0-9_-]{20,}"', 'value="key"', answer.text)
    text = re.sub(r'data-until="[^"]+"', "", text)
    return answer.status_code, re.sub(r"\d\d:\d\d(:\d\d)?", "time", text)


async def is_in(client: httpx.AsyncClient) -> bool:
    """Whether this browser is signed in."""
    answer = await client.get("/me/sessions")
    return answer.status_code == 200


async def test_a_code_signs_in_for_thirty_days_in_a_cookie_of_this_host(
    client: httpx.AsyncClient, db: Database
) -> None:
    asked = await signing.ask_code(client, after="/me/sessions")
    answer = await signing.enter_code(client, asked, await signing.code_to(db))
    assert answer.status_code == 303
    assert answer.headers["location"] == "/me/sessions"
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("session=")
    for part in ("HttpOnly", "Path=/", "SameSite=lax", f"Max-Age={30 * 86400}"):
        assert part in cookie
    assert await is_in(client)


async def test_over_https_the_cookie_is_bound_to_the_host(database_url: str, db: Database) -> None:
    app = create_app(load(environment(database_url, PUBLIC_BASE_URL="https://henkham.test")))
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="https://henkham.test") as client:
        asked = await signing.ask_code(client)
        answer = await signing.enter_code(client, asked, await signing.code_to(db))
        assert answer.headers["set-cookie"].startswith("__Host-session=")
        assert "Secure" in answer.headers["set-cookie"]
        assert "Domain" not in answer.headers["set-cookie"]
        assert await is_in(client)
    await app.state.db.close()


async def test_a_code_that_is_not_good_is_refused_in_one_way(browser: Browsers, db: Database) -> None:
    """Wrong, expired, used up, another browser's, for something else: the same status and the same page."""
    answers = {}
    wrong = browser()
    asked = await signing.ask_code(wrong, phone(1))
    digits = await signing.code_to(db, phone(1))
    answers["wrong"] = await signing.enter_code(wrong, asked, other_than(digits))
    for _ in range(4):
        answers["used up"] = await signing.enter_code(wrong, asked, other_than(digits))
    answers["right, used up"] = await signing.enter_code(wrong, asked, digits)
    late = browser()
    asked = await signing.ask_code(late, phone(1))
    digits = await signing.code_to(db, phone(1))
    other = browser()
    other_asked = await signing.ask_code(other, phone(1))
    answers["another browser's"] = await signing.enter_code(other, other_asked, digits)
    await seeds.run(db, "UPDATE verification_code SET expires_at = now() - interval '1 second'")
    answers["expired"] = await signing.enter_code(late, asked, digits)
    seen = {case: answer.status_code for case, answer in answers.items()}
    assert set(seen.values()) == {422}, seen
    said = {case: read(answer).beside("code") for case, answer in answers.items()}
    assert len(set(said.values())) == 1, said
    assert "Mã này không dùng được." in said["wrong"]
    assert told(answers["wrong"]) == told(answers["right, used up"]) == told(answers["another browser's"])
    assert not any([await is_in(one) for one in (wrong, late, other)])


async def test_another_browser_s_code_opens_nothing_and_a_copied_mark_would(browser: Browsers, db: Database) -> None:
    hers, his = browser(), browser()
    await signing.ask_code(hers)
    digits = await signing.code_to(db)
    asked = await signing.ask_code(his, "0912 000 111")
    assert (await signing.enter_code(his, asked, digits)).status_code == 422
    his.cookies.set("device", hers.cookies["device"], domain="henkham.test")  # the control: it is the mark that counts
    assert (await signing.enter_code(his, asked, digits)).status_code == 303


@pytest.mark.parametrize(("purpose", "status"), [(CodePurpose.AGREE, 422), (CodePurpose.SIGN_IN, 303)])
async def test_a_code_for_something_else_does_not_sign_in(
    client: httpx.AsyncClient, db: Database, purpose: CodePurpose, status: int
) -> None:
    """The second case is the control: the very same request, for signing in."""
    await client.get("/sign-in")
    asker = codes.asker_of(client.cookies["device"])
    async with db.transaction() as session:
        await codes.ask(
            session, read_phone(signing.PHONE), purpose=purpose, asker=asker, language="vi", limits=LIMITS,
            by=actor(1), now=utc_now(),
        )  # fmt: skip
    digits = await signing.code_to(db)
    sent = {"code": digits, "key": "a-key-of-the-form-0001"}
    assert (await client.post("/sign-in/code", data=sent)).status_code == status


async def test_a_code_for_one_person_agrees_for_no_other(db: Database) -> None:
    mine: dict[str, Any] = {"purpose": CodePurpose.AGREE, "asker": b"browser", "by": actor(1), "now": utc_now()}
    first, second = ids.public_id(), ids.public_id()
    async with db.transaction() as session:
        await codes.ask(session, read_phone(phone(1)), subject=first, language="vi", limits=LIMITS, **mine)
    digits = await signing.code_to(db, phone(1))
    async with db.transaction() as session:
        assert await codes.use(session, digits, subject=second, **mine) is None
        assert await codes.use(session, digits, subject=None, **mine) is None
    async with db.transaction() as session:
        assert await codes.use(session, digits, subject=first, **mine) is not None


async def test_a_used_code_is_used(browser: Browsers, db: Database) -> None:
    """The same form again is the same sign-in, as after a double tap; any other use of the code is refused."""
    client = browser()
    asked = await signing.ask_code(client)
    digits = await signing.code_to(db)
    first = await signing.enter_code(client, asked, digits)
    mark = client.cookies["device"]
    client.cookies.clear()
    client.cookies.set("device", mark, domain="henkham.test")
    again = await signing.enter_code(client, asked, digits)
    assert again.status_code == 303
    assert again.headers["set-cookie"] == first.headers["set-cookie"]
    assert await seeds.value(db, "SELECT count(*) FROM patient_session") == 1
    form = read(asked).form("/sign-in/code")
    client.cookies.clear()
    client.cookies.set("device", mark, domain="henkham.test")
    other_form = await client.post(form.action, data={"code": digits, "key": "another-form-of-this-browser"})
    assert other_form.status_code == 422


async def test_the_answer_and_the_work_are_the_same_for_a_known_number(
    app: FastAPI, browser: Browsers, db: Database
) -> None:
    await add(db, await account(db, phone(1)), name(1))
    heard: list[str] = []
    engine = app.state.db.engine.sync_engine
    event.listen(engine, "before_cursor_execute", lambda *found: heard.append(found[2]))
    seen = []
    for number in (phone(1), phone(2)):
        client = browser()
        await client.get("/sign-in")
        heard.clear()
        answer = await client.post("/sign-in", data={"phone": number})
        done = list(heard)
        shown = await client.get("/sign-in/code")
        seen.append((answer.status_code, answer.headers["location"], told(shown)[1].replace(number[-3:], ""), done))
    known, unknown = seen
    assert known == unknown
    assert known[3]


async def test_wrong_tries_do_the_same_work_whether_the_number_is_known(
    app: FastAPI, browser: Browsers, db: Database
) -> None:
    await account(db, phone(1))
    heard: list[str] = []
    event.listen(app.state.db.engine.sync_engine, "before_cursor_execute", lambda *found: heard.append(found[2]))
    done = []
    for number in (phone(1), phone(2)):
        client = browser()
        asked = await signing.ask_code(client, number)
        digits = await signing.code_to(db, number)
        heard.clear()
        await signing.enter_code(client, asked, other_than(digits))
        done.append(list(heard))
    assert done[0] == done[1]
    assert done[0]


async def test_two_taps_send_one_code_and_a_minute_later_another_replaces_it(
    client: httpx.AsyncClient, db: Database
) -> None:
    asked = await signing.ask_code(client)
    first = await signing.code_to(db)
    await client.post("/sign-in", data={"phone": signing.PHONE})
    early = await pages.send(client, read(asked).form("/sign-in/again"))
    assert "Mã vừa được gửi, chờ một lát sẽ đến" in early.text
    assert await seeds.value(db, "SELECT count(*) FROM message") == 1
    await seeds.run(db, "UPDATE verification_code SET created_at = created_at - interval '61 seconds'")
    again = await pages.send(client, read(asked).form("/sign-in/again"))
    assert "Mã mới đã được gửi" in again.text
    rows = await seeds.rows(db, "SELECT state, secret IS NULL AS erased FROM message ORDER BY id")
    assert [(row["state"], row["erased"]) for row in rows] == [("superseded", True), ("due", False)]
    second = await signing.code_to(db)
    if first != second:
        assert (await signing.enter_code(client, again, first)).status_code == 422
    assert (await signing.enter_code(client, again, second)).status_code == 303


async def test_the_message_is_a_code_s_and_holds_no_digits(client: httpx.AsyncClient, db: Database) -> None:
    await signing.ask_code(client)
    row = (await seeds.rows(db, "SELECT m.*, c.public_id AS code, c.expires_at FROM message m, verification_code c"))[0]
    assert (row["kind"], row["lane"], row["subject_kind"]) == ("otp", "code", "code")
    assert row["subject_id"] == row["code"]
    assert row["useful_until"] == row["expires_at"]
    assert row["facts"] == {"minutes": "5"}
    assert row["facility_id"] is None


async def test_caps_of_a_number_hold_and_say_until_when(browser: Browsers, db: Database) -> None:
    for _ in range(3):
        assert (await signing.ask_code(browser())).url.path == "/sign-in/code"
    refused = await signing.ask_code(browser())
    assert refused.status_code == 429
    assert 3500 < int(refused.headers["retry-after"]) <= 3601
    assert "Thử lại được từ" in refused.text
    assert (await signing.ask_code(browser(), "0912 000 111")).status_code == 200
    earlier = "UPDATE verification_code SET created_at = created_at - interval '1 hour'"
    await seeds.run(db, earlier)
    for _ in range(3):
        assert (await signing.ask_code(browser())).status_code == 200
    await seeds.run(db, earlier)
    for _ in range(2):
        assert (await signing.ask_code(browser())).status_code == 200
    eight = await signing.ask_code(browser())
    assert eight.status_code == 429
    assert int(eight.headers["retry-after"]) > 3600 * 20
    assert await seeds.value(db, "SELECT count(*) FROM message") == 9


@pytest.mark.parametrize(
    ("setting", "refused"), [("limit_codes_address_per_hour", "code_address"), ("limit_codes_per_hour", "code_total")]
)
async def test_caps_of_an_address_and_of_all_hold(
    app: FastAPI, browser: Browsers, db: Database, setting: str, refused: str
) -> None:
    app.state.settings = app.state.settings.model_copy(update={setting: 4})
    answers = [(await signing.ask_code(browser(), phone(number))).status_code for number in range(1, 7)]
    assert answers == [200, 200, 200, 200, 429, 429]
    assert await seeds.value(db, "SELECT count(*) FROM message") == 4
    tries = {row["limit_name"]: row["tries"] for row in await seeds.rows(db, "SELECT * FROM rate_counter")}
    assert tries == {"code_address": 6, "code_total": 4}, refused  # what is not sent costs nothing


async def test_only_mobiles_of_vietnam_get_a_code(client: httpx.AsyncClient, db: Database) -> None:
    for typed in ("0254 3852 123", "+1 202 555 0143", "", "abc", "090312345"):
        answer = await signing.ask_code(client, typed)
        assert answer.status_code == 422, typed
        page = read(answer)
        assert page.form("/sign-in").fields["phone"] == typed
        assert "Chưa đúng" in page.beside("phone")
    assert await seeds.value(db, "SELECT count(*) FROM verification_code") == 0


async def test_an_old_number_of_eleven_digits_is_the_new_one(client: httpx.AsyncClient, db: Database) -> None:
    asked = await signing.ask_code(client, "0169 0001 234")
    assert "0390 *** 234" in read(asked).text
    assert await signing.code_to(db, "0390001234")


async def test_a_number_pasted_with_invisible_signs_is_read(client: httpx.AsyncClient, db: Database) -> None:
    asked = await signing.ask_code(client, "\u202d０９０３\u200b123456\u202c")
    digits = await signing.code_to(db)
    spaced = f"\u200e{digits[:3]}\u00a0{digits[3:]}\u200b"
    assert (await signing.enter_code(client, asked, spaced)).status_code == 303


async def test_six_signs_that_are_no_digits_cost_no_try(client: httpx.AsyncClient, db: Database) -> None:
    asked = await signing.ask_code(client)
    for typed in ("12345", "abcdef", "", "1234567"):
        answer = await signing.enter_code(client, asked, typed)
        assert answer.status_code == 422
        assert "gồm 6 chữ số" in read(answer).beside("code")
    assert await seeds.value(db, "SELECT tries FROM verification_code") == 0


async def test_a_browser_without_cookies_is_told_so(browser: Browsers) -> None:
    client = browser()
    answer = await client.post("/sign-in", data={"phone": signing.PHONE}, headers={"sec-fetch-site": "same-origin"})
    assert answer.status_code == 403


async def test_another_site_s_form_is_refused(client: httpx.AsyncClient, db: Database) -> None:
    await client.get("/sign-in")
    foreign = {"sec-fetch-site": "cross-site"}
    for path in ("/sign-in", "/sign-in/code", "/sign-in/again", "/sign-in/birth", "/sign-in/new-number", "/sign-out"):
        answer = await client.post(path, data={"phone": signing.PHONE, "code": "123456"}, headers=foreign)
        assert answer.status_code == 403, path
    assert await seeds.value(db, "SELECT count(*) FROM verification_code") == 0


async def test_one_comes_back_to_a_page_of_ours_only(client: httpx.AsyncClient, db: Database) -> None:
    for after in ("//evil.example", "https://evil.example", "/\\evil.example", "/\t/evil.example", "me"):
        action = read(await client.get("/sign-in", params={"next": after})).form("/sign-in").action
        assert action == "/sign-in?next=%2F", after
    assert read(await client.get("/sign-in?next=/sign-out")).form("/sign-in").action == "/sign-in"
    asked = await signing.ask_code(client, after="//evil.example")
    answer = await signing.enter_code(client, asked, await signing.code_to(db))
    assert answer.headers["location"] == "/"


async def test_the_place_that_is_kept_is_shown_on_the_way(client: httpx.AsyncClient, db: Database) -> None:
    async with db.transaction() as session:
        world = await places.make(session, utc_now())
    times = f"/f/{places.STATION}/{places.SERVICE}/{world.far}"
    form = read(await client.get(times)).form(times)
    held = await client.post(form.action, data=form.fields | {"slot": str(world.slots[world.far][0])})
    hold = held.headers["location"]
    for path in ("/sign-in", "/sign-in/help"):
        shown = await client.get(path, params={"next": hold})
        assert "Chỗ này được giữ đến" in shown.text, path
        assert "data-until" in shown.text
        assert shown.headers["cache-control"] == "no-store"
    assert "tel:02543000000" in (await client.get("/sign-in/help", params={"next": hold})).text
    asked = await signing.ask_code(client, after=hold)
    assert "Chỗ này được giữ đến" in asked.text
    wrong = await signing.enter_code(client, asked, "12")
    assert "Chỗ này được giữ đến" in wrong.text
    answer = await signing.enter_code(client, wrong, await signing.code_to(db))
    assert answer.headers["location"] == hold


async def test_nobody_is_sent_in_circles(client: httpx.AsyncClient, db: Database) -> None:
    away = await client.get("/me/sessions?x=1")
    assert away.status_code == 303
    assert away.headers["location"] == "/sign-in?next=%2Fme%2Fsessions%3Fx%3D1"
    assert (await client.get("/sign-in/code")).headers["location"] == "/sign-in"
    assert (await client.get("/sign-in/birth")).headers["location"] == "/sign-in"
    await signing.sign_in(client, db)
    for path in ("/sign-in", "/sign-in/code", "/sign-in/birth"):
        assert (await client.get(path)).headers["location"] == "/me", path


async def test_no_page_of_signing_in_changes_anything_by_being_read(
    client: httpx.AsyncClient, db: Database, settings: Settings
) -> None:
    asked = await signing.ask_code(client)
    await signing.enter_code(client, asked, await signing.code_to(db))
    await seeds.run(db, "UPDATE patient_session SET checked_at = NULL")
    before = await _everything(db)
    for path in ("/sign-in", "/sign-in/code", "/sign-in/birth", "/sign-in/help", "/sign-in/new-number", "/not-me"):
        await client.get(path)
    await seeds.run(db, "UPDATE patient_session SET checked_at = created_at")
    await client.get("/me/sessions")
    for path in ("/sign-in/again", "/sign-out", "/me/sessions/end-others"):
        assert (await client.get(path)).status_code in (404, 405), path
    await seeds.run(db, "UPDATE patient_session SET checked_at = NULL")
    assert await _everything(db) == before
    await client.post("/sign-out")
    assert await _everything(db) != before  # the control: a change is seen
    assert settings.environment == "test"


async def _everything(db: Database) -> dict[str, Any]:
    tables = ("account", "patient_session", "verification_code", "message", "audit_event", "profile", "patient_flag")
    return {table: await seeds.rows(db, f"SELECT * FROM {table} ORDER BY id") for table in tables}


async def test_a_stolen_dump_holds_no_code_and_no_token(client: httpx.AsyncClient, db: Database) -> None:
    asked = await signing.ask_code(client)
    digits = await signing.code_to(db)
    dump = await _dump(db)
    assert digits.encode().hex() not in dump
    assert not re.search(rf"(?<![0-9a-f]){digits}(?![0-9a-f])", dump)
    plain = str(read_phone(signing.PHONE).e164)
    assert plain not in dump
    await signing.enter_code(client, asked, digits)
    token = client.cookies["session"]
    dump = await _dump(db)
    for known in (token, token.encode().hex(), client.cookies["device"], digits.encode().hex()):
        assert known not in dump
    assert sealed.keys().index("session", token).hex() in dump  # the control: the dump has what is kept instead


async def _dump(db: Database) -> str:
    tables = ("account", "patient_session", "verification_code", "message", "audit_event", "rate_counter")
    parts = [await seeds.rows(db, f"SELECT CAST(t AS text) AS row FROM {table} t") for table in tables]
    return "\n".join(row["row"] for rows in parts for row in rows)
