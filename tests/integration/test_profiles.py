"""People under a number: who is one person, who is another, and what only staff may see."""

import asyncio
import unicodedata
from datetime import date, timedelta
from uuid import UUID

import httpx
import pytest
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking.clock import utc_now
from booking.db import Database
from booking.patients import consents, matching, queries, service
from booking.patients.commands import CorrectProfile
from booking.patients.errors import (
    LooksAfterHerself,
    OwnNumberNeeded,
    PersonClash,
    ProfileUnknown,
    TooManyPeople,
)
from booking.patients.kinds import Consenter, ConsentPurpose, Relation
from booking.patients.models import Account, Patient, Profile
from booking.patients.persons import Person
from booking.patients.queries import ProfileView
from booking.patients.rules import Birth, read_phone
from tests import people, seeds
from tests.households import TODAY, account, actor, add

pytestmark = pytest.mark.anyio

CARD = "077190000001"


async def _correct(db: Database, home: int, who: UUID, *, booked: bool = False, **values: object) -> ProfileView:
    command = CorrectProfile.model_validate(values)
    async with db.transaction() as session:
        return await service.correct_profile(
            session, home, who, command, booked=booked, by=actor(home), now=utc_now()
        )  # fmt: skip


async def _remove(db: Database, home: int, who: UUID) -> None:
    async with db.transaction() as session:
        await service.remove_profile(session, home, who, by=actor(home), now=utc_now())


async def _agree(db: Database, home: int, who: UUID, number: str) -> ProfileView:
    async with db.transaction() as session:
        return await service.agree(
            session, home, who, read_phone(number), silent_after=timedelta(days=180), by=actor(home), now=utc_now()
        )


async def _say(db: Database, home: int, who: UUID) -> bool:
    async with db.transaction() as session:
        return (await queries.profile(session, home, who, today=TODAY)).own_say


async def test_no_other_word_for_a_child_takes_away_her_say(db: Database) -> None:
    """Corrected to “other”, added again as “other”, taken off and added again: it is the same grown-up child."""
    home = await account(db, people.phone(1))
    grown = date(2000, 1, 1)
    child = await add(db, home, people.name(1), relation=Relation.CHILD, birth_date=grown)
    other = await add(db, home, people.name(2), relation=Relation.OTHER, birth_date=grown)
    assert child.own_say
    assert not other.own_say  # the control: a grown-up who was never a child of this account
    for relation in (Relation.OTHER, Relation.PARENT, Relation.SELF):
        await _correct(db, home, child.id, name=people.name(1), birth_date=grown, relation=relation)
        assert await _say(db, home, child.id)
    assert (await add(db, home, people.name(1), relation=Relation.OTHER, birth_date=grown)).own_say
    await _remove(db, home, child.id)
    again = await add(db, home, people.name(1), relation=Relation.OTHER, birth_date=grown)
    assert again.id != child.id
    assert again.own_say
    assert not (await _agree(db, home, again.id, people.phone(2))).own_say


async def test_who_was_a_minor_has_her_say_whatever_she_was_called(db: Database) -> None:
    home, own = await account(db, people.phone(1)), await account(db, people.phone(2))
    young = TODAY.replace(year=TODAY.year - 17, day=1)
    niece = await add(db, home, people.name(1), relation=Relation.OTHER, birth_date=young, guardian_name="Bà Mẫu")
    pupil = await add(db, own, people.name(2), relation=Relation.SELF, birth_date=young, guardian_name="Bà Mẫu")
    assert not niece.own_say
    later = TODAY.replace(year=TODAY.year + 2, day=1)
    async with db.transaction() as session:
        assert (await queries.profile(session, home, niece.id, today=later)).own_say
        assert not (await queries.profile(session, own, pupil.id, today=later)).own_say
    listed = select(Profile.id).join(Patient, col(Patient.id) == col(Profile.patient_id))
    async with db.transaction() as session:
        assert len((await session.execute(listed.where(queries.own_say(later)))).all()) == 1


async def _names(db: Database, home: int) -> list[str]:
    async with db.transaction() as session:
        return [view.name for view in await queries.profiles(session, home, today=TODAY)]


async def test_a_family_under_one_number_is_listed_herself_first_then_by_given_name(db: Database) -> None:
    home = await account(db, people.phone(1))
    await add(db, home, "Trần Văn Ước Mẫu", relation=Relation.CHILD, year=TODAY.year - 4)
    await add(db, home, "Trần Văn An Mẫu", relation=Relation.PARENT)
    await add(db, home, "Trần Thị Zét Mẫu")
    assert await _names(db, home) == ["Trần Thị Zét Mẫu", "Trần Văn An Mẫu", "Trần Văn Ước Mẫu"]


