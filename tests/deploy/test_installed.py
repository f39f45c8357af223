"""The installation serves: from https at nginx to the SMS, and nobody may do more than they are there for."""

import asyncio
import re
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import asyncpg
import httpx
import pytest

from booking import sealed
from booking.cli import publishing
from booking.db import Database
from booking.settings import load
from booking.sms.sample_carrier import Carrier, unused_port
from tests import people
from tests.asking import BASE, BOOK, new_key, span
from tests.deploy.installed import Installation, installation, start
from tests.deploy.test_checked import said
from tests.postgres import apart, scratch
from tests.seeds import FACILITY, World, seed


@pytest.fixture(scope="module")
def carrier() -> Iterator[Carrier]:
    with Carrier() as made:
        yield made


@pytest.fixture(scope="module")
def installed(carrier: Carrier) -> Iterator[Installation]:
    with scratch() as folder, installation(folder / "machine", carrier.url) as made:
        yield made


@pytest.fixture(scope="module")
def world(installed: Installation) -> World:
    """A facility with free times, put in as the owner of the schema and published as `henkham publish` does."""
    secrets = installed.root / "etc/henkham/secrets"
    keys = {name: (secrets / name).read_text().strip() for name in ("seal-key", "index-key")}
    url = installed.url("owner")
    settings = load({
        "DATABASE_URL": url, "PUBLIC_BASE_URL": "https://localhost", "HENKHAM_ENVIRONMENT": "test",
        "HENKHAM_SMS_PROVIDER": "console", "HENKHAM_SEAL_KEY": keys["seal-key"], "HENKHAM_INDEX_KEY": keys["index-key"],
    })  # fmt: skip
    sealed.install(settings.keyring())

    async def go() -> World:
        database = Database(url, pool=1)
        try:
            return await seed(database, capacities=())
        finally:
            await database.close()

    made = apart(go)
    assert apart(lambda: asyncio.to_thread(publishing.run, settings, facility=FACILITY, days=None)) == 0
    return made


def _booked(
    client: httpx.Client, world: World, number: int, *, headers: dict[str, str] | None = None
) -> dict[str, Any]:
    listed = client.get(f"{BASE}/slots", params=span(world)).json()["items"]
    slot = next(each["id"] for each in listed if each["free"])
    answer = client.post(BOOK, json=world.booking(slot, people.patient(number)), headers=new_key() | (headers or {}))
    assert answer.status_code == httpx.codes.CREATED, answer.text
    made: dict[str, Any] = answer.json()
    return made


def _asked(installed: Installation, role: str, *statements: str) -> list[Any]:
    async def go() -> list[Any]:
        connection = await asyncpg.connect(installed.url(role))
        try:
            return [await connection.fetch(statement) for statement in statements]
        finally:
            await connection.close()

    return apart(go)


def _until(true: Callable[[], bool]) -> None:
    for _ in range(600):
        if true():
            return
        time.sleep(0.05)
    raise TimeoutError


def test_pages_come_over_https_with_their_headers_and_plain_http_leads_there(installed: Installation) -> None:
    page = installed.client.get("/")
    assert page.status_code == httpx.codes.OK
    assert "max-age" in page.headers["strict-transport-security"]
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "__Host-" in page.headers.get("set-cookie", "__Host-")
    led = httpx.get(f"http://127.0.0.1:{installed.plain_port}/f?q=1", headers={"Host": "localhost"})
    assert (led.status_code, led.headers["location"]) == (301, "https://localhost/f?q=1")
    assert installed.client.get("/readyz").json()["status"] == "ok"


def test_who_gives_out_certificates_finds_the_answer_over_plain_http(installed: Installation) -> None:
    shown = installed.root / "var/www/henkham-acme/.well-known/acme-challenge"
    shown.mkdir(parents=True)
    (shown / "token").write_text("answer")
    base, localhost = f"http://127.0.0.1:{installed.plain_port}", {"Host": "localhost"}
    assert httpx.get(f"{base}/.well-known/acme-challenge/token", headers=localhost).text == "answer"
    assert httpx.get(f"{base}/.well-known/acme-challenge/none", headers=localhost).status_code == 404


def test_check_asks_each_web_process_whether_it_is_ready(installed: Installation) -> None:
    target = installed.root / "etc/systemd/system/henkham.target"
    ports = {"8001": str(installed.web_ports[0]), "8002": str(unused_port())}
    target.write_text(re.sub(r"@(\d+)", lambda found: f"@{ports[found[1]]}", target.read_text("utf-8")), "utf-8")
    text = said(installed.root)
    assert f"ok       web process at {ports['8001']}: database: ok; migrations: ok" in text
    assert f"not set  web process at {ports['8002']} does not run" in text
    assert text.count("the database answers, its schema is at") == 3


def test_another_name_gets_no_answer(installed: Installation) -> None:
    with pytest.raises(httpx.TransportError):
        httpx.get(f"http://127.0.0.1:{installed.plain_port}/", headers={"Host": "elsewhere.example"})
    with pytest.raises(httpx.TransportError):
        httpx.get(f"https://127.0.0.1:{installed.nginx_port}/", verify=False)


def test_a_visit_is_booked_and_the_scheduler_sends_its_sms(
    installed: Installation, world: World, carrier: Carrier
) -> None:
    made = _booked(installed.client, world, 1)
    _until(lambda: any(made["code"] in one.body for one in carrier.log.accepted))


