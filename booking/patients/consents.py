"""Agreement, purpose by purpose: which wording was shown, what was answered, what holds.

A wording is a text with a version. Whoever changes a text raises its version: an answer names the version it was given
to, and the older texts are found in the history of this file. Where the new text says more than the old one (`since`),
an older yes holds for what was said then, and no further: whoever needs what is new asks for the version, and the
account's pages ask again. Where it says the same in better words, nobody is asked twice.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking.actor import Actor
from booking.clock import local_day
from booking.i18n import Language, translate
from booking.i18n import marked as _
from booking.patients.errors import LooksAfterHerself, ProfileUnknown
from booking.patients.kinds import Consenter, ConsentPurpose
from booking.patients.matching import looks_after_herself
from booking.patients.models import Consent, Patient
from booking.patients.rules import Birth, has_own_say, is_minor
from booking.trail.service import record


@dataclass(frozen=True, slots=True)
class Wording:
    """What is asked. `refused` says what follows where the answer is no.

    `since` is the first version that said as much: a yes to an older one is a yes to less.
    """

    version: int
    text: str
    refused: str
    since: int = 1


SLIPS_TEXTED_SINCE: Final = 3
"""The wording about slips that first spoke of texts. It stays, whatever later ones say more: a yes to it holds for what
it said."""

WORDINGS: Final[Mapping[ConsentPurpose, Wording]] = {
    ConsentPurpose.BOOKING: Wording(
        2,
        _("I agree that what I enter about the patient goes to the facility I choose, so that it can receive them."),
        _("Without this a visit cannot be booked here. Telephone the facility or ask at its desk: they book it too."),
    ),
    ConsentPurpose.SMS: Wording(
        1,
        _("I agree to text messages about the visits. They go through a carrier, part of the way abroad."),
        _("Without this no message is sent. Booking works all the same: keep the appointment slip."),
    ),
    ConsentPurpose.INVITATION: Wording(
        3,
        _("I agree that re-examination slips of a hospital are matched with this person, shown here and texted."),
        _("Without this no invitation to a re-examination appears here. Paper slips are valid all the same."),
        since=SLIPS_TEXTED_SINCE,
    ),
}

_WHO: Final[Mapping[Consenter, str]] = {
    Consenter.PERSON: "",
    Consenter.GUARDIAN: _("The patient is under 7: agree as the guardian."),
    Consenter.BOTH: _("The patient is under 18: agree together, the guardian and the child, after explaining it."),
}
_ANYBODY: Final = _(
    "For a child under 7 the guardian agrees. From 7 to 17, explain it to the child: guardian and child agree together."
)


@dataclass(frozen=True, slots=True)
class Answer:
    """The newest answer to a purpose. `stands` is false where a guardian gave it and the child is of age now.

    `wording` is the version of the text it was given to, `language` the one that text was shown in. `older`: it is
    a yes to a text that has come to say more since.
    """

    granted: bool
    consenter: Consenter | None
    stands: bool
    wording: int
    language: str
    older: bool = False


def consenter(birth: Birth, today: date) -> Consenter:
    """Who agrees for a person of this birth."""
    if not is_minor(birth, today):
        return Consenter.PERSON
    return Consenter.BOTH if has_own_say(birth, today) else Consenter.GUARDIAN


def said_to(who: Consenter | None, language: Language) -> str:
    """What is said above the questions: to whoever answers for a minor; empty for an adult.

    `who` is None where the form asks before it knows how old the patient is: then who agrees for whom.
    """
    text = _ANYBODY if who is None else _WHO[who]
    return translate(language, text) if text else ""


async def give(
    session: AsyncSession,
    patient_id: int,
    answers: Mapping[ConsentPurpose, bool],
    *,
    account_id: int | None,
    language: str,
    channel: str,
    by: Actor,
    now: datetime,
) -> list[ConsentPurpose]:
    """Write down answers; which purposes were answered otherwise or by others than before, or for the first time.

    Append-only: a row is never changed. The same answer to the same wording again writes nothing. `patient.no_sms`
    follows the answer to SMS. Who was asked (`consenter`) follows from her age today, as on the page that asked. Texts
    that wait already are the caller's to withhold: `records.service.withdraw` does.

    Args:
        session: the caller's transaction.
        patient_id: for whom.
        answers: only what was asked; a purpose that is left out keeps its answer.
        account_id: the account that answered; None where none did, as at a desk.
        language: the one the wording was shown in.
        channel: where, such as mobile or desk.
        by: who answered.
        now: the moment of the request.

    Raises:
        ProfileUnknown: there is no such patient.
        LooksAfterHerself: she has an account of her own, and this one answers for nobody else.
    """
    patient = await session.get(Patient, patient_id, with_for_update={"key_share": True})
    if patient is None:
        raise ProfileUnknown
    if account_id is not None and await looks_after_herself(session, patient, account_id):
        raise LooksAfterHerself
    held, who = await _newest(session, patient_id), consenter(_birth(patient), local_day(now))
    changed = []
    for purpose, granted in answers.items():
        wording, last = WORDINGS[purpose].version, held.get(purpose)
        if last is not None and (last.granted, last.wording, last.consenter) == (granted, wording, who):
            continue
        if last is None or (last.granted, last.consenter) != (granted, who):
            changed.append(purpose)
        session.add(
            Consent(
                patient_id=patient_id, account_id=account_id, purpose=purpose, granted=granted, consenter=who,
                wording=wording, language=language, channel=channel, at=now,
            )
        )  # fmt: skip
    if ConsentPurpose.SMS in answers:
        patient.no_sms = not answers[ConsentPurpose.SMS]
    if changed:
        told = {purpose.value: answers[purpose] for purpose in changed}
        record(session, "consent.give", "patient", patient.public_id, by=by, now=now, answers=told, who=who.value)
    await session.flush()
    return changed


async def not_taken_back(
    session: AsyncSession, patient_id: int, answers: Mapping[ConsentPurpose, bool], *, today: date
) -> dict[ConsentPurpose, bool]:
    """The answers of a form for somebody new, where she is known already.

    Its boxes are empty at first, so one left empty takes nothing back: only a yes counts, or what was never answered.
    """
    held = await standing(session, patient_id, today=today)
    return {purpose: granted for purpose, granted in answers.items() if granted or purpose not in held}


async def standing(session: AsyncSession, patient_id: int, *, today: date) -> dict[ConsentPurpose, bool]:
    """The newest answer to each purpose that was ever asked; one given for a child ends when she comes of age."""
    found = await answered(session, patient_id, today=today)
    return {purpose: answer.granted for purpose, answer in found.items() if answer.stands}


async def answered(session: AsyncSession, patient_id: int, *, today: date) -> dict[ConsentPurpose, Answer]:
    """The newest answer to each purpose that was ever asked, by whom, and whether it still stands."""
    held = await _newest(session, patient_id)
    if not held:
        return {}
    minor = is_minor(_birth(await session.get_one(Patient, patient_id)), today)
    return {purpose: _answer(row, minor=minor) for purpose, row in held.items()}


def _answer(row: Consent, *, minor: bool) -> Answer:
    stands = minor or row.consenter in (None, Consenter.PERSON)
    return Answer(row.granted, row.consenter, stands, row.wording, row.language, _is_older(row))


async def agreed_to_less(session: AsyncSession, patients: Collection[int]) -> set[int]:
    """Those of some patients whose yes to any purpose is one to a text that has come to say more since."""
    query = select(Consent).where(col(Consent.patient_id).in_(patients)).order_by(col(Consent.id))
    newest = {(row.patient_id, row.purpose): row for row in (await session.execute(query)).scalars()}
    return {patient for (patient, _), row in newest.items() if _is_older(row)}


def _is_older(row: Consent) -> bool:
    return row.granted and row.wording < WORDINGS[row.purpose].since


def _birth(patient: Patient) -> Birth:
    return Birth(patient.birth_year, patient.birth_date)


async def _newest(session: AsyncSession, patient_id: int) -> dict[ConsentPurpose, Consent]:
    query = select(Consent).where(col(Consent.patient_id) == patient_id).order_by(col(Consent.id))
    return {row.purpose: row for row in (await session.execute(query)).scalars()}  # the last of each stays
