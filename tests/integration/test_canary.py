"""A patient nobody can mistake goes through every flow; she stands in no log, and a stolen dump opens nothing of hers.

The logs are those of the web and the scheduler at DEBUG, and PostgreSQL's own as deploy/postgresql/henkham.conf has it,
with every statement logged as if it were slow. A dump shows names (they are searched and sorted by), and neither
telephone, citizen ID, insurance number, code nor anything that opens a page; the outbox is in it.
"""

import base64
import contextlib
import io
import logging
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from booking import logs, sealed
from booking.access.kinds import Role
from booking.clock import utc_now
from booking.db import Database
from booking.exchange.log_sign import log_sign
from booking.main import create_app
from booking.migrations.upgrading import migrate_async
from booking.requests import queries as request_queries
from booking.settings import load
from scheduler.exports import arrivals
from scheduler.jobs import check_invariants, housekeeping, read_exports, write_bookings
from tests import canary, places, signing, staff
from tests.browsing import Patient
from tests.canary import CITIZEN_ID, INSURANCE, NAME, PHONE, Logged
from tests.carrier import Carrier, plans
from tests.conftest import environment
from tests.exports import SMALL, small_file
from tests.outbox import make_due, send, sender
from tests.outgoing import MSH, TERMS
from tests.pages import read
from tests.pages import send as submit
from tests.places import SERVICE, STATION

pytestmark = pytest.mark.anyio

_NOT_OURS = ("httpx", "httpcore")
"""The test's own client; the product has none."""

_HERS: dict[str, Any] = {"name": NAME, "citizen_id": CITIZEN_ID, "bhyt_number": INSURANCE, "birth_year": "1961"}


@dataclass
class Flight:
    """What she left behind: secrets by name, what the processes logged, the server with its log."""

    server: Logged
    patient: Patient
    written: io.StringIO
    secrets: dict[str, str] = field(
        default_factory=lambda: {"name": NAME, "phone": PHONE, "citizen ID": CITIZEN_ID, "insurance": INSURANCE}
    )

    @property
    def needles(self) -> dict[str, set[str]]:
        """Every spelling of everything that is hers."""
        return canary.needles(self.secrets)

    def log(self) -> str:
        """Of all of them."""
        return self.written.getvalue() + self.server.text()


@pytest.fixture
def server() -> Iterator[Logged]:
    with canary.logged() as made:
        yield made


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What processes write, configured as they configure it, at DEBUG."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    quiet = {name: logging.getLogger(name).level for name in logs._QUIET}
    out = io.StringIO()
    logs.configure("DEBUG")
    handler = root.handlers[0]
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(out)
    handler.addFilter(lambda record: not record.name.startswith(_NOT_OURS))
    yield out
    root.handlers[:], level = before
    root.setLevel(level)
    for name, was in quiet.items():
        logging.getLogger(name).setLevel(was)


@pytest.fixture
async def flight(server: Logged, written: io.StringIO) -> AsyncIterator[Flight]:
    server.server.create_database("canary")
    url = server.url("canary")
    await migrate_async(url)
    settings = load(environment(url, HENKHAM_LOG_LEVEL="DEBUG"))
    sealed.install(settings.keyring())
    db, app = Database(url, pool=8), create_app(settings)
    async with db.transaction() as session:
        world = await places.make(session, utc_now())
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://henkham.test") as client:
        yield Flight(server, Patient(client, world, db), written)
    await app.state.db.close()
    await db.close()


async def _signs_in(flight: Flight) -> None:
    client, db = flight.patient.client, flight.patient.db
    shown = await signing.ask_code(client, PHONE)
    code = await signing.code_to(db, PHONE)
    flight.secrets["code"] = code
    wrong = "111111" if code != "111111" else "222222"
    await signing.enter_code(client, shown, wrong)
    with Carrier() as carrier:  # the code goes out before it is used, by a carrier that stumbles
        carrier.plan(plans.error_before_accepting(), plans.refuse(429, 20429))
        await make_due(db)
        await send(sender(db, carrier.url, lane="code"))
    assert (await signing.enter_code(client, shown, code)).status_code == 303
    flight.patient.signed_in = True
    flight.secrets |= {f"cookie {cookie.name}": cookie.value or "" for cookie in client.cookies.jar if cookie.value}


