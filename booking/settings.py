"""Settings: frozen, from the environment or secret files. Half-set or default secrets stop the start.

Names without a prefix are the ones operators know from elsewhere (DATABASE_URL, TWILIO_...); everything else begins
with HENKHAM_. A secret may also be given as a file: `NAME_FILE=/run/secrets/name` is read where NAME is unset.
"""

import difflib
import ipaddress
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator

from booking import dsn
from booking.sealed import Keyring

_SECRET_MINIMUM = 32
_KEY_ID = "[a-z0-9]{1,8}"
_BARE = {"DATABASE_URL", "PUBLIC_BASE_URL"}
_WEAK = (
    "changeme", "change-me", "change_me", "secret", "password", "default", "example", "placeholder",
    "replaceme", "replace-me", "replace_me", "your-key", "your_key", "letmein", "qwerty", "12345678",
)  # fmt: skip
_WEAK_IN_PRODUCTION = ("for-tests", "for_tests", "tests-only", "test-only", "testing", "for-demo")
_BASE_ONE_SEGMENT = 34
"""Characters of PUBLIC_BASE_URL with which every SMS with a link is one segment; checked against the texts."""


class SettingsError(Exception):
    """The settings cannot be used; `problems` is a list a person can act on."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Settings(BaseModel):
    """Everything that differs between a laptop and the city's servers."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    database_url: str
    """PostgreSQL 15 or later: postgresql://user:password@host:port/name."""
    public_base_url: str
    """Where patients reach us, without a slash at the end; links in SMS begin with it."""

    twilio_account_sid: str | None = None
    twilio_auth_token: SecretStr | None = None
    twilio_messaging_service_sid: str | None = None
    twilio_from: str | None = None
    twilio_api_base_url: str = "https://api.twilio.com"

    sms_provider: Literal["console", "twilio", "brandname"] | None = None
    """Which gateway sends. Unset: twilio when its settings are there, else a refusal to start."""
    brandname_template: Path | None = None
    """TOML file that says how a carrier's plain HTTP gateway is spoken to."""
    brandname_secret: SecretStr | None = None
    """Its password or key, wherever the template has {secret}."""
    brandname_receipt_secret: SecretStr | None = Field(default=None, min_length=16)
    """What its callbacks carry, so that they are believed."""
    sms_registered: str = ""
    """Names of the texts that the carriers have registered for this installation, parted by spaces or lines."""
    sms_per_second: int = Field(10, ge=1, le=1000)
    """Texts in any second, of all schedulers together."""
    sms_per_day: int = Field(20_000, ge=1)
    """Texts about visits in a day: what SMS may cost at most. Codes have limits of their own."""
    sms_number_per_day: int = Field(20, ge=1)
    """Texts about visits to one number in a day."""
    sms_facility_per_day: int = Field(6_000, ge=1)
    """Texts about the visits of one facility in a day."""
    sms_usual_hour: int = Field(1_000, ge=1)
    """What an hour counts as usual at least; at three times the usual texts about visits stop until somebody looks."""

    seal_key: SecretStr
    """At least 32 random characters; encrypts phone, citizen ID and insurance number."""
    seal_key_id: str = Field("k1", pattern=f"^{_KEY_ID}$")
    """Names the current seal_key in sealed values."""
    seal_keys_old: dict[str, SecretStr] = {}
    """Earlier keys by id, as JSON, until the columns are sealed anew."""
    index_key: SecretStr
    """At least 32 random characters; blind indexes and link tokens."""

    metrics_token: SecretStr | None = Field(None, min_length=_SECRET_MINIMUM)
    """Opens /metrics; unset: there is no such page."""

    otlp_endpoint: str | None = Field(None, pattern=r"^https?://\S+$")
    """Where traces go (OTLP over HTTP); unset: none are made. Needs the extra `otel`."""

    breached_passwords: Path | None = None
    """File of SHA-1 digests of breached passwords, HASH:COUNT a line, sorted; unset: none is asked."""

    environment: Literal["production", "demo", "test"] = "production"
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    database_pool: int = Field(16, ge=1, le=200)
    """Connections a process may hold open: as many for sessions, and as many again for the hot statements."""
    trusted_proxies: str = "127.0.0.1"
    """Addresses whose X-Forwarded-For is believed (uvicorn's --forwarded-allow-ips); never '*'."""
    feeds_dir: Path | None = None
    """Folder of feed TOML files; unset: no hospital export is read."""
    read_exports_with_network: bool = False
    """Read every format of export even where the kernel allows no process without a network."""
    read_exports_at_once: int = Field(2, ge=1, le=16)
    """Files of hospitals that are read at the same time; each may take 512 MB."""
    horizon_days: int = Field(30, ge=1, le=365)
    """How far ahead slots are published."""
    hold_minutes: int = Field(5, ge=1, le=60)
    requests_at_once: int = Field(40, ge=1)
    """Requests a process works on at once; the next one is told to come again in some seconds."""
    limit_address_per_10_minutes: int = Field(3000, ge=1)
    """Changes of any kind one network address may try: many phones share a carrier's address."""
    limit_holds_per_10_minutes: int = Field(1000, ge=1)
    """Holds one network address may try, whatever device it says it is."""
    limit_streams: int = Field(2000, ge=1)
    """Live pages a process keeps open; one more asks now and then instead."""
    limit_streams_per_address: int = Field(300, ge=1)
    """Live pages of one network address: a waiting room's telephones share one."""
    limit_phone_per_day: int = Field(12, ge=1)
    """Bookings and moves that may be made for one phone number on one day: each sends it an SMS."""
    limit_codes_phone_per_hour: int = Field(3, ge=1)
    """Codes that go to one number in any hour."""
    limit_codes_phone_per_day: int = Field(8, ge=1)
    """Codes that go to one number in any day."""
    limit_codes_address_per_hour: int = Field(300, ge=1)
    """Codes that one network address may ask for: many phones share a carrier's address."""
    limit_codes_per_hour: int = Field(3000, ge=1)
    """Codes sent in all: what signing in may cost at most."""
    silent_days: int = Field(180, ge=1)
    """A number unseen for so long may have a new owner: the code alone does not open the family."""
    limit_phone_upcoming: int = Field(10, ge=1)
    """Visits still to come that one phone number may have."""
    limit_profile_upcoming: int = Field(4, ge=1)
    """Visits still to come that one person may have."""
    limit_device_upcoming: int = Field(12, ge=1)
    """Visits still to come that one browser may have booked."""
    limit_party: int = Field(6, ge=1, le=12)
    """People who may be booked in one go."""
    given_up_minutes: int = Field(10, ge=0, le=1440)
    """How long a place somebody gave up is kept from her own device and account; 0: not at all."""
    limit_waiting_per_account: int = Field(5, ge=1)
    """Places one account may wait for at once."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        problems = [*_twilio_problems(dict(self)), *_brandname_problems(dict(self)), *self._secret_problems()]
        if any(map(_believes_many, self.trusted_proxies.split(","))):
            problems.append(
                "HENKHAM_TRUSTED_PROXIES must name addresses of proxies: '*' and networks wider than /16 (IPv6: /48) "
                "believe anybody's X-Forwarded-For"
            )
        try:
            dsn.tls(self.database_url)
        except ValueError as problem:
            problems.append(str(problem))
        if self.environment == "production" and not self.public_base_url.startswith("https://"):
            problems.append(
                "PUBLIC_BASE_URL must begin with https:// in production: tickets are opened by secret links"
            )
        if self.public_base_url.endswith("/"):
            problems.append("PUBLIC_BASE_URL must not end with a slash")
        if problems:
            raise SettingsError(problems)
        return self

    def _secret_problems(self) -> list[str]:
        named = {"HENKHAM_SEAL_KEY": self.seal_key, "HENKHAM_INDEX_KEY": self.index_key}
        weak = _WEAK + (_WEAK_IN_PRODUCTION if self.environment == "production" else ())
        problems = []
        for name, secret in named.items():
            text = secret.get_secret_value()
            if len(text) < _SECRET_MINIMUM:
                problems.append(f"{name} has {len(text)} characters; it needs at least {_SECRET_MINIMUM} random ones")
            elif len(set(text)) < _SECRET_MINIMUM // 4 or any(word in text.lower() for word in weak):
                problems.append(f"{name} looks like a default; make one with: openssl rand -base64 48")
        if self.seal_key.get_secret_value() == self.index_key.get_secret_value():
            problems.append("HENKHAM_SEAL_KEY and HENKHAM_INDEX_KEY must differ")
        return problems + self._old_key_problems()

    def _old_key_problems(self) -> list[str]:
        """What is wrong with the ids of keys: which key seals, and which only opens, must be beyond doubt."""
        problems = []
        if self.seal_key_id in self.seal_keys_old:
            problems.append(
                f"HENKHAM_SEAL_KEYS_OLD has a key under {self.seal_key_id}, which is HENKHAM_SEAL_KEY's own id: "
                "give the new key an id of its own (HENKHAM_SEAL_KEY_ID)"
            )
        for key_id, old in sorted(self.seal_keys_old.items()):
            if not re.fullmatch(_KEY_ID, key_id):
                problems.append(f"HENKHAM_SEAL_KEYS_OLD: an id has 1 to 8 of a-z and 0-9; {key_id[:20]!r} is none")
            if old.get_secret_value() == self.index_key.get_secret_value():
                problems.append(f"HENKHAM_INDEX_KEY and the key {key_id} of HENKHAM_SEAL_KEYS_OLD must differ")
            elif key_id != self.seal_key_id and old.get_secret_value() == self.seal_key.get_secret_value():
                problems.append(
                    f"HENKHAM_SEAL_KEY is the same key as {key_id} of HENKHAM_SEAL_KEYS_OLD: one key has one id"
                )
        return problems

    @property
    def gateway_name(self) -> Literal["console", "twilio", "brandname"]:
        """The SMS gateway in force."""
        return self.sms_provider or ("twilio" if self.twilio_account_sid else "console")

    @property
    def registered_texts(self) -> frozenset[str]:
        """`sms_registered`, name by name."""
        return frozenset(self.sms_registered.replace(",", " ").split())

    @property
    def remarks(self) -> list[str]:
        """What works and costs something; logged when a process starts."""
        if len(self.public_base_url) > _BASE_ONE_SEGMENT:
            return [f"PUBLIC_BASE_URL is longer than {_BASE_ONE_SEGMENT} characters: SMS with a link take two segments"]
        return []

    def keyring(self) -> Keyring:
        """The keys, current one first."""
        secrets = {self.seal_key_id: self.seal_key.get_secret_value().encode()}
        secrets |= {key_id: old.get_secret_value().encode() for key_id, old in self.seal_keys_old.items()}
        return Keyring(secrets, self.index_key.get_secret_value().encode())


def _twilio_problems(fields: Mapping[str, Any]) -> list[str]:
    """What is wrong with how SMS go, by fields of `Settings`; those left out have their defaults."""
    production = fields.get("environment", "production") == "production"
    provider = fields.get("sms_provider")
    problems = []
    if production and provider == "console":
        problems.append("HENKHAM_SMS_PROVIDER must not be console in production: nobody would be told anything")
    named = {
        "TWILIO_ACCOUNT_SID": fields.get("twilio_account_sid"),
        "TWILIO_AUTH_TOKEN": fields.get("twilio_auth_token"),
        "TWILIO_MESSAGING_SERVICE_SID or TWILIO_FROM": fields.get("twilio_messaging_service_sid")
        or fields.get("twilio_from"),
    }
    missing = [name for name, value in named.items() if not value]
    half = 0 < len(missing) < len(named)
    if half or (missing and (provider == "twilio" or (provider is None and production))):
        why = "some are set and some are not" if half else "SMS go through Twilio (HENKHAM_SMS_PROVIDER)"
        problems += [f"{name} is missing: {why}" for name in missing]
    return problems


def _brandname_problems(fields: Mapping[str, Any]) -> list[str]:
    """What is missing where SMS go through a carrier's own gateway; a template may do without a secret."""
    if fields.get("sms_provider") != "brandname" or fields.get("brandname_template"):
        return []
    return ["HENKHAM_BRANDNAME_TEMPLATE is missing: SMS go through a carrier's own gateway (HENKHAM_SMS_PROVIDER)"]