async def test_the_same_person_again_is_the_same_profile_however_her_name_arrives(db: Database) -> None:
    home = await account(db, people.phone(1))
    first = await add(db, home, "Nguyễn Thị Đào Mẫu", year=1958)
    for again in (
        "nguyen thi dao mau",
        unicodedata.normalize("NFD", "Nguyễn Thị Đào Mẫu"),
        "NGUYỄN  THỊ\u200b ĐÀO MẪU",
    ):
        assert (await add(db, home, again, year=1958)).id == first.id
    other = await add(db, home, "Nguyễn Thị Đào Mẫu", year=1959)
    assert other.patient_id != first.patient_id
    assert await seeds.value(db, "SELECT count(*) FROM patient") == 2


async def test_two_taps_at_once_add_one_person(db: Database) -> None:
    home = await account(db, people.phone(1))
    views = await asyncio.gather(*(add(db, home, people.name(1)) for _ in range(6)))
    assert len({view.id for view in views}) == 1
    assert await seeds.value(db, "SELECT count(*) FROM profile") == 1


async def test_control_without_the_lock_of_the_account_taps_collide(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = await account(db, people.phone(1))
    both, known = asyncio.Barrier(2), matching.known

    async def unlocked(session: AsyncSession, account_id: int) -> Account:
        found = await session.get(Account, account_id)
        assert found is not None
        return found

    async def together(session: AsyncSession, account_id: int, person: Person) -> tuple[Profile, Patient] | None:
        found = await known(session, account_id, person)
        await both.wait()
        return found

    monkeypatch.setattr(matching, "locked_account", unlocked)
    monkeypatch.setattr(matching, "known", together)
    results = await asyncio.gather(*(add(db, home, people.name(1)) for _ in range(2)), return_exceptions=True)
    assert sum(isinstance(result, IntegrityError) for result in results) == 1


async def test_whoever_was_booked_under_this_number_before_is_the_same_patient(
    db: Database, client: httpx.AsyncClient
) -> None:
    world = await seeds.seed(db)
    body = world.booking(world.slots[0], people.patient(1, name="nguyen thi mau", birth_year=1958))
    booked = await client.post("/api/v1/appointments", json=body, headers={"Idempotency-Key": "profiles-1"})
    assert booked.status_code == 201, booked.text
    home, other = await account(db, people.phone(1)), await account(db, people.phone(2))
    mine = await add(db, home, "Nguyễn Thị Mẫu", year=1958)
    theirs = await add(db, other, "Nguyễn Thị Mẫu", year=1958)
    assert mine.patient_id == await seeds.value(db, "SELECT patient_id FROM appointment")
    assert mine.name == "Nguyễn Thị Mẫu"
    assert theirs.patient_id != mine.patient_id


async def test_the_next_holder_of_a_number_gets_nothing_of_the_former_family(db: Database) -> None:
    before = await account(db, people.phone(1))
    hers = await add(db, before, people.name(1), citizen_id=CARD)
    await seeds.run(db, "UPDATE account SET ended_at = now()")
    after = await account(db, people.phone(1))
    taken = await add(db, after, people.name(1))
    again = await add(db, after, people.name(1))
    assert taken.patient_id != hers.patient_id
    assert not taken.has_citizen_id
    assert again.id == taken.id


async def test_the_same_card_under_another_number_links_nothing_and_tells_nothing(db: Database) -> None:
    """Only staff learn of it, and only when a third account carries the card."""
    views = []
    for number in (1, 2, 3):
        home = await account(db, people.phone(number))
        views.append(await add(db, home, people.name(1), citizen_id=CARD))
        flagged = await seeds.value(db, "SELECT count(*) FROM patient_flag WHERE kind = 'changed_hands'")
        assert flagged == (1 if number == 3 else 0)
    assert len({view.patient_id for view in views}) == 3
    facts = await seeds.value(db, "SELECT facts FROM patient_flag")
    assert facts == {"accounts": 3}


async def test_what_is_typed_is_sealed_and_found_by_its_index_only(db: Database) -> None:
    home = await account(db, people.phone(1))
    await add(db, home, people.name(1), citizen_id="077 190 000 001", bhyt_number="gd4797912345678", ward=" Phường 5 ")
    row = (await seeds.rows(db, "SELECT * FROM patient"))[0]
    assert CARD.encode() not in bytes(row["citizen_id"])
    assert row["citizen_id_index"] is not None
    assert row["bhyt_index"] is not None
    assert row["ward"] == "Phường 5"


async def test_a_corrected_name_is_found_sorted_and_matched_as_the_new_one(db: Database) -> None:
    home = await account(db, people.phone(1))
    hers = await add(db, home, "Nguyễn Thị Sai Mẫu", year=1958, ward="Phường 5")
    view = await _correct(db, home, hers.id, name="Nguyễn Thị Đúng Mẫu", birth_year=1959, relation="parent")
    row = (await seeds.rows(db, "SELECT name_folded, name_sort, ward FROM patient"))[0]
    assert (view.name, view.relation, view.ward) == ("Nguyễn Thị Đúng Mẫu", Relation.PARENT, None)
    assert row["name_folded"] == "nguyen thi dung mau"
    assert (await add(db, home, "Nguyễn Thị Đúng Mẫu", year=1959)).id == hers.id
    assert (await add(db, home, "Nguyễn Thị Sai Mẫu", year=1958)).patient_id != hers.patient_id
    changed = await seeds.value(db, "SELECT facts FROM audit_event WHERE action = 'profile.correct'")
    assert changed == {"changed": ["birth_year", "name", "relation", "ward"]}


async def test_a_correction_that_makes_her_somebody_else_of_the_family_is_refused(db: Database) -> None:
    home = await account(db, people.phone(1))
    await add(db, home, people.name(1))
    second = await add(db, home, people.name(2))
    with pytest.raises(PersonClash):
        await _correct(db, home, second.id, name=people.name(1), birth_year=1980)
    assert sorted(await _names(db, home)) == sorted([people.name(1), people.name(2)])


@pytest.mark.parametrize(
    ("booked", "values", "flags"),
    [
        (True, {"name": people.name(5), "birth_year": 1999}, 1),
        (False, {"name": people.name(5), "birth_year": 1999}, 0),
        (True, {"name": people.name(5), "birth_year": 1980}, 0),
        (True, {"name": people.name(1).upper(), "birth_year": 1999}, 0),
    ],
)
async def test_another_name_and_birth_on_a_profile_with_a_visit_is_shown_to_staff(
    db: Database, *, booked: bool, values: dict[str, object], flags: int
) -> None:
    home = await account(db, people.phone(1))
    hers = await add(db, home, people.name(1), year=1980)
    await _correct(db, home, hers.id, booked=booked, **values)
    assert await seeds.value(db, "SELECT count(*) FROM patient_flag WHERE kind = 'renamed'") == flags


async def test_a_child_who_came_of_age_agrees_with_her_own_number(db: Database) -> None:
    home = await account(db, people.phone(1))
    grown = TODAY.replace(year=TODAY.year - 18, day=1)
    child = await add(db, home, people.name(1), relation=Relation.CHILD, birth_date=grown - timedelta(days=40))
    young = await add(db, home, people.name(2), relation=Relation.CHILD, birth_date=grown + timedelta(days=40))
    parent = await add(db, home, people.name(3), relation=Relation.PARENT, year=1950)
    assert (child.own_say, young.own_say, parent.own_say) == (True, False, False)
    assert (child.minor, young.minor) == (False, True)
    with pytest.raises(OwnNumberNeeded):
        await _agree(db, home, child.id, people.phone(1))
    agreed = await _agree(db, home, child.id, people.phone(2))
    assert not agreed.own_say
    hers = await seeds.value(
        db, "SELECT account_id FROM profile WHERE relation = 'self' AND patient_id = :id", id=child.patient_id
    )
    assert await _names(db, hers) == [people.name(1)]
    with pytest.raises(LooksAfterHerself):
        await _correct(db, home, child.id, name="Khác Hẳn Mẫu", birth_date=grown - timedelta(days=40), relation="child")
    mine = await _correct(
        db, hers, await seeds.value(db, "SELECT public_id FROM profile WHERE account_id = :id", id=hers),
        name="Tên Mới Mẫu", birth_date=grown - timedelta(days=40),
    )  # fmt: skip
    assert mine.name == "Tên Mới Mẫu"


async def test_a_profile_of_another_account_does_not_exist(db: Database) -> None:
    home, other = await account(db, people.phone(1)), await account(db, people.phone(2))
    hers = await add(db, home, people.name(1))
    async with db.transaction() as session:
        with pytest.raises(ProfileUnknown):
            await queries.profile(session, other, hers.id, today=TODAY)
    for change in (
        _correct(db, other, hers.id, name=people.name(9), birth_year=1980),
        _remove(db, other, hers.id),
        _agree(db, other, hers.id, people.phone(3)),
    ):
        with pytest.raises(ProfileUnknown):
            await change
    assert await _names(db, home) == [people.name(1)]


async def test_who_was_removed_is_gone_from_the_list_and_can_come_back(db: Database) -> None:
    home = await account(db, people.phone(1))
    hers = await add(db, home, people.name(1))
    await _remove(db, home, hers.id)
    assert await _names(db, home) == []
    back = await add(db, home, people.name(1))
    assert (back.patient_id, back.id != hers.id) == (hers.patient_id, True)


async def test_a_number_looks_after_a_family_and_not_a_village(db: Database) -> None:
    home = await account(db, people.phone(1))
    for number in range(service.MOST_PEOPLE):
        last = await add(db, home, people.name(number))
    with pytest.raises(TooManyPeople):
        await add(db, home, people.name(99))
    await _remove(db, home, last.id)
    with pytest.raises(TooManyPeople):  # nor by taking turns
        await add(db, home, people.name(99))
    assert (await add(db, home, people.name(3))).name == people.name(3)


async def test_answers_of_consent_are_appended_and_the_newest_holds(db: Database) -> None:
    home = await account(db, people.phone(1))
    hers = await add(db, home, people.name(1))
    asked = dict.fromkeys((ConsentPurpose.BOOKING, ConsentPurpose.SMS), True)
    for answers in (asked, asked, {ConsentPurpose.SMS: False}):
        async with db.transaction() as session:
            await consents.give(
                session, hers.patient_id, answers, account_id=home, language="vi", channel="mobile",
                by=actor(home), now=utc_now(),
            )  # fmt: skip
    async with db.transaction() as session:
        assert await consents.standing(session, hers.patient_id, today=TODAY) == {
            ConsentPurpose.BOOKING: True, ConsentPurpose.SMS: False,
        }  # fmt: skip
        view = await queries.profile(session, home, hers.id, today=TODAY)
    assert (view.consented, view.sms) == (True, False)
    kept = await seeds.rows(db, "SELECT purpose::text, granted, wording, language, channel FROM consent ORDER BY id")
    assert [(row["purpose"], row["granted"]) for row in kept] == [("booking", True), ("sms", True), ("sms", False)]
    shown = {purpose.value: wording.version for purpose, wording in consents.WORDINGS.items()}
    assert all(row["wording"] == shown[row["purpose"]] for row in kept)
    assert {(row["language"], row["channel"]) for row in kept} == {("vi", "mobile")}


def test_who_agrees_for_whom() -> None:
    today = date(2026, 11, 23)
    who = [consents.consenter(birth, today) for birth in (Birth(1990), Birth(2015), Birth(2022))]
    assert who == [Consenter.PERSON, Consenter.BOTH, Consenter.GUARDIAN]
    said = [consents.said_to(one, "vi") for one in (*who, None)]
    assert said[0] == ""
    assert len(set(said)) == len(said)


async def _yes(db: Database, home: int, who: ProfileView) -> None:
    answers = dict.fromkeys(ConsentPurpose, True)
    async with db.transaction() as session:
        await consents.give(
            session, who.patient_id, answers, account_id=home, language="vi", channel="mobile", by=actor(home),
            now=utc_now(),
        )  # fmt: skip


async def test_an_answer_says_who_agreed_and_one_given_for_a_child_ends_on_her_birthday(db: Database) -> None:
    home = await account(db, people.phone(1))
    births = {"guardian": TODAY.replace(year=TODAY.year - 5), "guardian_and_child": TODAY.replace(year=TODAY.year - 12)}
    births["person"] = TODAY.replace(year=TODAY.year - 30)
    made = {}
    for number, (who, birth) in enumerate(births.items()):
        made[who] = await add(db, home, people.name(number), relation=Relation.CHILD, birth_date=birth)
        await _yes(db, home, made[who])
        await _yes(db, home, made[who])  # the same answer again is no new one
    kept = await seeds.rows(db, "SELECT patient_id, consenter::text, count(*) AS many FROM consent GROUP BY 1, 2")
    found = {row["patient_id"]: (row["consenter"], row["many"]) for row in kept}
    assert found == {one.patient_id: (who, len(ConsentPurpose)) for who, one in made.items()}
    for years, standing in ((0, [True, True, True]), (7, [True, False, True]), (13, [False, False, True])):
        day = TODAY.replace(year=TODAY.year + years)
        async with db.transaction() as session:
            views = [await queries.profile(session, home, one.id, today=day) for one in made.values()]
            answers = [await consents.standing(session, one.patient_id, today=day) for one in made.values()]
        assert [one.consented for one in views] == standing
        assert [bool(one) for one in answers] == standing, "the statement and the page say the same"


async def test_an_answer_from_before_it_was_written_who_agreed_stands(db: Database) -> None:
    home = await account(db, people.phone(1))
    child = await add(db, home, people.name(1), relation=Relation.CHILD, birth_date=TODAY.replace(year=TODAY.year - 12))
    await _yes(db, home, child)
    later = TODAY.replace(year=TODAY.year + 7)
    for consenter, stands in (("guardian_and_child", False), (None, True)):
        await seeds.run(db, "UPDATE consent SET consenter = CAST(:who AS consenter)", who=consenter)
        async with db.transaction() as session:
            assert (await queries.profile(session, home, child.id, today=later)).consented is stands
            assert bool(await consents.standing(session, child.patient_id, today=later)) is stands