async def _books_moves_and_cancels(flight: Flight) -> None:
    patient, client = flight.patient, flight.patient.client
    path = await patient.book(**_HERS)
    flight.secrets |= {"link": path.split("/")[3]}
    for page in (path, f"{path}/calendar.ics", f"{path}/today", f"{path}/move", "/me", "/me/data"):
        await client.get(page, follow_redirects=True)
    who = await patient.count("SELECT id FROM profile")
    assert who
    moved = await client.post(f"{path}/move", data={"slot": str(patient.world.slots[patient.world.far][1])})
    assert moved.status_code < 500
    with Carrier() as carrier:
        for plan in (plans.refuse(400, 21211), plans.error_after_accepting(), plans.error_before_accepting()):
            carrier.plan(plan)
        await make_due(patient.db)
        await send(sender(patient.db, carrier.url))
    await client.get(f"{path}/cancel")
    assert (await client.post(f"{path}/cancel")).status_code < 500


async def _comes_to_the_desk(flight: Flight) -> None:
    patient = flight.patient
    await staff.add(patient.db, "clerk.mau", Role.CLERK, [STATION])
    token = await staff.sign_in(patient.db, "clerk.mau") or ""
    flight.secrets["desk"] = token
    patient.client.cookies.set("desk", token)
    base = f"/desk/{STATION}"
    for words in (NAME, PHONE, CITIZEN_ID, INSURANCE):
        form = read(await patient.client.get(f"{base}/book")).form(f"{base}/book")
        await submit(patient.client, form, q=words)
        await patient.client.get(f"{base}/queue", params={"q": words})
        await patient.client.post(f"{base}/queue/scan", data={"scan": words, "q": words})
    walk_in = {"name": NAME, "phone": PHONE, "birth_year": "1961", "service": SERVICE}
    await patient.client.post(f"{base}/queue/walk-in", data=walk_in)
    form = read(await patient.client.get(f"{base}/requests/new")).form("/requests/new")
    asked = {"kind": "delete", "name": NAME, "phone": PHONE, "said": f"Xóa {NAME} {CITIZEN_ID}"}
    assert (await patient.client.post(form.action, data=form.fields | asked)).status_code == 303


async def _makes_every_error(flight: Flight, monkeypatch: pytest.MonkeyPatch) -> None:
    client, db = flight.patient.client, flight.patient.db
    person = _HERS | {"phone": PHONE, "birth_year": 1961}
    key = {"Idempotency-Key": "canary-key-1"}
    for body in ({"patient": person}, {"patient": {**person, "birth_year": NAME}}, [NAME], NAME):
        assert 400 <= (await client.post("/api/v1/appointments", json=body, headers=key)).status_code < 500
    for path in (f"/{NAME}", f"/t/{PHONE}/{CITIZEN_ID}", f"/api/v1/appointments/{INSURANCE}", f"/f/{NAME}/{PHONE}"):
        assert (await client.get(path, params={"q": PHONE, "name": NAME})).status_code == 404
    assert (await client.post("/api/v1/holds", content=b"{" + NAME.encode())).status_code < 500

    async def breaks(*_: object, **__: object) -> None:
        raise LookupError(f"{NAME} {PHONE} {CITIZEN_ID}")

    with monkeypatch.context() as broken:
        broken.setattr(request_queries, "listed", breaks)
        await staff.add(db, "manager.mau", Role.MANAGER, [STATION])
        client.cookies.set("desk", await staff.sign_in(db, "manager.mau") or "")
        assert (await client.get(f"/desk/{STATION}/requests", params={"q": PHONE})).status_code == 500
    await _errors_of_the_database(db)


async def _errors_of_the_database(db: Database) -> None:
    """Each would be told with the row or the key that was refused."""
    for sql in (
        "UPDATE patient SET birth_year = birth_year + 1, birth_date = '1961-01-01' WHERE name = :name",
        "INSERT INTO patient SELECT (patient).* FROM patient WHERE name = :name",
        "SELECT CAST(:name AS integer)",
    ):
        with contextlib.suppress(DBAPIError):
            async with db.transaction() as session:
                await session.execute(text(sql), {"name": NAME})