def variable(field: str) -> str:
    """The environment variable of a field of `Settings`."""
    name = field.upper()
    return name if name in _BARE or name.startswith("TWILIO_") else f"HENKHAM_{name}"


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Settings from the environment and secret files.

    Raises:
        SettingsError: with one line for each thing to put right.
    """
    values = {name: value for name, value in (os.environ if environ is None else environ).items() if value}
    values |= _secret_files(values)
    fields: dict[str, Any] = {
        field: values[variable(field)] for field in Settings.model_fields if variable(field) in values
    }
    problems = _unknown(values)
    try:
        if "seal_keys_old" in fields:
            fields["seal_keys_old"] = json.loads(fields["seal_keys_old"])
        settings = Settings.model_validate(fields)
    except json.JSONDecodeError:
        problems.append('HENKHAM_SEAL_KEYS_OLD must be JSON such as {"k0": "the earlier key"}')
    except ValidationError as problem:
        problems.extend(_sentence(error) for error in problem.errors())
        problems.extend(
            [*_twilio_problems(fields), *_brandname_problems(fields)]
        )  # at once, not when all else is right
    except SettingsError as problem:
        problems.extend(problem.problems)
    if problems:
        raise SettingsError(problems)
    return settings


def _secret_files(values: Mapping[str, str]) -> dict[str, str]:
    found = {}
    for name in map(variable, Settings.model_fields):
        path = values.get(f"{name}_FILE")
        if path and name not in values:
            try:
                text = Path(path).read_text().strip()
            except OSError as problem:
                raise SettingsError([f"{name}_FILE: {problem.strerror}: {path}"]) from problem
            if text:  # an empty file sets nothing, like an empty variable: "" is a secret that everybody knows
                found[name] = text
    return found


def _unknown(values: Mapping[str, str]) -> list[str]:
    known = {variable(field) for field in Settings.model_fields}
    problems = []
    for name in sorted(values):
        plain = name.removesuffix("_FILE")
        if plain.startswith("HENKHAM_") and plain not in known and not plain.startswith("HENKHAM_TESTS_"):
            near = difflib.get_close_matches(plain, known, n=1)
            problems.append(f"{name} is not a setting" + (f"; did you mean {near[0]}?" if near else ""))
    return problems


def _believes_many(proxy: str) -> bool:
    """Whether this part of HENKHAM_TRUSTED_PROXIES is so wide that strangers are in it; a word is a socket's name."""
    try:
        network = ipaddress.ip_network(proxy.strip(), strict=False)
    except ValueError:
        return proxy.strip() == "*" or "/" in proxy
    return network.prefixlen < (16 if network.version == 4 else 48)  # noqa: PLR2004  a whole site's network


def _sentence(error: Any) -> str:
    name = variable(str(error["loc"][0])) if error["loc"] else "settings"
    return f"{name} is missing" if error["type"] == "missing" else f"{name}: {error['msg']}"
