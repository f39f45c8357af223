"""Every error is documented, has a text, and has a status."""

import re
from pathlib import Path

import pytest

import booking.exchange.errors
import booking.main  # noqa: F401  the two load every error class
from booking.errors import BookingError, every_error
from booking.web.problem_texts import FIELD_TEXTS, HTTP_TEXTS, TEXTS
from booking.web.problems import sentence, status_of

DOCUMENT = Path(__file__).parents[2] / "docs" / "errors.md"
_ROW = re.compile(r"^\| `([a-z_]+)` \| (\d{3}) \| ([^|]+) \| ([^|]+) \| ([^|]*)\|$", re.MULTILINE)
PROBLEMS = {"invalid_request": 422, "unexpected": 500} | {code: status for status, (code, _, _) in HTTP_TEXTS.items()}
"""Codes that are no error class of ours: the frame's own refusals."""


def _ours() -> dict[str, int]:
    """The errors of the product; those that another test made up are not ours."""
    return {
        each.code: status_of(each.__new__(each)) for each in every_error() if each.__module__.startswith("booking.")
    }


def _documented() -> dict[str, int]:
    found = _ROW.findall(DOCUMENT.read_text(encoding="utf-8"))
    assert len(found) == len({code for code, *_ in found}), "a code is documented twice"
    return {code: int(status) for code, status, *_ in found}


def test_every_code_is_documented_with_its_status_and_no_other() -> None:
    assert _documented() == _ours() | PROBLEMS


def test_every_code_has_a_text_and_every_text_a_code() -> None:
    assert {code.split(".")[0] for code in TEXTS} == set(_ours()) | {"invalid_request", "unexpected"}
    assert set(PROBLEMS) - {"invalid_request", "unexpected", "not_found"} == {
        code for code, _, _ in HTTP_TEXTS.values() if code != "not_found"
    }


def test_codes_are_distinct_and_lower_case() -> None:
    codes = [each.code for each in every_error() if each.__module__.startswith("booking.")]
    assert len(codes) == len(set(codes))
    assert all(re.fullmatch(r"[a-z_]+", code) for code in codes)


def test_every_error_has_a_status_of_its_kind() -> None:
    assert set(_ours().values()) == {400, 403, 404, 409, 422, 429, 500, 503}


def _error(code: str, **facts: object) -> BookingError:
    made = BookingError(**facts)
    made.__dict__["code"] = code
    return made


@pytest.mark.parametrize("language", ["vi", "en"])
def test_texts_are_filled_and_one_that_lacks_a_fact_is_never_broken(language: str) -> None:
    assert "62" in sentence(_error("span_refused", most=62), "vi" if language == "vi" else "en")[1]
    for code in TEXTS:
        name, _, reason = code.partition(".")
        error = _error(name, reason=reason) if reason else _error(name)
        for text in sentence(error, "vi" if language == "vi" else "en"):
            assert text
            assert "%(" not in text
            assert not text.endswith((" ", ","))


def test_texts_are_sentences() -> None:
    for texts in [*TEXTS.values(), *((text,) for text in FIELD_TEXTS.values())]:
        for text in texts:
            assert text[0].isupper()
            assert text.endswith(".")
