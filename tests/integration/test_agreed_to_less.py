"""An agreement whose text says more now: it holds for what it said, and the account is asked anew where it looks."""

import httpx
import pytest

from booking.db import Database
from booking.patients import consents
from booking.patients.kinds import ConsentPurpose
from tests import people, seeds
from tests.pages import Page, read, send
from tests.signing import sign_in

pytestmark = pytest.mark.anyio

SAID = "Lời hỏi đồng ý nay có thêm nội dung"
OLDER = "Đã đồng ý khi lời này còn ít nội dung hơn"


async def _page(client: httpx.AsyncClient, path: str) -> Page:
    answer = await client.get(path)
    assert answer.status_code == 200, answer.text
    return read(answer)


async def _signed_in(client: httpx.AsyncClient, db: Database) -> str:
    """Somebody with one person, who agreed to everything; the page of what is held about her."""
    await seeds.seed(db)
    await sign_in(client, db, people.phone(1))
    form = (await _page(client, "/me/people/new")).form("/me/people/new")
    consent = {f"consent_{one.value}": "yes" for one in ConsentPurpose}
    birth = {"birth_day": "17", "birth_month": "5", "birth_year": "1990"}
    added = await send(client, form, relation="self", name=people.name(1), **birth, **consent)
    assert added.url.path == "/me/people", added.text
    return f"/me/data/{await seeds.value(db, 'SELECT public_id FROM profile')}"


async def _written(db: Database, purpose: ConsentPurpose, version: int) -> None:
    await seeds.run(db, "ALTER TABLE consent DISABLE TRIGGER USER")
    await seeds.run(
        db, "UPDATE consent SET wording = :version WHERE purpose = :purpose", version=version, purpose=purpose.value
    )


async def test_whoever_agreed_to_less_is_asked_anew_until_there_is_an_answer(
    client: httpx.AsyncClient, db: Database
) -> None:
    hers = await _signed_in(client, db)
    assert SAID not in (await _page(client, "/me")).text
    await _written(db, ConsentPurpose.INVITATION, 2)
    me = await _page(client, "/me")
    assert SAID in me.text
    assert me.link("#consent") == f"{hers}#consent"
    page = await _page(client, hers)
    assert OLDER in page.text
    assert SAID in (await _page(client, "/me")).text, "whoever only looks has not answered"
    forms = [form for form in page.forms if form.fields.get("purpose") == "invitation"]
    await send(client, forms[0], answer="yes")
    assert SAID not in (await _page(client, "/me")).text
    assert OLDER not in (await _page(client, hers)).text
    newest = "SELECT granted, wording FROM consent WHERE purpose = 'invitation' ORDER BY id DESC LIMIT 1"
    assert await seeds.rows(db, newest) == [{"granted": True, "wording": 3}]


async def test_withdrawing_is_an_answer_too(client: httpx.AsyncClient, db: Database) -> None:
    hers = await _signed_in(client, db)
    await _written(db, ConsentPurpose.INVITATION, 2)
    forms = [form for form in (await _page(client, hers)).forms if form.fields.get("purpose") == "invitation"]
    await send(client, forms[0], answer="no")
    assert SAID not in (await _page(client, "/me")).text


async def test_better_words_for_the_same_ask_nobody(client: httpx.AsyncClient, db: Database) -> None:
    hers = await _signed_in(client, db)
    await _written(db, ConsentPurpose.BOOKING, 1)
    assert SAID not in (await _page(client, "/me")).text
    assert OLDER not in (await _page(client, hers)).text


async def test_who_looks_after_herself_answers_in_her_own_account(client: httpx.AsyncClient, db: Database) -> None:
    await _signed_in(client, db)
    await _written(db, ConsentPurpose.INVITATION, 2)
    await seeds.run(db, "UPDATE profile SET relation = 'parent'")
    await seeds.run(
        db,
        "INSERT INTO account (public_id, phone, phone_index, created_at, seen_at)"
        " SELECT gen_random_uuid(), phone, 'another'::bytea, now(), now() FROM account",
    )
    await seeds.run(
        db,
        "INSERT INTO profile (public_id, account_id, patient_id, relation, created_at, as_child)"
        " SELECT gen_random_uuid(), max(account.id), max(patient_id), 'self', now(), false FROM account, profile",
    )
    assert SAID not in (await _page(client, "/me")).text


def test_a_wording_says_as_much_since_a_version_there_is() -> None:
    for wording in consents.WORDINGS.values():
        assert 1 <= wording.since <= wording.version
