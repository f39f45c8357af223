"""/readyz: in production texts that may not go are named."""

import shutil
from pathlib import Path

import httpx
import pytest

from booking.main import create_app
from booking.messages import texts
from booking.messages.kinds import ApprovalState, MessageKind
from booking.messages.wordings import Template
from booking.settings import load
from tests.conftest import environment

pytestmark = pytest.mark.anyio

PRODUCTION = {
    "HENKHAM_ENVIRONMENT": "production", "HENKHAM_SMS_PROVIDER": "twilio", "TWILIO_ACCOUNT_SID": "AC1",
    "TWILIO_AUTH_TOKEN": "a-token", "TWILIO_FROM": "HenKham", "PUBLIC_BASE_URL": "https://henkham.example",
    "HENKHAM_SEAL_KEY": "q7Zr1TnW3xYv5KbC9dFg2HjL4mPs6QaE", "HENKHAM_INDEX_KEY": "8uVw0ZyX2cRt4GbN6hMj1KqP3sLd5FaT",
}  # fmt: skip


async def _ready(url: str, **variables: str) -> httpx.Response:
    app = create_app(load(environment(url, **variables)))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://henkham.example") as client:
        answer = await client.get("/readyz")
    await app.state.db.close()
    return answer


async def test_production_names_a_text_that_is_not_approved_and_is_ready_all_the_same(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = Template(MessageKind.MOVED, "en", 1, ApprovalState.SUBMITTED, "HenKham: {code}")
    monkeypatch.setattr(texts, "unapproved", lambda _: [draft])
    answer = await _ready(database_url, **PRODUCTION)
    assert answer.status_code == 200
    assert answer.json()["checks"] == {
        "database": "ok",
        "migrations": "ok",
        "keys": "ok",
        "texts": "not approved: moved (en)",
    }


async def test_every_kind_that_is_not_approved_is_named_in_both_languages(database_url: str) -> None:
    said = (await _ready(database_url, **PRODUCTION)).json()["checks"]["texts"]
    drafts = {f"{kind} ({language})" for kind in MessageKind for language in ("vi", "en")}
    assert set(said.removeprefix("not approved: ").split(", ")) == drafts


async def test_production_is_ready_once_all_are(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "unapproved", lambda _: [])
    answer = await _ready(database_url, **PRODUCTION)
    assert (answer.status_code, answer.json()["checks"]["texts"]) == (200, "ok")


async def test_what_this_installation_registered_is_named_no_more_and_a_name_that_is_none_is(database_url: str) -> None:
    every = " ".join(one.name for one in texts.TEMPLATES.values() if one.kind is not MessageKind.MOVED)
    registered = PRODUCTION | {"HENKHAM_SMS_REGISTERED": f"{every}\nmoved.vi.1, moved.en.999"}
    checks = (await _ready(database_url, **registered)).json()["checks"]
    assert (checks["texts"], checks["texts_unknown"]) == ("not approved: moved (en)", "moved.en.999")


@pytest.mark.parametrize("variables", [{}, PRODUCTION | {"HENKHAM_ENVIRONMENT": "test"}], ids=["console", "test"])
async def test_elsewhere_nobody_asks_the_carriers(database_url: str, variables: dict[str, str]) -> None:
    assert texts.unapproved()
    answer = await _ready(database_url, **variables)
    assert (answer.status_code, "texts" in answer.json()["checks"]) == (200, False)


async def test_a_carriers_own_gateway_is_no_way_round_the_carriers(database_url: str, tmp_path: Path) -> None:
    template = shutil.copy(Path(__file__).parents[2] / "deploy/sms/brandname-json.toml", tmp_path)
    own = {name: value for name, value in PRODUCTION.items() if not name.startswith("TWILIO")}
    own |= {
        "HENKHAM_SMS_PROVIDER": "brandname", "HENKHAM_BRANDNAME_TEMPLATE": str(template),
        "HENKHAM_BRANDNAME_SECRET": "x" * 20, "HENKHAM_BRANDNAME_RECEIPT_SECRET": "x" * 20,
    }  # fmt: skip
    answer = await _ready(database_url, **own)
    assert answer.status_code == 200
    assert answer.json()["checks"]["texts"].startswith("not approved: ")
