"""The account's own pages: its visits and people, what is held about them, an invitation, a grown-up child's say."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from booking.actor import Actor, ActorKind, system
from booking.clock import local_day, utc_now
from booking.db import Database
from booking.invitations import service as invitations
from booking.invitations.commands import ReceiveInvitation
from booking.patients import service as patients
from booking.sealed import keys
from tests.browser.conftest import Site
from tests.browser.journey import code_sent, sign_in
from tests.browser.kinds import EMPTY, ERROR
from tests.browser.pressing import press
from tests.browser.walks import Stop
from tests.places import SERVICE, STATION
from tests.postgres import apart
from tests.seeds import rows, run

SHOWS = {
    "me.html": "data empty",
    "people.html": "data empty",
    "people_new.html": "empty error",
    "people_edit.html": "data error",
    "people_remove.html": "data",
    "people_agree.html": "empty error",
    "people_agree_code.html": "empty error",
    "my_data.html": "data empty",
    "my_data_person.html": "data empty",
    "my_data_delete.html": "data empty",
    "invitation.html": "data",
    "invitation_told.html": "data",
}

NAME, CARD, CHILD = "Nguyễn Trần Thị Thanh Hương Mẫu", "077190000001", "Lê Hoàng Bảo Ngọc Mẫu"


def walk(page: Page, site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stop]:  # noqa: ARG001
    """From an empty list to one that is deleted."""
    sign_in(page, site)
    page.goto(f"{site.url}/me")
    yield "me.html", "empty", EMPTY
    page.goto(f"{site.url}/me/people")
    yield "people.html", "empty", EMPTY
    press(page, ".primary a")
    yield "people_new.html", "empty", EMPTY
    yield from _add(page)
    page.goto(f"{site.url}/me/data")
    press(page, 'main a[href^="/me/data/"]')
    yield "my_data_person.html", "no visit, nobody looked", EMPTY
    press(page, 'a[href$="/delete"]')
    yield "my_data_delete.html", "asks, nothing is coming", EMPTY
    visit(page, site)
    behind(site)
    page.goto(f"{site.url}/me")
    yield "me.html", "with a visit, an invitation and people"
    press(page, 'a[href^="/me/invitations/"]')
    yield "invitation.html", "due"
    page.goto(told(site))
    yield "invitation_told.html", "behind the link of a text"
    yield from _grown_up(page, site)
    yield from _data(page, site)


def _add(page: Page) -> Iterator[Stop]:
    page.locator(".more > summary").click()
    page.fill("#citizen_id", "273456789")
    page.fill("#birth_day", "31")
    page.fill("#birth_month", "2")
    page.fill("#birth_year", str(local_day(utc_now()).year - 9))
    page.locator('label[for="relation-other"]').click()
    press(page)
    yield "people_new.html", "with errors", ERROR
    page.fill("#birth_day", "28")
    page.fill("#name", NAME)
    press(page)
    expect(page.locator("#guardian_name")).to_be_visible()
    yield "people_new.html", "asks for a guardian", ERROR
    page.locator('label[for="relation-self"]').click()
    for field, value in (("birth_day", "17"), ("birth_month", "5"), ("birth_year", "1990"), ("citizen_id", CARD)):
        page.fill(f"#{field}", value)
    page.locator('label[for="sex-male"]').click()
    page.locator('label[for="consent_booking"]').click()
    page.locator('label[for="consent_invitation"]').click()
    press(page)
    yield "people.html", "one, whose card is to be compared"


def visit(page: Page, site: Site) -> None:
    """A visit under the same number, name and birth."""
    body = {
        "facility": STATION, "service": SERVICE, "slot": site.world.slots[site.world.far][0],
        "patient": {"name": NAME, "birth_date": "1990-05-17", "phone": "0903 123 456"},
    }  # fmt: skip
    made = page.request.post(
        f"{site.url}/api/v1/appointments", data=body, headers={"Idempotency-Key": "walk-of-people-1"}
    )
    assert made.status == 201, made.text()


def behind(site: Site) -> None:
    """A slip of a hospital comes in, and a member of staff looks at her."""

    async def go() -> None:
        database = Database(site.database_url, pool=1)
        now = utc_now()
        slip = ReceiveInvitation(
            source="bv-mau", key="1", facility=STATION, service=SERVICE, name=NAME, birth_year=1990,
            citizen_ids=(CARD,), due=local_day(now) + timedelta(days=6),
        )  # fmt: skip
        patient = (await rows(database, "SELECT public_id FROM patient"))[0]["public_id"]
        staff = Actor(ActorKind.STAFF, id="c0ffee00-0000-4000-8000-000000000000")
        async with database.transaction() as session:
            await invitations.receive(session, slip, by=system("feed"), now=now)
            patients.read_by_staff(session, patient, by=staff, now=now, facility=STATION, reason="check_in")
        await database.close()

    apart(go)


def told(site: Site) -> str:
    """The link in the text that told of the slip."""

    async def go() -> str:
        database = Database(site.database_url, pool=1)
        await run(database, "UPDATE invitation SET code = 'HENKHAM2'")
        slip = (await rows(database, "SELECT public_id FROM invitation"))[0]["public_id"]
        await database.close()
        return f"{site.url}/i/HENKHAM2/{keys().link_token(str(slip), 1)}"

    return apart(go)


def _grown_up(page: Page, site: Site) -> Iterator[Stop]:
    page.goto(f"{site.url}/me/people/new")
    page.locator('label[for="relation-child"]').click()
    page.fill("#name", CHILD)
    page.fill("#birth_year", str(local_day(utc_now()).year - 20))
    press(page)
    page.get_by_text(CHILD).click()
    yield "people_edit.html", "a child who is grown up"
    press(page, 'a[href$="/agree"]')
    yield "people_agree.html", "asks for her number", EMPTY
    page.fill("#phone", "0903 123 456")
    press(page)
    yield "people_agree.html", "not one's own number", ERROR
    page.fill("#phone", "0903 222 333")
    press(page)
    yield "people_agree_code.html", "asks for the code", EMPTY
    page.fill("#code", "12")
    press(page)
    yield "people_agree_code.html", "no code", ERROR
    page.fill("#code", code_sent(site, "0903 222 333"))
    press(page)
    yield "people_edit.html", "of one who looks after herself"
    press(page, 'a[href^="/me/data/"]')
    yield "my_data_person.html", "of one who looks after herself"
    press(page, 'a[href$="/delete"]')
    yield "my_data_delete.html", "not here"


def _data(page: Page, site: Site) -> Iterator[Stop]:
    page.goto(f"{site.url}/me/people")
    page.get_by_text(NAME).click()
    yield "people_edit.html", "with a doubt about the card"
    page.fill("#name", "1")
    press(page)
    yield "people_edit.html", "with an error", ERROR
    press(page, 'a[href$="/remove"]')
    yield "people_remove.html", "with a visit"
    page.goto(f"{site.url}/me/data")
    yield "my_data.html", "with people"
    page.get_by_text(NAME).click()
    yield "my_data_person.html", "whole"
    press(page, 'a[href$="/delete"]')
    yield "my_data_delete.html", "asks"
    press(page, "main button.stop")
    site.run("UPDATE profile SET ended_at = now() WHERE ended_at IS NULL")
    page.reload()
    yield "my_data.html", "nobody", EMPTY
