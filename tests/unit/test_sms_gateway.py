"""The table of faults, the registry, the console."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import booking.sms
from booking.clock import utc_now
from booking.settings import Settings
from booking.sms import GATEWAYS, open_gateway
from booking.sms.console import ConsoleGateway
from booking.sms.gateway import Fault, Gateway, Outgoing
from booking.sms.twilio_told import FAULTS, callback_in, fault_of, fault_told


def settings(**changes: str) -> Settings:
    return Settings.model_validate(
        {
            "database_url": "postgresql://nobody@127.0.0.1/none",
            "public_base_url": "https://henkham.example",
            "seal_key": "Zk3vQ9x7LmT2cWb8RjY5dNf1HsPaGe4U",
            "index_key": "p6XoB0nVtM9rCq3yKw8zJ2hLd7FgS5aE",
            "environment": "test",
        }
        | changes
    )


def test_every_code_of_the_vendors_guideline_has_its_class() -> None:
    classes = {
        Fault.PHONE: {21211, 21610, 21614, 21635, 30004, 30005, 30006},
        Fault.CONFIGURATION: {20003, 21408, 21606, 21608, 21659, 30002},
        Fault.PASSING: {429, 20429, 30001, 30003, 30008, 30036},
        Fault.CONTENT: {30007, 21617},
        Fault.DOUBTFUL: {21612},
    }
    assert {fault: {code for code, its in FAULTS.items() if its is fault} for fault in Fault} == classes


@pytest.mark.parametrize(
    ("code", "status", "fault"),
    [
        (99999, 400, Fault.DOUBTFUL),
        (99999, None, Fault.DOUBTFUL),
        (None, None, Fault.DOUBTFUL),
        (99999, 401, Fault.CONFIGURATION),
        (99999, 403, Fault.CONFIGURATION),
        (99999, 429, Fault.PASSING),
        (21211, 429, Fault.PHONE),
    ],
)
def test_a_code_nobody_has_met_neither_loops_nor_stops_the_channel(
    code: int | None, status: int | None, fault: Fault
) -> None:
    assert fault_of(code, status) is fault


@pytest.mark.parametrize(
    ("code", "fault"), [(30005, Fault.PHONE), (30002, Fault.CONFIGURATION), (99999, Fault.DOUBTFUL), (None, None)]
)
def test_a_code_that_is_told_of_afterwards_is_classed_by_the_same_table(code: int | None, fault: Fault | None) -> None:
    assert fault_told(code) is fault
    said = callback_in({"MessageSid": "SM1", "MessageStatus": "failed", "ErrorCode": str(code or "")})
    assert said is not None
    assert (said.error_code, said.fault) == (code, fault)


def test_the_registry_knows_what_the_settings_may_name() -> None:
    assert set(GATEWAYS) == {"console", "twilio", "brandname"}
    console = open_gateway(settings(sms_provider="console"))
    live = open_gateway(
        settings(twilio_account_sid="AC1", twilio_auth_token="token", twilio_from="HenKham")  # a made-up token
    )
    assert (console.name, live.name) == ("console", "twilio")
    console.close()
    live.close()


def test_twilio_is_not_loaded_until_asked_for() -> None:
    program = "import sys, booking.sms, booking.sms.console; print('twilio' in sys.modules, 'requests' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout.split() == ["False", "False"]


def test_the_sdk_is_imported_by_who_sends_and_by_who_judges_signatures_alone() -> None:
    folder = Path(next(iter(booking.sms.__path__)))
    importers = {path.name for path in folder.glob("*.py") if "twilio" in _roots(path)}
    assert importers == {"twilio.py", "twilio_signed.py"}


def _roots(path: Path) -> set[str]:
    nodes = ast.walk(ast.parse(path.read_text()))
    return {node.module.split(".")[0] for node in nodes if isinstance(node, ast.ImportFrom) and node.module}


def test_the_console_accepts_everything_and_keeps_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    kept: list[Outgoing] = []
    console: Gateway = ConsoleGateway(sink=kept.append)
    text = Outgoing("1", "+84901234567", "HenKham: thu")
    first, second = ConsoleGateway().send(text), ConsoleGateway().send(text)
    assert first.provider_sid.startswith("console-")
    assert first.provider_sid != second.provider_sid
    console.send(text)
    assert kept == [text]
    assert list(console.sent_to(text.to, utc_now())) == []
    assert capsys.readouterr().out == ""


def test_the_console_echoes_only_when_asked(capsys: pytest.CaptureFixture[str]) -> None:
    ConsoleGateway(echo=True).send(Outgoing("1", "+84901234567", "HenKham: thu"))
    assert capsys.readouterr().out == "SMS +84901234567: HenKham: thu\n"
