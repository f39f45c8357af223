"""Numbers of identity papers, ages and what follows from them. Nobody here exists."""

from datetime import date

import pytest

from booking.patients.errors import BhytRefused, CitizenIdRefused, GuardianNeeded, NameRefused, PriorityRefused
from booking.patients.identity import Disagreement, bhyt_mark, citizen_mark, read_bhyt, read_citizen_id
from booking.patients.kinds import PriorityClass, Relation, Sex
from booking.patients.rules import (
    Birth,
    age,
    check_claim,
    class_by_age,
    has_own_say,
    is_minor,
    read_guardian,
    read_ward,
)

TODAY = date(2026, 11, 23)
NUMBER = "077190000001"
"""Bà Rịa - Vũng Tàu, a woman of the twentieth century, born 1990."""


@pytest.mark.parametrize(
    "typed",
    [NUMBER, "077 190 000 001", "077.190.000.001", "077-190000001", "０７７１９００００００１", f" {NUMBER}\u200b",
     "077\u2013190000001"],
)  # fmt: skip
def test_a_citizen_id_in_any_spelling_is_one_number(typed: str) -> None:
    found = read_citizen_id(typed)
    assert (found.number, found.year, found.sex) == (NUMBER, 1990, Sex.FEMALE)


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("273456789", "cmnd"), ("273 456 789", "cmnd"), ("07719000000", "digits"), ("0771900000011", "digits"),
        ("07719000000A", "digits"), ("", "digits"), ("٠٧٧١٩٠٠٠٠٠٠١", "digits"), ("000190000001", "province"),
        ("097190000001", "province"), ("077490000001", "century"), ("077990000001", "century"),
    ],
)  # fmt: skip
def test_an_impossible_citizen_id_is_refused_with_its_reason(typed: str, reason: str) -> None:
    with pytest.raises(CitizenIdRefused) as refused:
        read_citizen_id(typed)
    assert refused.value.facts == {"field": "citizen_id", "reason": reason}


@pytest.mark.parametrize(
    ("birth", "sex", "warned"),
    [
        (Birth(1990), Sex.FEMALE, ()),
        (Birth(1990, date(1990, 5, 17)), None, ()),
        (Birth(1990), Sex.UNDETERMINED, ()),
        (Birth(1991), Sex.FEMALE, (Disagreement.YEAR,)),
        (Birth(1990), Sex.MALE, (Disagreement.SEX,)),
        (Birth(1890), Sex.MALE, (Disagreement.YEAR, Disagreement.SEX)),
    ],
)
def test_what_disagrees_with_the_card_is_told_and_never_refused(
    birth: Birth, sex: Sex | None, warned: tuple[Disagreement, ...]
) -> None:
    assert read_citizen_id(NUMBER).disagreements(birth, sex) == warned


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("GD4797912345678", "GD4797912345678"), ("gd 4 79 7912345678", "GD4797912345678"),
        ("7912345678", "7912345678"), ("79 1234 5678", "7912345678"), (NUMBER, NUMBER),
        ("ＧＤ４７９７９１２３４５６７８", "GD4797912345678"),
    ],
)  # fmt: skip
def test_an_insurance_number_has_three_shapes(typed: str, kept: str) -> None:
    assert read_bhyt(typed) == kept


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("GD6797912345678", "shape"), ("G44797912345678", "shape"), ("GD479791234567", "shape"),
        ("ĐD4797912345678", "shape"),
        ("273456789", "shape"), ("", "shape"), ("097190000001", "province"),
    ],
)  # fmt: skip
def test_an_impossible_insurance_number_is_refused(typed: str, reason: str) -> None:
    with pytest.raises(BhytRefused) as refused:
        read_bhyt(typed)
    assert refused.value.facts == {"field": "bhyt_number", "reason": reason}


def test_one_person_has_one_mark_whatever_is_written_before_her_number() -> None:
    assert bhyt_mark("GD4797912345678") == bhyt_mark("HT3797912345678") == bhyt_mark("7912345678")
    assert bhyt_mark(NUMBER) == citizen_mark(NUMBER)
    assert bhyt_mark("7912345678") != bhyt_mark("7912345679")


@pytest.mark.parametrize(
    ("birth", "years"),
    [
        (Birth(2008, date(2008, 11, 23)), 18), (Birth(2008, date(2008, 11, 24)), 17), (Birth(2008), 17),
        (Birth(2007), 18), (Birth(2026), -1), (Birth(2026, date(2026, 11, 23)), 0),
    ],
)  # fmt: skip
def test_age_is_counted_on_a_local_day_and_a_year_alone_counts_low(birth: Birth, years: int) -> None:
    assert age(birth, TODAY) == years


def test_who_was_born_on_the_29th_of_february_comes_of_age_on_the_1st_of_march() -> None:
    leap = Birth(2008, date(2008, 2, 29))
    assert is_minor(leap, date(2026, 2, 28))
    assert not is_minor(leap, date(2026, 3, 1))


def test_a_child_is_asked_from_seven() -> None:
    assert not has_own_say(Birth(2019, date(2019, 11, 24)), TODAY)
    assert has_own_say(Birth(2019, date(2019, 11, 23)), TODAY)


@pytest.mark.parametrize(
    ("birth", "found"),
    [
        (Birth(2020, date(2020, 11, 24)), PriorityClass.UNDER_6), (Birth(2020, date(2020, 11, 23)), None),
        (Birth(1951, date(1951, 11, 23)), PriorityClass.OVER_75), (Birth(1951, date(1951, 11, 24)), None),
        (Birth(2021), PriorityClass.UNDER_6), (Birth(2020), None), (Birth(1951), None),
        (Birth(1950), PriorityClass.OVER_75),
    ],
)  # fmt: skip
def test_age_makes_two_classes_by_itself_and_a_year_alone_only_where_it_is_certain(
    birth: Birth, found: PriorityClass | None
) -> None:
    assert class_by_age(birth, TODAY) == found


def test_only_what_age_does_not_decide_is_claimed() -> None:
    check_claim(None)
    check_claim(PriorityClass.PREGNANT)
    for by_age in (PriorityClass.UNDER_6, PriorityClass.OVER_75):
        with pytest.raises(PriorityRefused):
            check_claim(by_age)


def test_a_guardian_is_asked_of_a_minor_who_is_nobodys_own_child_here() -> None:
    minor, adult = Birth(2015), Birth(1990)
    assert read_guardian(None, birth=adult, relation=Relation.OTHER, on=TODAY) is None
    assert read_guardian("Trần Thị Mẫu", birth=adult, relation=Relation.OTHER, on=TODAY) is None
    assert read_guardian(" ", birth=minor, relation=Relation.CHILD, on=TODAY) is None
    assert read_guardian(" Trần  Thị Mẫu", birth=minor, relation=Relation.OTHER, on=TODAY) == "Trần Thị Mẫu"
    for relation in (Relation.SELF, Relation.OTHER):
        with pytest.raises(GuardianNeeded):
            read_guardian("", birth=minor, relation=relation, on=TODAY)
    with pytest.raises(NameRefused) as refused:
        read_guardian("0903", birth=minor, relation=Relation.OTHER, on=TODAY)
    assert refused.value.facts["field"] == "guardian_name"


def test_a_ward_is_kept_as_typed_on_one_line() -> None:
    assert read_ward("  Phường   Thắng Nhì\n(cũ) ") == "Phường Thắng Nhì(cũ)"
    assert read_ward("\u0000\u202e ") is None
    assert read_ward(None) is None
    assert len(read_ward("ườ" * 200) or "") == 100