async def _stands_in_a_hospitals_files(flight: Flight, folder: Path) -> None:
    feeds = folder / "feeds"
    drop = feeds / "drop"
    drop.mkdir(parents=True)
    toml = SMALL.replace('facility = "BVVT"', f'facility = "{STATION}"').replace(
        'format = "csv"', f'format = "csv"\nfolder = "{drop}"'
    )
    (feeds / "small.toml").write_text(toml, "utf-8")
    header = ("ID", "Start", "End", "Doctor", "State", "Patient", "Phone")
    row = ("1", "2026-12-01 08:00", "2026-12-01 08:30", "Dr An", "busy", NAME, PHONE)
    (drop / "a.csv").write_bytes(small_file(row, header=header))
    (drop / "b.csv").write_bytes(f'ID,Start\n"{NAME} {PHONE}'.encode())
    (drop / "c.csv").write_bytes(small_file(("2", NAME, PHONE, NAME, CITIZEN_ID, NAME, PHONE), header=header))
    for name in ("a", "b", "c"):  # files are named after her too: one that is read, one in quarantine, one held
        (drop / f"{name}.csv").rename(drop / f"{name} {NAME}.csv")
    (drop / f"{NAME} d.csv").symlink_to(drop / f"a {NAME}.csv")
    (drop / f"{NAME}\ne.csv").write_bytes(b"x")
    (drop / f"{NAME}.csv.d").mkdir()
    (drop / f"{NAME} f.csv").mkdir()
    memory = read_exports.Memory()
    for _ in range(arrivals.PATIENCE + 2):
        await read_exports.run(flight.patient.db, feeds, now=utc_now(), memory=memory)
    assert list((drop / "quarantine").glob(f"b {NAME}.csv"))
    assert log_sign(f"b {NAME}.csv") in flight.log()
    assert log_sign(f"b {NAME}.csv") in (drop / "quarantine" / f"b {NAME}.csv.report.txt").read_text()
    assert log_sign(f"{NAME} f.csv") in flight.log()
    await _is_answered_by_name(flight, feeds)


async def _is_answered_by_name(flight: Flight, feeds: Path) -> None:
    """Files of answers to what we told, named after her."""
    terms = (TERMS / "hl7.out.toml").read_text().replace('facility = "BVVT"', f'facility = "{STATION}"')
    (feeds / "hl7.out.toml").write_text(terms, "utf-8")
    answers = feeds / "bookings-hl7-answers"
    answers.mkdir()
    (answers / f"{NAME} 1.hl7").write_text(f"{MSH}\rMSA|AE|000001-000001|{NAME} {PHONE}\r")
    (answers / f"{NAME} 2.hl7").write_text(NAME)
    telling = write_bookings.Memory()
    for _ in range(3):
        await write_bookings.run(flight.patient.db, feeds, now=utc_now(), memory=telling)
    assert list((answers / "done").iterdir())
    assert list((answers / "quarantine").glob(f"{NAME} 2.hl7"))


async def _everything(flight: Flight, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await _signs_in(flight)
    await _books_moves_and_cancels(flight)
    await _comes_to_the_desk(flight)
    await _stands_in_a_hospitals_files(flight, folder)
    await housekeeping.run(flight.patient.db)
    await check_invariants.run(flight.patient.db)
    await _makes_every_error(flight, monkeypatch)


async def test_she_stands_in_no_log_and_a_stolen_dump_opens_nothing(
    flight: Flight, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _everything(flight, tmp_path, monkeypatch)
    log = flight.log()
    assert '"logger":"henkham' in log or '"logger":"booking' in log
    assert "duration:" in log, "PostgreSQL logs every statement here"
    assert "violates check constraint" in log
    assert '"level":"ERROR"' in log
    told = {line[:300] for line in log.splitlines() if canary.found(flight.needles, line)}
    assert told == set()
    dump = flight.server.dump("canary")
    needles = flight.needles
    assert "COPY public.message " in dump
    assert canary.found(needles, dump) == {"name"}


async def test_control_a_log_line_and_a_column_that_tell_are_found(flight: Flight) -> None:
    await _errors_of_the_database(flight.patient.db)
    assert canary.found(flight.needles, flight.log()) == set()
    logging.getLogger("henkham").warning("text for %s", "+84987654321")
    assert canary.found(flight.needles, flight.log()) == {"phone"}
    await flight.patient.run("CREATE TABLE told (a text, b bytea, c text)")
    coded = base64.b64encode(f"x{INSURANCE}".encode()).decode()
    columns = {"a": "0987.654.321".replace(".", ""), "b": CITIZEN_ID.encode(), "c": coded}
    await flight.patient.run("INSERT INTO told VALUES (:a, :b, :c)", **columns)
    assert canary.found(flight.needles, flight.server.dump("canary")) == {"phone", "citizen ID", "insurance"}


async def test_control_with_postgresql_s_own_choice_of_words_the_row_is_told(flight: Flight) -> None:
    """What the two lines of the configuration are for: the row that was refused, and the values of a statement."""
    flight.server.configure(log_error_verbosity="default", log_parameter_max_length="-1")
    await flight.patient.sign_in()
    await flight.patient.book(**_HERS)
    await _errors_of_the_database(flight.patient.db)
    assert "name" in canary.found(flight.needles, flight.server.text())
