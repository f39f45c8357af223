"""The seed files, read without a database."""

import re
import tomllib
from importlib import resources
from typing import Any

import pytest

from booking.directory.seeding import sample

SEED = resources.files("booking.directory") / "seed"
KINDS = ("hospital", "medical_centre", "health_station")
GSM = re.compile(r"[A-Za-z0-9 .,:()/-]{1,20}")
BETRAYING = re.compile(r"thai|san|phu|tim|huyet|duong|lieu|hiv|lao|tam than|gia dinh|yhct")


def services() -> list[dict[str, Any]]:
    text = tomllib.loads((SEED / "services.toml").read_text("utf-8"))
    return [{**each, "kind": kind} for kind in KINDS for each in text[kind]]


@pytest.mark.parametrize("service", services(), ids=lambda each: f"{each['kind']}-{each['code']}")
def test_a_label_for_sms_is_short_plain_and_discreet(service: dict[str, Any]) -> None:
    assert GSM.fullmatch(service["sms_label"])
    assert not BETRAYING.search(service["sms_label"].lower())


@pytest.mark.parametrize("service", services(), ids=lambda each: f"{each['kind']}-{each['code']}")
def test_codes_are_slugs_and_both_languages_are_there(service: dict[str, Any]) -> None:
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", service["code"])
    assert service["name"]
    assert service["name_en"].isascii()
    assert "fee_vnd" not in service  # no price is known; none is invented


def test_codes_are_unique_in_each_kind() -> None:
    found = [(each["kind"], each["code"]) for each in services()]
    assert len(found) == len(set(found))


def test_no_text_says_quy_khach() -> None:
    for name in ("services.toml", "sample.toml"):
        assert "quý khách" not in (SEED / name).read_text("utf-8").lower()


def test_every_sample_session_is_of_a_service_that_is_offered() -> None:
    offered = {(each["kind"], each["code"]) for each in services()}
    assert {(room.kind.value, room.service) for room in sample().room} <= offered
    assert {("hospital", person.service) for person in sample().practitioner} <= offered


def test_every_service_offered_can_be_booked_somewhere_in_the_sample() -> None:
    offered = {(each["kind"], each["code"]) for each in services()}
    rooms = {(room.kind.value, room.service) for room in sample().room}
    assert offered == rooms | {("hospital", person.service) for person in sample().practitioner if person.sessions}


def test_sessions_in_one_room_do_not_overlap() -> None:
    seen: set[tuple[str, str, int, str]] = set()
    for room in sample().room:
        for weekday in room.weekdays:
            for half in room.halves:
                place = (room.kind.value, room.code, weekday, half)
                assert place not in seen
                seen.add(place)


def test_two_sample_doctors_share_a_name_and_one_has_no_sessions() -> None:
    names = [person.name for person in sample().practitioner]
    assert len(names) == len(set(names)) + 1
    assert [person.code for person in sample().practitioner if not person.sessions] == ["son"]
