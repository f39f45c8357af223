"""What keeps touts from gathering places.

How much one number, person or browser may have ahead, and for how many minutes a place that somebody gave up is kept
from her own hands.

The expressions stand in the one statement of a booking (statements.py) and are asked again where it wrote nothing
(lookups.py). There they see the statement's snapshot: a limit, not a promise. `together.py` counts under locks.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Integer,
    LargeBinary,
    and_,
    func,
    literal_column,
    or_,
    select,
)

from booking.appointments.tables import appointment, given, patient, place_left, rate_counter
from booking.availability.statements import NOW, kept_for_walk_ins, slot
from booking.columns import Moment
from booking.settings import Settings


@dataclass(frozen=True, slots=True)
class Caps:
    """The limits in force.

    Attributes:
        per_day: bookings and moves for one number on one day.
        phone, profile, device: visits still to come, of one number, one person and one browser.
        given_up_minutes: how long a place is kept from whoever gave it up; 0: not at all.
        party: people booked in one go.
    """

    per_day: int
    phone: int
    profile: int
    device: int
    given_up_minutes: int
    party: int

    def since(self, now: datetime) -> datetime:
        """Places given up after this moment are kept from whoever gave them up."""
        return now - timedelta(minutes=self.given_up_minutes)

    def values(self, now: datetime) -> dict[str, Any]:
        """The parameters of the expressions below."""
        return {
            "phone_most": self.per_day,
            "upcoming_most": self.phone,
            "device_most": self.device,
            "given_up_since": self.since(now),
        }


def caps_of(settings: Settings) -> Caps:
    """The limits of the settings."""
    return Caps(
        per_day=settings.limit_phone_per_day,
        phone=settings.limit_phone_upcoming,
        profile=settings.limit_profile_upcoming,
        device=settings.limit_device_upcoming,
        given_up_minutes=settings.given_up_minutes,
        party=settings.limit_party,
    )


_other = appointment.alias("other")
_moved = appointment.alias("moved")
_DEVICE = given("device_known", LargeBinary)


def phone_may() -> ColumnElement[bool]:
    """Whether the number has bookings left today."""
    used = select(rate_counter.c.tries).where(
        rate_counter.c.limit_name == literal_column("'phone'"),
        rate_counter.c.subject == given("phone_index", LargeBinary),
        rate_counter.c.window_start == given("phone_window", Moment),
    )
    return func.coalesce(used.scalar_subquery(), literal_column("0")) < given("phone_most", Integer)


def phone_has_room() -> ColumnElement[bool]:
    """Whether the number may have one more visit ahead.

    A count inside a sum, and not a join: so there is one index to go by, whatever the planner knew of the tables.
    """
    ahead = (
        select(func.count()).where(_other.c.patient_id == patient.c.id, _ahead()).correlate(patient).scalar_subquery()
    )
    # Whose number it no longer is counts for nobody: its next holder starts from nothing.
    mine = (patient.c.phone_index == given("phone_index", LargeBinary), patient.c.wrong_number_at.is_(None))
    of_phone = select(func.sum(ahead)).where(*mine)
    return func.coalesce(of_phone.scalar_subquery(), literal_column("0")) < given("upcoming_most", Integer)


def device_has_room() -> ColumnElement[bool]:
    """Whether the browser may have one more visit ahead; one that does not say which it is always may.

    A network address is no device: a whole carrier, or all patients of a program, stand behind one.
    """
    ahead = select(func.count()).where(_other.c.device == _DEVICE, _ahead())
    return or_(_DEVICE.is_(None), ahead.scalar_subquery() < given("device_most", Integer))


def _ahead() -> ColumnElement[bool]:
    # In these words, because the partial indexes have them: 'held' rows have no patient, so they count for nobody.
    return and_(_other.c.state.in_(_states()), _other.c.starts_at > NOW)


def _states() -> list[ColumnElement[Any]]:
    return [literal_column("'booked'"), literal_column("'arrived'")]


def given_up(*, device: bool) -> ColumnElement[int]:
    """How many places of the slot the asker gave up or moved away from just now, by device or by number."""
    ended = select(func.count()).where(
        _other.c.slot_id == given("slot", BigInteger),
        _other.c.state == literal_column("'cancelled'"),
        _other.c.cancelled_at > given("given_up_since", Moment),
        _other.c.cancelled_by == literal_column("'patient'"),
        _of_asker(_other, device=device),
    )
    moved = (
        select(func.count())
        .select_from(place_left.join(_moved, _moved.c.id == place_left.c.appointment_id))
        .where(
            place_left.c.slot_id == given("slot", BigInteger),
            place_left.c.left_at > given("given_up_since", Moment),
            _of_asker(_moved, device=device),
        )
    )
    return ended.scalar_subquery() + moved.scalar_subquery()


def _of_asker(visit: FromClause, *, device: bool) -> ColumnElement[bool]:
    if device:
        return visit.c.device == _DEVICE
    # A question for each visit that was given up, and not a join: mostly there is none, and nothing is asked.
    number = select(patient.c.phone_index).where(patient.c.id == visit.c.patient_id).correlate(visit)
    return number.scalar_subquery() == given("phone_index", LargeBinary)


def not_only_given_up(*, device: bool) -> ColumnElement[bool]:
    """Whether the slot has a free place beside those the asker gave up just now, or she gave up none.

    Said with one count and `greatest`, and not as "none, or fewer than are free": an expression that stands twice is
    planned twice, over four tables, and every booking opens them.
    """
    free = func.cardinality(slot.c.free_places) - kept_for_walk_ins()
    return func.greatest(free, 1) > given_up(device=device)
