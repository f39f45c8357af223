"""The TOML file of a carrier's gateway: what is broken is said at the start, its callbacks carry the secret."""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from pydantic import BaseModel

from booking.settings import Settings, SettingsError, load
from booking.sms import open_gateway, template
from booking.sms.brandname_told import callback_in
from booking.sms.gateway import Fault
from booking.sms.template import Template
from booking.sms.wording import UnreadableError
from tests.carrier import brandname
from tests.conftest import environment

ROOT = Path(__file__).parents[2]
MESSAGE = "6f1c0b9e-5a7d-4832-91d2-e3f4a5b6c7d8"


def _settings(path: Path, **more: str | None) -> Settings:
    variables: Mapping[str, str | None] = {
        "HENKHAM_SMS_PROVIDER": "brandname", "HENKHAM_BRANDNAME_TEMPLATE": str(path),
        "HENKHAM_BRANDNAME_SECRET": "s", "HENKHAM_BRANDNAME_RECEIPT_SECRET": "r" * 16, **more,
    }  # fmt: skip
    given = {name: value for name, value in variables.items() if value is not None}
    return load(environment("postgresql://nobody@127.0.0.1/none", **given))


def test_every_key_is_documented_and_nothing_else() -> None:
    parts: dict[str, type[BaseModel]] = {
        "request": template.Request,
        "answer": template.AnswerRule,
        "receipt": template.ReceiptRule,
    }
    keys = {"values"} | {f"{part}.{key}" for part, model in parts.items() for key in model.model_fields}
    assert set(Template.model_fields) == {"values", *parts}
    text = (
        (ROOT / "docs" / "operations.md").read_text(encoding="utf-8").split("### Another gateway")[1].split("\n## ")[0]
    )
    assert set(re.findall(r"^\| `([a-z.]+)` \|", text, re.MULTILINE)) == keys
    assert {f"{{{name}}}" for name in template.OURS} <= set(re.findall(r"`(\{[a-z_0-9]+\})`", text))


@pytest.mark.parametrize("path", sorted((ROOT / "deploy" / "sms").glob("*.toml")), ids=lambda path: path.name)
def test_the_examples_can_be_used(path: Path) -> None:
    open_gateway(_settings(path)).close()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("{text}", "hello", "the number or the text is missing"),
        ("{to_84}", "0901", "the number or the text is missing"),
        ("{sender}", "{nobody}", "nobody gives a value for nobody"),
        ('"{text}"', "{text} ,", "the body is no json"),
        ('"Result=100|success"', '"100"', "PATH=VALUE"),
        ('"configuration"', '"ours"', "faults"),
        ('"header:X-Key"', '"X-Key"', "receipt.secret"),
        ('218 = "content"', '218 = "text"', "receipt.faults.218"),
        ('code = "error"', "", "receipt: Value error, faults.201"),
        ("[answer]", "[answr]", "answer: Field required"),
        ("http://", "ftp://", "request.url"),
        ("[values]", "[values", "is no TOML"),
    ],
)
def test_what_is_broken_stops_the_start(tmp_path: Path, old: str, new: str, said: str) -> None:
    path = brandname.written(tmp_path, "json", "http://gateway.example")
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(SettingsError) as problem:
        open_gateway(_settings(path))
    assert said in str(problem.value)
    assert brandname.SECRET not in str(problem.value)


@pytest.mark.parametrize("name", ["HENKHAM_BRANDNAME_SECRET", "HENKHAM_BRANDNAME_RECEIPT_SECRET"])
def test_a_secret_that_is_not_set_stops_the_start(tmp_path: Path, name: str) -> None:
    path = brandname.written(tmp_path, "json", "http://gateway.example")
    with pytest.raises(SettingsError, match=name):
        open_gateway(_settings(path, **{name: None}))


def test_no_template_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="HENKHAM_BRANDNAME_TEMPLATE"):
        _settings(tmp_path, HENKHAM_BRANDNAME_TEMPLATE=None)
    with pytest.raises(SettingsError, match="No such file"):
        open_gateway(_settings(tmp_path / "none.toml"))


# Callbacks

FORM = f"request={MESSAGE}&name=N1&state=1&key=r".encode()
JSON = f'{{"request": "{MESSAGE}", "name": "N1", "state": 2, "error": 104, "key": "r"}}'.encode()


def _rule(tmp_path: Path, kind: str, secret: str) -> template.ReceiptRule:
    rule = template.load(brandname.written(tmp_path, "json", "http://x", receipt=kind, secret=secret)).receipt
    assert rule is not None
    return rule