def test_what_a_client_says_of_its_own_address_is_thrown_away_by_nginx(installed: Installation, world: World) -> None:
    forged = {"X-Forwarded-For": "203.0.113.7", "Forwarded": "for=203.0.113.7", "X-Real-IP": "203.0.113.7"}
    through = _booked(installed.client, world, 2, headers=forged)
    with httpx.Client(base_url=f"http://127.0.0.1:{installed.web_ports[0]}") as past:
        control = _booked(past, world, 3, headers=forged)  # nobody but nginx reaches that port
    found = {
        code: _asked(
            installed, "owner",
            "SELECT e.address FROM audit_event e JOIN appointment a ON a.public_id::text = e.object_id"
            f" WHERE a.code = '{code}' AND e.action LIKE '%book%'",
        )[0][0]["address"]
        for code in (through["code"], control["code"])
    }  # fmt: skip
    assert str(found[through["code"]]).startswith("127.0.0.1")
    assert str(found[control["code"]]).startswith("203.0.113.7")


def test_a_slip_opens_through_nginx_and_its_token_is_in_no_log(installed: Installation, world: World) -> None:
    made = _booked(installed.client, world, 4)
    path = f"/t/{made['code']}/{made['token']}"
    assert made["code"] in installed.client.get(path).text
    with installed.client.stream("GET", f"{path}/live", headers={"Accept": "text/event-stream"}) as stream:
        assert next(stream.iter_bytes())  # at once, though the stream has no end
    written = installed.logs()
    assert "GET 200" in written
    assert made["token"] not in written
    assert people.patient(4)["name"] not in written


def test_what_is_too_large_is_refused(installed: Installation) -> None:
    assert installed.client.post(BOOK, content=b"x" * 70_000, headers=new_key()).status_code == 413


def test_when_one_web_process_dies_the_other_answers_and_no_booking_is_made_twice(
    installed: Installation, world: World
) -> None:
    installed.web[1].send_signal(signal.SIGKILL)
    installed.web[1].wait(10)
    codes = {_booked(installed.client, world, number)["code"] for number in range(10, 20)}
    assert len(codes) == 10
    listed = ", ".join(f"'{code}'" for code in codes)
    found = _asked(
        installed, "owner",
        f"SELECT count(*) AS visits, count(DISTINCT patient_id) AS people FROM appointment WHERE code IN ({listed})",
    )  # fmt: skip
    assert tuple(found[0][0]) == (10, 10)


FORBIDDEN = {
    "web": (
        "UPDATE audit_event SET action = ''", "DELETE FROM audit_event", "INSERT INTO audit_seal DEFAULT VALUES",
        "UPDATE alembic_version SET version_num = '0'", "CREATE TABLE mine (id int)", "DROP TABLE slot",
        "TRUNCATE slot", "ALTER TABLE slot DISABLE TRIGGER ALL", "INSERT INTO audit_cut DEFAULT VALUES",
        "SELECT audit_shorten(1, now(), now(), 'x')",
    ),
    "scheduler": (
        "UPDATE audit_event SET action = ''", "DELETE FROM audit_seal", "CREATE TABLE mine (id int)",
        "INSERT INTO audit_cut DEFAULT VALUES", "DELETE FROM audit_event",
    ),
    "report": (
        "SELECT name FROM patient", "SELECT phone FROM account", "SELECT code FROM appointment",
        "SELECT patient_id FROM appointment", "SELECT facts FROM message", "SELECT name FROM queue_ticket",
        "SELECT facts FROM audit_event", "SELECT password FROM staff", "UPDATE slot SET capacity = 0",
        "SELECT state FROM data_request",
    ),
}  # fmt: skip
ALLOWED = {
    "web": ("SELECT count(*) FROM patient", "SELECT version_num FROM alembic_version"),
    "scheduler": (
        "SELECT count(*) FROM message",
        "SELECT has_function_privilege('audit_shorten(bigint,timestamptz,timestamptz,bytea)', 'EXECUTE')",
    ),
    "report": ("SELECT count(state) FROM appointment", "SELECT capacity, taken FROM slot"),
}


@pytest.mark.parametrize("role", FORBIDDEN)
@pytest.mark.usefixtures("world")
def test_a_role_may_do_what_it_is_there_for_and_nothing_else(installed: Installation, role: str) -> None:
    for statement in FORBIDDEN[role]:
        with pytest.raises(asyncpg.PostgresError) as refused:
            _asked(installed, role, statement)
        assert type(refused.value) in (
            asyncpg.InsufficientPrivilegeError, asyncpg.ReadOnlySQLTransactionError,
        ), statement  # fmt: skip
    assert all(_asked(installed, role, *ALLOWED[role]))


def test_a_scheduler_that_is_told_to_stop_ends_by_itself(installed: Installation) -> None:
    second = start(installed.root, "henkham-scheduler.service", "second")
    log = installed.root / "log/henkham-scheduler.servicesecond.log"
    _until(lambda: "scheduler started" in log.read_text("utf-8"))
    second.terminate()
    assert second.wait(60) == 0
    assert not re.search(r'"level": ?"(ERROR|CRITICAL)"', log.read_text("utf-8")), log.read_text("utf-8")
