"""Settings: complete, or a list of what to put right."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from booking.messages.wordings import BASE_LONGEST
from booking.settings import Settings, SettingsError, load, variable
from tests.conftest import TEST_KEYS, environment

GOOD = {
    "DATABASE_URL": "postgresql://henkham:x@127.0.0.1/henkham",
    "PUBLIC_BASE_URL": "https://henkham.example",
    "HENKHAM_SEAL_KEY": "q7Zr1TnW3xYv5KbC9dFg2HjL4mPs6QaE",
    "HENKHAM_INDEX_KEY": "8uVw0ZyX2cRt4GbN6hMj1KqP3sLd5FaT",
    "TWILIO_ACCOUNT_SID": "AC0123",
    "TWILIO_AUTH_TOKEN": "a-token-of-the-test",
    "TWILIO_FROM": "HENKHAM",
}


def problems(**changes: str | None) -> list[str]:
    """What is wrong with the good settings once some are changed or (None) taken away."""
    given = {name: value for name, value in (GOOD | changes).items() if value is not None}
    with pytest.raises(SettingsError) as refused:
        load(given)
    return refused.value.problems


def test_good_settings_are_taken_and_frozen() -> None:
    settings = load(GOOD)
    assert settings.database_url == GOOD["DATABASE_URL"]
    assert settings.gateway_name == "twilio"
    assert settings.environment == "production"
    with pytest.raises(ValidationError):
        settings.environment = "demo"  # type: ignore[misc]


def test_secrets_do_not_show_themselves() -> None:
    shown = repr(load(GOOD)) + str(load(GOOD))
    for name in ("HENKHAM_SEAL_KEY", "HENKHAM_INDEX_KEY", "TWILIO_AUTH_TOKEN"):
        assert GOOD[name] not in shown


@pytest.mark.parametrize("name", ["DATABASE_URL", "PUBLIC_BASE_URL", "HENKHAM_SEAL_KEY", "HENKHAM_INDEX_KEY"])
def test_what_is_missing_is_named(name: str) -> None:
    assert problems(**{name: None}) == [f"{name} is missing"]
    assert problems(**{name: ""}) == [f"{name} is missing"]


def test_all_that_is_missing_is_named_at_once() -> None:
    assert len(problems(DATABASE_URL=None, PUBLIC_BASE_URL=None)) == 2


@pytest.mark.parametrize("kept", ["TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_FROM"])
def test_half_of_twilio_stops_the_start(kept: str) -> None:
    twilio = [name for name in GOOD if name.startswith("TWILIO_")]
    found = problems(**{name: None for name in twilio if name != kept})
    assert len(found) == 2
    assert all("some are set and some are not" in problem for problem in found)


def test_production_without_twilio_does_not_start_not_even_when_told_to() -> None:
    twilio: dict[str, str | None] = {name: None for name in GOOD if name.startswith("TWILIO_")}
    assert len(problems(**twilio)) == 3
    (found,) = problems(**twilio, HENKHAM_SMS_PROVIDER="console")
    assert found.startswith("HENKHAM_SMS_PROVIDER")
    assert problems(HENKHAM_SMS_PROVIDER="console") == [found]
    told = {name: value for name, value in GOOD.items() if name not in twilio} | {"HENKHAM_SMS_PROVIDER": "console"}
    assert load(told | {"HENKHAM_ENVIRONMENT": "demo"}).gateway_name == "console"


def test_what_twilio_lacks_is_named_together_with_the_rest() -> None:
    found = problems(DATABASE_URL=None, TWILIO_AUTH_TOKEN=None)
    assert [one.split(" is missing")[0] for one in found] == ["DATABASE_URL", "TWILIO_AUTH_TOKEN"]


def test_keys_of_tests_stop_the_start_in_production_only() -> None:
    found = problems(**TEST_KEYS)
    assert [one.split()[0] for one in found] == ["HENKHAM_SEAL_KEY", "HENKHAM_INDEX_KEY"]
    assert load(GOOD | TEST_KEYS | {"HENKHAM_ENVIRONMENT": "test"}).environment == "test"


def test_an_address_that_costs_a_second_segment_is_remarked_on() -> None:
    longest = "https://" + "w" * (BASE_LONGEST - 8)
    assert load(GOOD | {"PUBLIC_BASE_URL": longest}).remarks == []
    (remark,) = load(GOOD | {"PUBLIC_BASE_URL": longest + "w"}).remarks
    assert "PUBLIC_BASE_URL" in remark


@pytest.mark.parametrize(
    "weak",
    ["short", "changeme" * 5, "secret-secret-secret-secret-secret", "a" * 40, "abababababababababababababababababab"],
)
def test_weak_and_default_secrets_stop_the_start(weak: str) -> None:
    for name in ("HENKHAM_SEAL_KEY", "HENKHAM_INDEX_KEY"):
        (found,) = problems(**{name: weak})
        assert found.startswith(name)
        assert weak not in found


def test_one_secret_for_two_purposes_stops_the_start() -> None:
    assert problems(HENKHAM_INDEX_KEY=GOOD["HENKHAM_SEAL_KEY"]) == [
        "HENKHAM_SEAL_KEY and HENKHAM_INDEX_KEY must differ"
    ]


def test_production_is_https_and_addresses_end_without_a_slash() -> None:
    assert "https://" in problems(PUBLIC_BASE_URL="http://henkham.example")[0]
    assert "slash" in problems(PUBLIC_BASE_URL="https://henkham.example/")[0]
    assert (
        load(GOOD | {"PUBLIC_BASE_URL": "http://127.0.0.1:8000", "HENKHAM_ENVIRONMENT": "demo"}).environment == "demo"
    )


def test_nobody_is_trusted_by_a_star() -> None:
    assert "HENKHAM_TRUSTED_PROXIES" in problems(HENKHAM_TRUSTED_PROXIES="*")[0]
    for wide in ("0.0.0.0/1,128.0.0.0/1", "10.0.0.0/8", "127.0.0.1,::/1", "2001:db8::/32", "10.0.0.0/x"):
        assert "HENKHAM_TRUSTED_PROXIES" in problems(HENKHAM_TRUSTED_PROXIES=wide)[0], wide
    load(GOOD | {"HENKHAM_TRUSTED_PROXIES": "127.0.0.1, ::1,10.20.0.0/16,fd00:1:2::/48"})


def test_a_setting_that_is_none_is_named_with_its_neighbour() -> None:
    assert problems(HENKHAM_HORIZON_DAY="3") == [
        "HENKHAM_HORIZON_DAY is not a setting; did you mean HENKHAM_HORIZON_DAYS?"
    ]
    assert load(GOOD | {"HENKHAM_TESTS_FULL": "1", "HOME": "/somewhere"}) == load(GOOD)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HENKHAM_HOLD_MINUTES", "0"),
        ("HENKHAM_HOLD_MINUTES", "five"),
        ("HENKHAM_HORIZON_DAYS", "400"),
        ("HENKHAM_ENVIRONMENT", "staging"),
        ("HENKHAM_SMS_PROVIDER", "pigeon"),
        ("HENKHAM_SEAL_KEY_ID", "Key 1"),
        ("HENKHAM_SEAL_KEYS_OLD", "{broken"),
        ("HENKHAM_DATABASE_POOL", "0"),
    ],
)
def test_a_value_that_cannot_be_is_named(name: str, value: str) -> None:
    (found,) = problems(**{name: value})
    assert found.startswith(name)


def test_a_secret_may_be_a_file(tmp_path: Path) -> None:
    file = tmp_path / "seal"
    file.write_text(GOOD["HENKHAM_SEAL_KEY"] + "\n")
    given = {name: value for name, value in GOOD.items() if name != "HENKHAM_SEAL_KEY"}
    settings = load(given | {"HENKHAM_SEAL_KEY_FILE": str(file)})
    assert settings.seal_key.get_secret_value() == GOOD["HENKHAM_SEAL_KEY"]
    with pytest.raises(SettingsError, match="HENKHAM_SEAL_KEY_FILE"):
        load(given | {"HENKHAM_SEAL_KEY_FILE": str(tmp_path / "nothing")})


def test_old_keys_still_open_and_the_new_one_seals() -> None:
    before = load(GOOD).keyring()
    after = load(
        GOOD
        | {
            "HENKHAM_SEAL_KEY": "N3wK3yF0rT3stsAbCdEfGhIjKlMnOpQr",
            "HENKHAM_SEAL_KEY_ID": "k2",
            "HENKHAM_SEAL_KEYS_OLD": f'{{"k1": "{GOOD["HENKHAM_SEAL_KEY"]}"}}',
        }
    ).keyring()
    assert after.unseal(before.seal("plain")) == "plain"
    assert after.seal("plain").startswith(b"k2\0")


def test_every_field_has_its_variable() -> None:
    names = [variable(field) for field in Settings.model_fields]
    assert len(names) == len(set(names))
    assert variable("database_url") == "DATABASE_URL"
    assert variable("twilio_from") == "TWILIO_FROM"
    assert variable("hold_minutes") == "HENKHAM_HOLD_MINUTES"


def test_a_secret_that_callbacks_carry_is_long_and_an_empty_file_sets_none(tmp_path: Path) -> None:
    name, given = "HENKHAM_BRANDNAME_RECEIPT_SECRET", environment("postgresql://nobody@127.0.0.1/none")
    with pytest.raises(SettingsError, match=name):
        load(given | {name: "x" * 15})
    assert load(given | {name: "x" * 16}).brandname_receipt_secret is not None
    empty = tmp_path / "empty"
    empty.write_text("\n")
    assert load(given | {f"{name}_FILE": str(empty)}).brandname_receipt_secret is None


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"HENKHAM_SEAL_KEYS_OLD": '{"k1": "T4eOld0neF0rT3stsAbCdEfGhIjKlMnO"}'}, "own id"),  # k2 forgotten
        ({"HENKHAM_SEAL_KEYS_OLD": f'{{"k2": "{GOOD["HENKHAM_SEAL_KEY"]}"}}'}, "one key has one id"),
        ({"HENKHAM_SEAL_KEYS_OLD": f'{{"k2": "{GOOD["HENKHAM_INDEX_KEY"]}"}}'}, "must differ"),
        ({"HENKHAM_SEAL_KEYS_OLD": '{"K-2": "T4eOld0neF0rT3stsAbCdEfGhIjKlMnO"}'}, "is none"),
    ],
)
def test_which_key_seals_is_beyond_doubt(settings: dict[str, str], said: str) -> None:
    (found,) = problems(**settings)
    assert said in found
    load(GOOD | {"HENKHAM_SEAL_KEYS_OLD": '{"k2": "T4eOld0neF0rT3stsAbCdEfGhIjKlMnO"}'})