def test_a_callback_is_read_by_its_map(tmp_path: Path) -> None:
    found = callback_in(_rule(tmp_path, "form", "field:key"), "r", {}, FORM)
    assert found is not None
    assert (str(found.message), found.provider_sid, found.status, found.error_code) == (
        MESSAGE,
        "N1",
        "delivered",
        None,
    )
    found = callback_in(_rule(tmp_path, "json", "header:X-Key"), "r", {"x-key": "r"}, JSON)
    assert found is not None
    assert (found.status, found.error_code) == ("undelivered", 104)


FAULTS = [
    ({}, "104", Fault.DOUBTFUL),
    ({"104": "phone"}, "104", Fault.PHONE),
    ({"104": "phone"}, "105", Fault.DOUBTFUL),
    ({"104": "phone", "*": "passing"}, "105", Fault.PASSING),
    ({"104": "phone", "*": "passing"}, "", Fault.PASSING),
    ({"2": "phone"}, "7", Fault.DOUBTFUL),  # a code that is spelt as the word is another thing
    ({"E-7": "content"}, "E-7", Fault.CONTENT),
]


@pytest.mark.parametrize(("faults", "code", "fault"), FAULTS)
def test_whose_fault_it_is_says_the_carriers_own_code(faults: dict[str, str], code: str, fault: Fault) -> None:
    said = {"secret": "field:key", "status": "state", "code": "error", "states": {"1": "delivered", "2": "failed"}}
    rule = template.ReceiptRule.model_validate(said | {"kind": "form", "faults": faults})
    for word, expected in (("2", fault), ("1", None), ("3", None)):
        found = callback_in(rule, "r", {}, f"state={word}&error={code}&key=r".encode())
        assert found is not None
        assert found.fault is expected


def test_without_codes_its_words_say_so() -> None:
    said = {"secret": "field:key", "status": "state", "states": {"OFF": "undelivered", "GONE": "failed", "OK": "sent"}}
    rule = template.ReceiptRule.model_validate(said | {"kind": "form", "faults": {"OFF": "passing", "GONE": "phone"}})
    found = [callback_in(rule, "r", {}, f"state={word}&key=r".encode()) for word in ("OFF", "GONE", "OK")]
    assert [one and one.fault for one in found] == [Fault.PASSING, Fault.PHONE, None]
    with pytest.raises(ValueError, match=r"faults\.OK"):
        template.ReceiptRule.model_validate(said | {"faults": {"OK": "phone"}})


def test_a_word_that_is_not_listed_moves_nothing(tmp_path: Path) -> None:
    found = callback_in(_rule(tmp_path, "form", "field:key"), "r", {}, FORM.replace(b"state=1", b"state=delivered"))
    assert found is not None
    assert found.status == "? delivered"


@pytest.mark.parametrize(
    ("secret", "headers", "body"),
    [
        ("header:X-Key", {}, JSON),
        ("header:X-Key", {"x-key": ""}, JSON),
        ("header:X-Key", {"x-key": "R"}, b"\xff"),
        ("field:key", {"x-key": "r"}, JSON.replace(b'"r"', b'"x"')),
        ("field:key", {"key": "r"}, b"\xff\xfe"),
        ("field:key", {}, b"[]"),
    ],
)
def test_without_the_secret_nothing_is_believed(
    tmp_path: Path, secret: str, headers: dict[str, str], body: bytes
) -> None:
    assert callback_in(_rule(tmp_path, "json", secret), "r", headers, body) is None


@pytest.mark.parametrize("body", [b"\xff", b"{", b"[]", b'{"name": "N1"}'])
def test_with_the_secret_and_no_sense(tmp_path: Path, body: bytes) -> None:
    with pytest.raises(UnreadableError):
        callback_in(_rule(tmp_path, "json", "header:X-Key"), "r", {"x-key": "r"}, body)


def test_what_no_database_takes_is_cleaned(tmp_path: Path) -> None:
    body = JSON.replace(b'"N1"', b'"N\\u0000\\ud800"').replace(b'"state": 2', b'"state": "\\udfff\\u0000"')
    found = callback_in(_rule(tmp_path, "json", "header:X-Key"), "r", {"x-key": "r"}, body)
    assert found is not None
    assert "\0" not in found.provider_sid + found.status
    assert (found.provider_sid + found.status).encode()
