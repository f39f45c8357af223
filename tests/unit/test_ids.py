"""Ids that are shown outside: what RFC 9562 says of version 7, none twice, and those of one time lie together."""

from datetime import UTC, datetime, timedelta
from uuid import RFC_4122

import pytest

from booking import clock, ids


def test_an_id_is_a_uuid_of_version_7_with_the_millisecond_in_front(monkeypatch: pytest.MonkeyPatch) -> None:
    moment = datetime(2026, 11, 24, 3, 0, 0, 123_999, tzinfo=UTC)
    monkeypatch.setattr(clock, "utc_now", lambda: moment)
    made = ids.public_id()
    assert (made.version, made.variant) == (7, RFC_4122)
    assert made.int >> 80 == int(moment.timestamp()) * 1000 + 123


def test_within_one_millisecond_ids_differ_in_every_random_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "utc_now", lambda: datetime(2026, 11, 24, tzinfo=UTC))
    made = [ids.public_id().int for _ in range(2000)]
    assert len(set(made)) == len(made)
    ever_set = ever_clear = 0
    for one in made:
        ever_set, ever_clear = ever_set | one, ever_clear | ~one
    changing = ever_set & ever_clear & (1 << 128) - 1
    assert changing == (1 << 76) - (1 << 64) | (1 << 62) - 1


def test_ids_sort_by_when_they_were_made(monkeypatch: pytest.MonkeyPatch) -> None:
    start, made = datetime(2026, 11, 24, tzinfo=UTC), []
    for later in range(50):
        monkeypatch.setattr(clock, "utc_now", lambda now=start + timedelta(milliseconds=later): now)
        made.append(ids.public_id())
    assert sorted(made) == made
