"""A patient who books over pages, as a browser without scripts does; signed in through the real pages when she must be.

held = await patient.hold(slot, day)     # the page that asks who comes
ticket = await patient.book()            # from the times to the ticket; its path
"""

from dataclasses import dataclass

import httpx
from sqlalchemy import text

from booking.db import Database
from tests import signing
from tests.pages import Page, read, send
from tests.places import SERVICE, STATION, World

TYPED = {
    "who": "new", "relation": "parent", "name": "Nguyễn Thị Mẫu", "birth_day": "", "birth_month": "",
    "birth_year": "1958", "consent_booking": "yes", "consent_sms": "yes",
}  # fmt: skip


@dataclass
class Patient:
    """Somebody with a browser."""

    client: httpx.AsyncClient
    world: World
    db: Database
    signed_in: bool = False

    async def sign_in(self) -> None:
        """Once is enough."""
        if not self.signed_in:
            await signing.sign_in(self.client, self.db)
            self.signed_in = True

    async def get(self, path: str) -> Page:
        """Open a page that must be there."""
        answer = await self.client.get(path, follow_redirects=True)
        assert answer.status_code == 200, answer.text
        return read(answer)

    async def count(self, query: str) -> int:
        """One number from the database."""
        async with self.db.transaction() as session:
            found: int = (await session.execute(text(query))).scalar_one()
            return found

    async def run(self, sql: str, **values: object) -> None:
        """Change something behind the product's back."""
        async with self.db.transaction() as session:
            await session.execute(text(sql), values)

    async def hold(self, slot: int, day: object) -> httpx.Response:
        """Choose a time on its page; the page that asks who comes."""
        await self.sign_in()
        page = await self.get(f"/f/{STATION}/{SERVICE}/{day}")
        return await send(self.client, page.form(str(day)), slot=str(slot))

    async def book(self, slot: int | None = None, **typed: str) -> str:
        """Book for somebody new, from the times to the ticket; the ticket's path."""
        day = self.world.far
        held = await self.hold(slot or self.world.slots[day][0], day)
        booked = await send(self.client, read(held).form("/h/"), **(TYPED | typed))
        assert booked.status_code == 200, booked.text
        assert booked.url.path.startswith("/t/"), booked.text
        return booked.url.path

    async def expire_holds(self) -> None:
        """As if the five minutes had passed."""
        await self.run("UPDATE appointment SET expires_at = now() - interval '1 s' WHERE state = 'held'")
