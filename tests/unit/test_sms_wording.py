"""Values in a carrier's template stand where they were put and nowhere else; answers are read and never obeyed."""

import json
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from booking.sms.wording import Place, UnreadableError, UnwritableError, fields_of, filled

SIGNS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=60)
PLAIN = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Zs"]), max_size=60)


@given(SIGNS, SIGNS)
def test_json_comes_back_as_it_was(one: str, two: str) -> None:
    written = filled('{"a": "{one}", "b": {"c": "{two}"}}', {"one": one, "two": two}, Place.JSON)
    assert json.loads(written) == {"a": one, "b": {"c": two}}


@given(SIGNS, SIGNS)
def test_a_form_comes_back_as_it_was(one: str, two: str) -> None:
    written = filled("a={one}&b={two}", {"one": one, "two": two}, Place.FORM)
    assert parse_qsl(written, keep_blank_values=True) == [("a", one), ("b", two)]


@given(PLAIN, PLAIN)
def test_xml_comes_back_as_it_was(one: str, two: str) -> None:
    found = fields_of(filled("<m><a>-{one}-</a><b>-{two}-</b></m>", {"one": one, "two": two}, Place.XML), Place.XML)
    assert found == {"a": f"-{one}-", "b": f"-{two}-"}


@given(SIGNS)
def test_an_address_has_the_parts_it_had(value: str) -> None:
    parts = urlsplit(filled("https://gateway.example/send/{v}?to={v}", {"v": value}, Place.URL))
    assert (parts.netloc, parts.fragment) == ("gateway.example", "")
    assert parts.path.count("/") == 2
    assert parse_qsl(parts.query, keep_blank_values=True) == [("to", value)]


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "a\0b", "đ", "\x7f"])
def test_a_header_gets_no_second_line(value: str) -> None:
    with pytest.raises(UnwritableError):
        filled("Key {v}", {"v": value}, Place.HEADER)


@pytest.mark.parametrize("value", ["\0", "\x0b", "\ud800", "\ufffe"])
def test_xml_gets_no_sign_it_cannot_have(value: str) -> None:
    with pytest.raises(UnwritableError):
        filled("<a>{v}</a>", {"v": value}, Place.XML)


def test_control_put_in_as_it_is_a_value_becomes_a_field() -> None:
    evil = 'x", "to": "+84900000000'
    assert json.loads(filled('{"text": "{v}"}', {"v": evil}, Place.TEXT)) == {"text": "x", "to": "+84900000000"}
    assert json.loads(filled('{"text": "{v}"}', {"v": evil}, Place.JSON)) == {"text": evil}


@pytest.mark.parametrize(
    ("text", "place", "fields"),
    [
        ('{"a": {"b": [1, true, null]}}', Place.JSON, {"a/b/0": "1", "a/b/1": "true"}),
        ("<r><a><b>1</b><b>2</b></a></r>", Place.XML, {"a/b": "1"}),
        ('<s:E xmlns:s="u"><s:B><Code>100</Code></s:B></s:E>', Place.XML, {"B/Code": "100"}),
        ("a=1&b=", Place.FORM, {"a": "1", "b": ""}),
        (" OK 1 \n", Place.TEXT, {"": "OK 1"}),
    ],
)
def test_answers_are_found_by_path(text: str, place: Place, fields: dict[str, str]) -> None:
    assert fields_of(text, place) == fields


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("{", Place.JSON),
        ("[" * 5000, Place.JSON),
        ("[" * 30 + "]" * 30, Place.JSON),
        ("<a>", Place.XML),
        ("<a/><b/>", Place.XML),
        ('<!DOCTYPE a [<!ENTITY e "x">]><a>&e;</a>', Place.XML),
        ('<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', Place.XML),
        ("<a>" * 40 + "</a>" * 40, Place.XML),
        ("a", Place.FORM),
    ],
)
def test_what_is_not_of_its_kind_or_would_do_harm_is_unreadable(text: str, place: Place) -> None:
    with pytest.raises(UnreadableError):
        fields_of(text, place)
