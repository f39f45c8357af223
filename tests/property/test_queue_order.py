"""Who is next: a total order, in which nobody starves and coming early passes nobody whose time has come."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from booking.patients.kinds import PriorityClass
from booking.queue.kinds import WhyNext
from booking.queue.rules import Policy, Waiting, order, streak_after

OPENS = datetime(2026, 11, 30, 0, 30, tzinfo=UTC)
POLICY = Policy()
_minutes = st.integers(-60, 240)


def _at(minute: float) -> datetime:
    return OPENS + timedelta(minutes=minute)


@st.composite
def _people(draw: st.DrawFn, *, most: int = 14) -> list[Waiting]:
    made = []
    for number in range(1, draw(st.integers(0, most)) + 1):
        booked = draw(st.none() | st.integers(0, 15).map(lambda step: step * 15))
        made.append(
            Waiting(
                number,
                number,
                _at(draw(_minutes)),
                band_start=None if booked is None else _at(booked),
                band_end=None if booked is None else _at(booked + 15),
                requeued_at=draw(st.none() | st.none() | _minutes.map(_at)),
                priority=draw(st.none() | st.none() | st.sampled_from(PriorityClass)),
            )
        )
    return made


_policies = st.builds(Policy, ratio=st.integers(1, 4), ageing=st.integers(0, 90).map(lambda m: timedelta(minutes=m)))


@given(_people(), _minutes, st.integers(0, 5), _policies, st.randoms())
def test_everybody_has_one_turn_whatever_order_they_are_listed_in(
    people: list[Waiting], now: int, streak: int, policy: Policy, random: st.DataObject
) -> None:
    turns = order(people, now=_at(now), policy=policy, streak=streak)
    assert sorted(turn.id for turn in turns) == sorted(one.id for one in people)
    mixed = list(people)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    assert order(mixed, now=_at(now), policy=policy, streak=streak) == turns


@given(_people(), _minutes, st.integers(0, 5), _policies)
def test_whoever_is_due_comes_before_whoever_is_early(
    people: list[Waiting], now: int, streak: int, policy: Policy
) -> None:
    due = {one.id: one.due <= _at(now) for one in people}
    turns = order(people, now=_at(now), policy=policy, streak=streak)
    places = [due[turn.id] for turn in turns]
    assert places == sorted(places, reverse=True)
    assert [turn.why is WhyNext.EARLY for turn in turns] == [not place for place in places]


@given(_people(), _minutes, st.integers(0, 5), _policies)
def test_within_priority_and_within_the_others_the_due_moment_decides(
    people: list[Waiting], now: int, streak: int, policy: Policy
) -> None:
    by_id = {one.id: one for one in people}
    found = [by_id[turn.id] for turn in order(people, now=_at(now), policy=policy, streak=streak)]
    ready = [one for one in found if one.due <= _at(now)]
    for line in ([one for one in ready if one.priority], [one for one in ready if not one.priority]):
        assert [one.due for one in line] == sorted(one.due for one in line)


@given(_people(), st.integers(0, 15), st.integers(0, 240), st.integers(0, 240), _minutes)
def test_coming_earlier_for_ones_own_time_passes_nobody_who_is_due_before_it(
    others: list[Waiting], step: int, early: int, earlier: int, now: int
) -> None:
    start = _at(step * 15)
    mine = Waiting(99, 99, start - timedelta(minutes=early), band_start=start, band_end=start + timedelta(minutes=15))
    sooner = replace(mine, arrived_at=mine.arrived_at - timedelta(minutes=earlier))

    def before(me: Waiting) -> set[int]:
        turns = [turn.id for turn in order([*others, me], now=_at(now), policy=POLICY, streak=0)]
        return set(turns[: turns.index(99)])

    passed = before(mine) - before(sooner)
    equal = {one.id for one in others if one.due == start}
    assert passed & equal or not passed  # among those of the same time arrival decides, and only there
    # Whoever goes one place up among the ordinary may meet those of priority who are called in between, nobody else.
    assert all(one.priority is not None for one in others if one.id in passed - equal)


@given(_people(most=8), st.integers(1, 4), st.integers(0, 6))
def test_nobody_starves_however_many_of_priority_keep_coming(others: list[Waiting], ratio: int, streak: int) -> None:
    """One of the others waits while a new one of priority comes before every call: her turn comes all the same."""
    now = _at(300)
    policy = Policy(ratio=ratio, ageing=timedelta(days=1))  # ageing alone would save her: it is not let
    mine = Waiting(99, 99, _at(241))
    waiting = {one.id: one for one in [*others, mine]}
    for call in range((len(waiting) + 1) * (ratio + 1)):
        fresh = Waiting(1000 + call, 1000 + call, _at(-60), priority=PriorityClass.UNDER_6)
        waiting[fresh.id] = fresh
        turn = order(waiting.values(), now=now, policy=policy, streak=streak)[0]
        called = waiting.pop(turn.id)
        streak = streak_after(streak, called)
        if called.id == mine.id:
            return
    raise AssertionError("never called")


@given(_people(), st.integers(0, 6), _policies)
def test_priority_never_passes_one_who_has_waited_longer_than_it_by_the_ageing(
    people: list[Waiting], streak: int, policy: Policy
) -> None:
    now = _at(300)
    by_id = {one.id: one for one in people}
    found = [by_id[turn.id] for turn in order(people, now=now, policy=policy, streak=streak)]
    for index, first in enumerate(found):
        for later in found[index + 1 :]:
            if first.priority and not later.priority:
                assert later.due + policy.ageing > first.due


@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 4), st.integers(0, 3))
def test_the_ratio_is_kept_while_both_wait(first: int, others: int, ratio: int, streak: int) -> None:
    people = [Waiting(n, n, _at(0), priority=PriorityClass.MERITORIOUS) for n in range(first)]
    people += [Waiting(100 + n, 100 + n, _at(0)) for n in range(others)]
    run = streak
    for turn in order(people, now=_at(0), policy=Policy(ratio=ratio), streak=streak):
        if turn.id < 100:
            run += 1
            first -= 1
        else:
            assert first == 0 or run >= ratio
            run, others = 0, others - 1
        assert others == 0 or run <= max(ratio, streak)


def test_the_sentence_says_the_true_reason() -> None:
    people = [
        Waiting(1, 1, _at(-5), band_start=_at(0), band_end=_at(15)),
        Waiting(2, 2, _at(3)),
        Waiting(3, 3, _at(40), band_start=_at(0), band_end=_at(15)),
        Waiting(4, 4, _at(2), requeued_at=_at(41)),
        Waiting(5, 5, _at(4), band_start=_at(90), band_end=_at(105)),
        Waiting(6, 6, _at(42), priority=PriorityClass.OVER_75),
    ]
    turns = order(people, now=_at(45), policy=Policy(ageing=timedelta(minutes=40)), streak=0)
    assert [(turn.id, turn.why) for turn in turns] == [
        (1, WhyNext.WAITED_LONG), (6, WhyNext.PRIORITY), (2, WhyNext.ARRIVED), (3, WhyNext.ARRIVED),
        (4, WhyNext.PUT_BACK), (5, WhyNext.EARLY),
    ]  # fmt: skip
    assert turns[0].facts == {"minutes": 40}
    streak = order(people[1:], now=_at(43), policy=POLICY, streak=2)
    assert (streak[0].why, streak[0].facts) == (WhyNext.IN_BETWEEN, {"ratio": 2})
