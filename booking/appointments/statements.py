"""Booking as one statement: all of it happens or nothing does, and the answer follows the commit.

    place = UPDATE slot … RETURNING  (or the row of a live hold, locked)
      → patient known or made → appointment → message → audit → idempotency record RETURNING the answer

All writes hang on `place`, so a refusal writes nothing. What is refused by a constraint is named by it.
"""

from typing import Any, Literal

from sqlalchemy import (
    CTE,
    ColumnElement,
    Date,
    Integer,
    LargeBinary,
    Text,
    Uuid,
    case,
    cast,
    func,
    insert,
    literal_column,
    null,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import insert as upsert

from booking.actor import ActorKind
from booking.appointments.caps import device_has_room, not_only_given_up, phone_has_room, phone_may
from booking.appointments.kinds import Channel
from booking.appointments.rules import HOLDS_PER_DEVICE
from booking.appointments.tables import (
    BOOKED,
    HELD,
    appointment,
    audit_event,
    given,
    idempotency_record,
    message,
    minutes,
    patient,
    rate_counter,
)
from booking.availability.statements import NOW, facility, local_iso, service, slot, take_place, taking
from booking.columns import Choice, Moment
from booking.hot import Statement, json_object
from booking.messages.kinds import MessageState
from booking.patients.kinds import Relation


def facts_of_place() -> list[ColumnElement[Any]]:
    """What the rest of the statement needs to know of facility and service."""
    return [
        facility.c.code.label("facility_code"),
        facility.c.name.label("facility_name"),
        facility.c.name_en.label("facility_name_en"),
        facility.c.sms_name,
        service.c.code.label("service_code"),
        service.c.name.label("service_name"),
        service.c.name_en.label("service_name_en"),
        service.c.cancel_minutes,
    ]


def view_json(visit: Any, about: Any, name: ColumnElement[Any] | None) -> ColumnElement[Any]:
    """An appointment as its holder sees it, as JSON; without the token, which is never stored.

    Args:
        visit: columns of the appointment.
        about: columns of `facts_of_place`.
        name: the patient's name; None for a hold, and where the answer is to be kept.
    """
    facility_part = {"code": about.facility_code, "name": about.facility_name, "name_en": about.facility_name_en}
    service_part = {"code": about.service_code, "name": about.service_name, "name_en": about.service_name_en}
    return json_object(
        code=visit.code,
        state=visit.state,
        version=visit.version,
        facility=facility_part,
        service=service_part,
        slot={"id": visit.slot_id, "start": local_iso(visit.starts_at), "end": local_iso(visit.ends_at)},
        place=visit.place,
        patient=literal_column("NULL") if name is None else case((name.is_not(None), json_object(name=name))),
        change_until=local_iso(visit.starts_at - minutes(about.cancel_minutes)),
        expires_at=local_iso(visit.expires_at),
    )


def _taken_place(*also: ColumnElement[bool]) -> CTE:
    return (
        take_place()
        .where(facility.c.code == given("facility"), service.c.code == given("service"), *also)
        .returning(
            slot.c.id.label("slot_id"),
            slot.c.last_place.label("place"),
            slot.c.starts_at,
            slot.c.ends_at,
            slot.c.facility_id,
            slot.c.service_id,
            *facts_of_place(),
        )
        .cte("place")
    )


def _held_place(*also: ColumnElement[bool]) -> CTE:
    """The live hold of a public id, locked; its expiry is judged by the database's clock.

    A slot that was closed since, or a facility that was paused, promises nothing more. Both are read on the
    statement's snapshot: a closing that commits this very moment finds the visit among its conflicts.
    """
    return (
        select(appointment.c.id.label("appointment_id"), appointment.c.facility_id, *facts_of_place())
        .where(
            appointment.c.public_id == given("public_id", Uuid),
            appointment.c.state == HELD,
            ~appointment.c.offered,  # taken on the page of the offer: waitlist/
            appointment.c.expires_at > func.clock_timestamp(),
            *also,
            facility.c.id == appointment.c.facility_id,
            service.c.id == appointment.c.service_id,
            slot.c.id == appointment.c.slot_id,
            slot.c.open,
            taking(),
        )
        .with_for_update(of=appointment)
        .cte("place")
    )


def _known_patient(place: CTE) -> CTE:
    columns: dict[str, ColumnElement[Any]] = {
        "public_id": given("patient_public_id", Uuid),
        "match_key": given("match_key", LargeBinary),
        "name": given("name"),
        "name_folded": given("name_folded"),
        "name_sort": given("name_sort"),
        "birth_date": given("birth_date", Date),
        "birth_year": given("birth_year", Integer),
        "phone": given("phone", LargeBinary),
        "phone_index": given("phone_index", LargeBinary),
        "phone_last4_index": given("phone_last4_index", LargeBinary),
        "created_at": NOW,
    }
    made = upsert(patient).from_select(list(columns), select(*columns.values()).select_from(place))
    # DO UPDATE and not DO NOTHING: it returns the row, and waits for one that is being made this moment.
    return (
        made.on_conflict_do_update(index_elements=["match_key"], set_={"match_key": made.excluded.match_key})
        .returning(
            # A row that a desk merged with another is a signpost to it.
            func.coalesce(patient.c.merged_into_id, patient.c.id).label("id"),
            patient.c.name,
            patient.c.no_sms,
            patient.c.wrong_number_at,
            # Whether a hospital's slip may concern her: it is matched by the number of a paper.
            or_(
                patient.c.citizen_id_index.is_not(None),
                patient.c.bhyt_index.is_not(None),
                patient.c.merged_into_id.is_not(None),
            ).label("papers"),
        )
        .cte("person")
    )


def _returned() -> list[ColumnElement[Any]]:
    return [
        appointment.c[name]
        for name in ("public_id", "code", "state", "version", "slot_id", "place", "starts_at", "ends_at", "expires_at")
    ]


def _made_appointment(place: CTE, person: CTE | None) -> CTE:
    booked = person is not None
    columns: dict[str, Any] = {
        "public_id": given("public_id", Uuid),
        "code": given("code"),
        "state": BOOKED if booked else HELD,
        "slot_id": place.c.slot_id,
        "place": place.c.place,
        "uses_reserved": literal_column("false"),
        "facility_id": place.c.facility_id,
        "service_id": place.c.service_id,
        "starts_at": place.c.starts_at,
        "ends_at": place.c.ends_at,
        "version": literal_column("1"),
        "token_version": literal_column("1"),
        "language": given("language"),
        "channel": given("channel", Choice(Channel)),
        "created_at": NOW,
    }
    if person is not None:
        columns |= {"patient_id": person.c.id, "relation": given("relation", Choice(Relation)), "booked_at": NOW}
        columns |= {"device": given("device_known", LargeBinary)}
    else:
        columns |= {
            "device": given("device", LargeBinary),
            "hold_number": _hold_number(),
            "expires_at": func.clock_timestamp() + minutes(given("hold_minutes", Integer)),
        }
    source = select(*columns.values()).select_from(place)
    source = source.join(person, literal_column("true")) if person is not None else source
    return insert(appointment).from_select(list(columns), source).returning(*_returned()).cte("visit")


def _confirmed_appointment(place: CTE, person: CTE) -> CTE:
    return (
        update(appointment)
        .where(appointment.c.id == place.c.appointment_id)
        .values(
            state=BOOKED,
            patient_id=person.c.id,
            relation=given("relation", Choice(Relation)),
            language=given("language"),
            booked_at=NOW,
            expires_at=null(),
        )
        .returning(*_returned())
        .cte("visit")
    )


def _confirmation(place: CTE, visit: CTE, person: CTE) -> CTE:
    state = given("message_state", Choice(MessageState))
    suppressed: ColumnElement[Any] = literal_column(f"'{MessageState.SUPPRESSED.value}'::message_state")
    unwanted = [(person.c.no_sms, "no_consent"), (person.c.wrong_number_at.is_not(None), "wrong_number")]
    columns: dict[str, Any] = {
        "public_id": given("message_id", Uuid),
        "subject_kind": literal_column("'appointment'"),
        "subject_id": visit.c.public_id,
        "kind": literal_column("'booked'"),
        "version": visit.c.version,
        "copy": literal_column("0"),
        "lane": literal_column("'visit'"),
        "facility_id": place.c.facility_id,
        "language": given("language"),
        "phone": given("phone", LargeBinary),
        "phone_index": given("phone_index", LargeBinary),
        "facts": cast(
            json_object(
                facility=place.c.sms_name,
                code=visit.c.code,
                starts_at=local_iso(visit.c.starts_at),
                token_version=literal_column("1"),
            ),
            JSONB,
        ),
        "state": case(*((why, suppressed) for why, _ in unwanted), else_=state),
        "reason": case(
            *((why, literal_column(f"'{reason}'")) for why, reason in unwanted), else_=given("message_reason")
        ),
        "due_at": NOW,
        "useful_until": visit.c.starts_at,
        "attempts": literal_column("0"),
        "sends": literal_column("0"),
        "created_at": NOW,
        "changed_at": NOW,
    }
    source = select(*columns.values()).select_from(
        place.join(visit, literal_column("true")).join(person, literal_column("true"))
    )
    return insert(message).from_select(list(columns), source).cte("confirmation")


def _audited(visit: CTE, action: Literal["appointment.book", "appointment.hold"]) -> CTE:
    columns: dict[str, Any] = {
        "at": NOW,
        "actor_kind": given("actor_kind", Choice(ActorKind)),
        "actor_id": given("actor_id"),
        "address": given("address"),
        "request_id": given("request_id"),
        "action": literal_column(f"'{action}'"),
        "object_kind": literal_column("'appointment'"),
        "object_id": cast(visit.c.public_id, Text),
        "result": literal_column("'done'"),
        "facts": cast(json_object(slot=visit.c.slot_id, place=visit.c.place), JSONB),
    }
    return insert(audit_event).from_select(list(columns), select(*columns.values()).select_from(visit)).cte("audited")


def _remembered(place: CTE, visit: CTE, person: CTE | None, also: list[CTE]) -> Statement:
    # The answer is kept for weeks in plain text, so the patient is left out: `service` puts the name in again.
    answer = view_json(visit.c, place.c, None)
    columns: dict[str, Any] = {
        "scope": given("scope"),
        "key": given("key"),
        "body_hash": given("body_hash", LargeBinary),
        "subject": visit.c.public_id,
        "answer": cast(answer, Text),
        "replays": literal_column("0"),
        "created_at": NOW,
    }
    source = select(*columns.values()).select_from(place.join(visit, literal_column("true")))
    statement = insert(idempotency_record).from_select(list(columns), source).add_cte(*also)
    papers = literal_column("false") if person is None else select(person.c.papers).scalar_subquery()
    return Statement(statement.returning(idempotency_record.c.answer, papers.label("papers")))


def _counted(visit: CTE) -> CTE:
    """One more booking for the number, today. Only what was really booked counts, so a repeat costs nothing."""
    columns: dict[str, Any] = {
        "limit_name": literal_column("'phone'"),
        "subject": given("phone_index", LargeBinary),
        "window_start": given("phone_window", Moment),
        "tries": literal_column("1"),
    }
    made = upsert(rate_counter).from_select(list(columns), select(*columns.values()).select_from(visit))
    # Whoever waited here for another booking of the number reads the true count, unlike `phone_may` above. One too many
    # breaks the counter's CHECK (tries > 0), and with it the whole statement.
    counted = case((rate_counter.c.tries < given("phone_most", Integer), rate_counter.c.tries + 1), else_=0)
    return made.on_conflict_do_update(
        index_elements=["limit_name", "subject", "window_start"], set_={"tries": counted}
    ).cte("counted")


def _booking(way: Literal["slot", "hold"]) -> Statement:
    mine = not_only_given_up(device=False)
    may = (phone_may(), phone_has_room(), device_has_room())
    place = _taken_place(*may, mine) if way == "slot" else _held_place(*may)
    person = _known_patient(place)
    visit = _made_appointment(place, person) if way == "slot" else _confirmed_appointment(place, person)
    also = [_confirmation(place, visit, person), _audited(visit, "appointment.book"), _counted(visit)]
    return _remembered(place, visit, person, also)


def _hold_number() -> ColumnElement[Any]:
    """The lowest number under which the device holds nothing; NULL when it holds as many as it may."""
    number = func.generate_series(1, HOLDS_PER_DEVICE).column_valued("number")
    held = select(appointment.c.id).where(
        appointment.c.device == given("device", LargeBinary),
        appointment.c.state == HELD,
        appointment.c.hold_number == number,
    )
    return select(func.min(number)).where(~held.exists()).scalar_subquery()


def _holding() -> Statement:
    place = _taken_place(_hold_number().is_not(None), not_only_given_up(device=True))
    visit = _made_appointment(place, None)
    return _remembered(place, visit, None, [_audited(visit, "appointment.hold")])


BOOK_SLOT = _booking("slot")
BOOK_HOLD = _booking("hold")
HOLD = _holding()
