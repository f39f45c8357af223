"""A password of one's own, chosen on the page: what is refused, in which words, and that the rest is taken."""

from collections.abc import AsyncIterator
from hashlib import sha1
from pathlib import Path

import httpx
import pytest

from booking import clock
from booking.access import known
from booking.access.kinds import Role
from booking.db import Database
from booking.main import create_app
from booking.settings import load
from tests import pages, places, seeds, staff
from tests.conftest import environment
from tests.places import OTHER, STATION
from tests.staff import PASSWORD

pytestmark = pytest.mark.anyio
NEW = "hai ba con cua do bien"


@pytest.fixture(autouse=True)
async def _world(db: Database) -> None:
    async with db.transaction() as session:
        await places.make(session, clock.utc_now())
    await staff.add(db, "here.mau", Role.CLERK, [STATION])
    await staff.add(db, "there.mau", Role.CLERK, [OTHER])


async def _tried(client: httpx.AsyncClient, username: str, new: str) -> httpx.Response:
    """What the page says to a new password; signed in anew, so that nothing depends on what was tried before."""
    client.cookies.delete("desk")
    form = pages.read(await client.get("/desk/sign-in")).form("/desk/sign-in")
    await pages.send(client, form, username=username, password=PASSWORD)
    form = pages.read(await client.get("/desk/account/password")).form("/desk/account/password")
    return await pages.send(client, form, old=PASSWORD, new=new)


async def test_a_password_that_many_use_is_refused_with_what_to_do(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    common = "Anh yêu em nhiều lắm"
    refused = await _tried(client, "here.mau", common)
    assert refused.status_code == 422
    assert "Mật khẩu này dễ đoán" in pages.read(refused).text
    assert "Ghép ba, bốn từ không liên quan đến nhau" in pages.read(refused).beside("new")
    monkeypatch.setattr(known, "is_common", lambda _: False)
    assert (await _tried(client, "here.mau", common)).url.path == "/desk/account", "the control: it is the list"


async def test_the_name_of_ones_facility_is_no_password_there_and_is_one_elsewhere(
    client: httpx.AsyncClient, db: Database
) -> None:
    await seeds.run(db, "UPDATE facility SET name = 'Trạm Y tế Đồi Cát Trắng Mẫu' WHERE code = :code", code=STATION)
    named = "Doi Cat Trang, tram y te"
    refused = await _tried(client, "here.mau", named)
    assert refused.status_code == 422
    assert "tên nơi làm việc" in pages.read(refused).beside("new")
    assert (await _tried(client, "there.mau", named)).url.path == "/desk/account"


@pytest.fixture
async def asking_a_list(database_url: str, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    file = tmp_path / "breached.txt"
    digests = sorted(sha1(each.encode()).hexdigest().upper() for each in (NEW, "another", "a third"))
    file.write_text("".join(f"{digest}:3\n" for digest in digests))
    app = create_app(load(environment(database_url, HENKHAM_BREACHED_PASSWORDS=str(file))))
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://henkham.test") as client:
        yield client
    await app.state.db.close()


async def test_a_breached_password_is_refused_where_the_list_is_named(
    asking_a_list: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    refused = await _tried(asking_a_list, "here.mau", NEW)
    assert refused.status_code == 422
    assert "đã bị lộ" in pages.read(refused).text
    assert "chưa dùng cho tài khoản nào khác" in pages.read(refused).beside("new")
    assert (await _tried(asking_a_list, "here.mau", NEW + " xanh")).url.path == "/desk/account"
    assert (await _tried(client, "there.mau", NEW)).url.path == "/desk/account", "the control: no list, no refusal"
