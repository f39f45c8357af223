"""What a change of the timetable is said to do: nothing where nothing differs, and every difference once."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from booking.availability.effect import Picture, effect_of
from booking.availability.rules import CAPACITY, Calendar, Terms, Weekly, cut_slots, sessions_on

FIRST = date(2026, 11, 30)
START = datetime(2026, 11, 30, 0, 30, tzinfo=UTC)
ZONE = ZoneInfo("Asia/Ho_Chi_Minh")


@st.composite
def _slot(draw: st.DrawFn, number: int) -> Picture:
    days = draw(st.integers(0, 3))
    wanted, taken = draw(st.integers(1, 6)), draw(st.integers(0, 6))
    starts = START + timedelta(days=days, minutes=15 * number)
    over = taken > wanted
    shut = over or draw(st.booleans())
    return Picture(
        number, 1, 1, 1, draw(st.sampled_from([None, 1, 2])), FIRST + timedelta(days=days), starts,
        starts + timedelta(minutes=15), not shut, max(wanted, taken), 0, starts, starts, taken, wanted,
        frozenset({CAPACITY}) if over else frozenset({"timetable"} if shut else ()),
    )  # fmt: skip


@st.composite
def _slots(draw: st.DrawFn) -> dict[int, Picture]:
    return {number: draw(_slot(number)) for number in range(1, draw(st.integers(0, 8)) + 1)}


@given(_slots())
def test_nothing_different_is_no_effect(slots: dict[int, Picture]) -> None:
    effect = effect_of(slots, dict(slots))
    assert effect.nothing
    assert not effect.shut
    assert not effect.grown


@given(_slots(), st.data())
def test_every_slot_that_closes_is_counted_once_and_its_people_are_the_excess(
    slots: dict[int, Picture], data: st.DataObject
) -> None:
    chosen = data.draw(st.sets(st.sampled_from(sorted(slots)) if slots else st.nothing()))
    after = {
        number: replace(slot, open=False, sources=slot.sources | {"timetable"}) if number in chosen else slot
        for number, slot in slots.items()
    }
    effect = effect_of(slots, after)
    closes = {number for number in chosen if slots[number].open}
    assert set(effect.shut) == closes
    assert sum(day.closed for day in effect.days) == len(closes)
    assert sum(slot.excess for slot in effect.shut.values()) == sum(slots[number].taken for number in closes)
    for day in effect.days:
        there = [slot for slot in slots.values() if slot.day == day.day]
        assert day.before == sum(slot.places for slot in there)
        assert day.after == sum(after[slot.id].places for slot in there)
        assert day.after <= day.before


@given(_slots())
def test_somebody_who_books_meanwhile_is_no_effect_of_the_change(slots: dict[int, Picture]) -> None:
    later = {
        number: replace(slot, taken=slot.taken + 1) if slot.open and slot.taken < slot.capacity else slot
        for number, slot in slots.items()
    }
    assert effect_of(slots, later).nothing


_clock = st.integers(6 * 4, 17 * 4).map(lambda quarter: time(quarter // 4, quarter % 4 * 15))


@st.composite
def _terms(draw: st.DrawFn) -> Terms:
    capacity = draw(st.integers(1, 9))
    return Terms(draw(_clock), time(18), draw(st.integers(5, 120)), capacity, draw(st.integers(0, capacity)))


@given(_terms(), _terms() | st.none(), st.integers(0, 13))
def test_a_day_of_its_own_changes_that_day_and_no_other(usual: Terms, own: Terms | None, which: int) -> None:
    weekly = Weekly(1, 1, 0, usual.starts, usual.ends, usual.slot_minutes, FIRST, None, usual.capacity, usual.reserved)
    special = FIRST + timedelta(days=which)
    for day in (FIRST + timedelta(days=number) for number in range(14)):
        plain = sessions_on(day, [weekly], Calendar(), ZONE)
        found = sessions_on(day, [weekly], Calendar(), ZONE, {(1, special): own})
        if day != special or not plain:
            assert found == plain
        elif own is None:
            assert found == []
        else:
            assert [(each.capacity, each.reserved, each.slot_minutes) for each in found] == [
                (own.capacity, own.reserved, own.slot_minutes)
            ]
            assert len(cut_slots(found[0])) == (found[0].ends_at - found[0].starts_at) // timedelta(
                minutes=own.slot_minutes
            )
