"""Writing a row as a format has it, and reading it, gives the row back: for each format, whatever its text holds."""

import os
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from booking.text import clean
from scheduler.exports import READERS
from scheduler.exports.feed import folded
from tests.exports import read
from tests.rendering import RENDERERS, WORDS, Visit, feed_of

FULL = bool(os.environ.get("HENKHAM_TESTS_FULL"))
SOME = settings(
    max_examples=300 if FULL else 20, deadline=None, suppress_health_check=[HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)  # fmt: skip
"""Without making failures smaller: a workbook takes its time."""
LISTS_ONLY_INVITATIONS = {"xml130"}

words = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Zl", "Zp"]), min_size=1, max_size=12).map(clean)
texts = st.one_of(words, st.sampled_from(['"', ",", ";", "a\\.b", "=1+1", "x^y|z~&", "<b>&amp;", "Đã đặt", "'", "''"]))
texts = texts.filter(lambda text: bool(text) and len(text) <= 60)
keys = st.text(st.sampled_from("abcXYZ019-./"), min_size=1, max_size=10)
moments = st.integers(0, 30 * 24 * 60).map(
    lambda minutes: datetime(2026, 11, 10, tzinfo=UTC) + timedelta(0, 60 * minutes)
)


@st.composite
def visits_of(draw: st.DrawFn, form: str) -> list[Visit]:
    """Visits of one practitioner; their states of the format's own words where it has such."""
    doctor = "Practitioner/bs01" if form == "fhir" else draw(texts)
    states = st.sampled_from(WORDS[form]) if form in WORDS else texts
    free = keys if form in WORDS else texts
    found = draw(st.lists(st.tuples(free, moments, st.integers(1, 600), states), min_size=1, max_size=6))
    unique = {folded(one[0]): one for one in found}
    return [
        Visit(key, start, start + timedelta(minutes=length), state, doctor)
        for key, start, length, state in unique.values()
    ]


@pytest.mark.parametrize("form", RENDERERS)
@SOME
@given(data=st.data())
def test_what_was_written_is_read_back(form: str, data: st.DataObject) -> None:
    visits = data.draw(visits_of(form))
    releases = data.draw(st.sampled_from([visits[0].state, "no such state"]))
    feed = feed_of(form, visits[0].doctor, releases)
    rows, report = read(feed, RENDERERS[form](visits))
    found = {(row.row_key, row.starts_at, row.ends_at, row.state_text, row.closes) for row in rows}
    wanted = {(_key(form, one), one.start, one.end, one.state, folded(one.state) != folded(releases)) for one in visits}
    assert found == wanted
    assert (report.refused, report.skipped) == ({}, {})
    assert "SECRET" not in f"{rows} {report.as_json()}"


def _key(form: str, visit: Visit) -> str:
    return f"Appointment/{visit.key}" if form == "fhir" else visit.key


def test_every_reader_of_rows_has_its_renderer() -> None:
    assert set(RENDERERS) == set(READERS) - LISTS_ONLY_INVITATIONS
