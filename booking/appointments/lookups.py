"""The statements round a booking: what a key, a code or a device has already, and the sweep of expired holds.

Each is a transaction in itself, like the booking (statements.py).
"""

from sqlalchemy import BigInteger, LargeBinary, Text, and_, cast, func, literal_column, select, update

from booking.appointments.caps import device_has_room, given_up, phone_has_room, phone_may
from booking.appointments.statements import facts_of_place, view_json
from booking.appointments.tables import HELD, appointment, given, idempotency_record, patient
from booking.availability.statements import facility, service, slot
from booking.hot import Statement


def _replaying() -> Statement:
    """The remembered answer of a key. It writes, so that its commit waits for the standby like the first one did."""
    return Statement(
        update(idempotency_record)
        .where(
            idempotency_record.c.scope == given("scope"),
            idempotency_record.c.key == given("key"),
        )
        .values(replays=idempotency_record.c.replays + 1)
        .returning(idempotency_record.c.answer, idempotency_record.c.body_hash, idempotency_record.c.subject)
    )


def _sweeping() -> Statement:
    """Give back the places of expired holds of one slot; returns how many. The slot is locked first, as everywhere."""
    locked = select(slot.c.id).where(slot.c.id == given("slot", BigInteger)).with_for_update().cte("locked")
    gone = (
        update(appointment)
        .where(
            appointment.c.slot_id == locked.c.id,
            appointment.c.state == HELD,
            ~appointment.c.offered,  # those end with their offer: waitlist/
            appointment.c.expires_at <= func.clock_timestamp(),
        )
        .values(state=literal_column("'lapsed'"))
        .returning(appointment.c.place)
        .cte("gone")
    )
    freed = select(func.count().label("number"), func.array_agg(gone.c.place).label("places")).cte("freed")
    return Statement(
        update(slot)
        .where(and_(slot.c.id == locked.c.id, freed.c.number > 0))
        .values(taken=slot.c.taken - freed.c.number, free_places=slot.c.free_places.op("||")(freed.c.places))
        .returning(freed.c.number)
    )


def _opened() -> Statement:
    """What a code names, with all that is needed to test its token and to show it."""
    about = [column for column in facts_of_place() if column.name != "sms_name"]
    source = (
        appointment.join(facility, facility.c.id == appointment.c.facility_id)
        .join(service, service.c.id == appointment.c.service_id)
        .outerjoin(patient, patient.c.id == appointment.c.patient_id)
    )
    found = (
        select(appointment, *about, patient.c.name.label("patient_name"))
        .select_from(source)
        .where(appointment.c.code == given("code"))
        .subquery()
    )
    view = view_json(found.c, found.c, found.c.patient_name)
    keyed = (found.c.public_id, found.c.token_version, found.c.slot_id)
    said = (found.c.confirmed_at, cast(found.c.cancelled_by, Text).label("cancelled_by"), found.c.offered)
    return Statement(select(*keyed, *said, cast(view, Text).label("view")))


def _live_holds() -> Statement:
    return Statement(
        select(func.count()).where(
            appointment.c.device == given("device", LargeBinary),
            appointment.c.state == HELD,
            appointment.c.expires_at > func.clock_timestamp(),
        )
    )


def _expired_slots(*, of_device: bool) -> Statement:
    query = select(appointment.c.slot_id).distinct()
    query = query.where(
        appointment.c.state == HELD, ~appointment.c.offered, appointment.c.expires_at <= func.clock_timestamp()
    )
    if of_device:
        query = query.where(appointment.c.device == given("device", LargeBinary))
    else:
        query = query.where(appointment.c.slot_id > given("after", BigInteger))
    return Statement(query.order_by(appointment.c.slot_id).limit(1000))


MAY = Statement(select(phone_may().label("today"), phone_has_room().label("ahead"), device_has_room().label("device")))
"""Whether the number may have one more booking today, and number and device one more visit ahead."""
GIVEN_UP_BY_NUMBER = Statement(select(given_up(device=False).label("number")))
GIVEN_UP_BY_DEVICE = Statement(select(given_up(device=True).label("number")))
OPENED = _opened()
LIVE_HOLDS = _live_holds()
EXPIRED_SLOTS = _expired_slots(of_device=False)
EXPIRED_SLOTS_OF_DEVICE = _expired_slots(of_device=True)
REPLAY = _replaying()
SWEEP_SLOT = _sweeping()
