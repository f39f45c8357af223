"""The appointment: one row from hold to visit. A move changes its slot and raises its version."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    Date,
    ForeignKey,
    Index,
    LargeBinary,
    SmallInteger,
    UniqueConstraint,
    Uuid,
    false,
)
from sqlmodel import Field, SQLModel

from booking.appointments.kinds import BLOCKS_DAY, HOLDS_PLACE, AppointmentState, CancelledBy, Channel
from booking.columns import (
    LOCAL_DAY,
    choice,
    copied_ref,
    flag,
    key,
    moment,
    number,
    optional_choice,
    ref,
    state_in,
    words,
)
from booking.patients.kinds import Relation


class Appointment(SQLModel, table=True):
    """A promised place (or a hold on one).

    `version` counts changes the patient must hear of: messages belong to one version, and it is the SEQUENCE of the
    calendar file. `token_version` revokes the link when raised. `expires_at` is set while held. `account_id` is who
    booked it signed in, `party_id` what was booked in one go for several people. `offered` marks a hold that a waiting
    list made for somebody: it is released by the waiting list alone. `confirmed_at`: the patient said she will come.
    """

    __tablename__ = "appointment"
    __table_args__ = (
        UniqueConstraint("public_id", name="appointment_public_id_key"),
        UniqueConstraint("code", name="appointment_code_key"),
        CheckConstraint(
            "state IN ('held', 'lapsed') OR patient_id IS NOT NULL", name="appointment_patient_check"
        ),
        CheckConstraint("state <> 'held' OR expires_at IS NOT NULL", name="appointment_expiry_check"),
        CheckConstraint(
            "(state = 'cancelled') = (cancelled_at IS NOT NULL)", name="appointment_cancelled_check"
        ),
        # Safety nets behind the slot's lock: each place once, and one live visit a patient, service and day.
        Index("appointment_place_key", "slot_id", "place", unique=True, postgresql_where=state_in(HOLDS_PLACE)),
        Index(
            "appointment_day_key", "patient_id", "service_id", "day", unique=True,
            postgresql_where=state_in(BLOCKS_DAY),
        ),
        Index("appointment_expiry", "expires_at", postgresql_where="state = 'held'"),
        # At most HOLDS_PER_DEVICE live holds: each has a number, and two tabs cannot take the same one.
        Index("appointment_hold_key", "device", "hold_number", unique=True, postgresql_where="state = 'held'"),
        Index("appointment_upcoming", "starts_at", postgresql_where="state = 'booked'"),
        Index("appointment_account", "account_id", "starts_at", postgresql_where="account_id IS NOT NULL"),
        Index("appointment_party", "party_id", postgresql_where="party_id IS NOT NULL"),
        Index(
            "appointment_device", "device", "starts_at",
            postgresql_where="device IS NOT NULL AND state IN ('booked', 'arrived')",
        ),
        # The desk finds people who have or had a visit at its facility.
        Index("appointment_patient", "patient_id", "facility_id"),
        # A place given up is not taken again by the same hands for some minutes.
        Index("appointment_given_up", "slot_id", "cancelled_at", postgresql_where="state = 'cancelled'"),
    )  # fmt: skip

    id: int | None = Field(default=None, sa_column=key())
    public_id: UUID = Field(sa_column=Column(Uuid, nullable=False))
    code: str = Field(sa_column=words())
    state: AppointmentState = Field(sa_column=choice(AppointmentState))
    slot_id: int = Field(sa_column=ref("slot.id", name="appointment_slot_fk"))
    place: int = Field(sa_column=Column(SmallInteger, nullable=False))
    uses_reserved: bool = Field(default=False, sa_column=flag())
    facility_id: int = Field(sa_column=copied_ref())
    service_id: int = Field(sa_column=copied_ref())
    patient_id: int | None = Field(
        default=None, sa_column=ref("patient.id", name="appointment_patient_fk", optional=True)
    )
    relation: Relation | None = Field(default=None, sa_column=optional_choice(Relation))
    starts_at: datetime = Field(sa_column=moment())
    ends_at: datetime = Field(sa_column=moment())
    day: date | None = Field(default=None, sa_column=Column(Date, Computed(LOCAL_DAY, persisted=True), nullable=False))
    version: int = Field(default=1, sa_column=number())
    token_version: int = Field(default=1, sa_column=number())
    language: str = Field(sa_column=words())
    channel: Channel = Field(sa_column=choice(Channel))
    device: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    hold_number: int | None = Field(default=None, sa_column=Column(SmallInteger))
    created_at: datetime = Field(sa_column=moment())
    expires_at: datetime | None = Field(default=None, sa_column=moment(optional=True))
    booked_at: datetime | None = Field(default=None, sa_column=moment(optional=True))
    account_id: int | None = Field(
        default=None, sa_column=ref("account.id", name="appointment_account_fk", optional=True)
    )
    party_id: UUID | None = Field(default=None, sa_column=Column(Uuid))
    offered: bool = Field(default=False, sa_column=Column(Boolean, nullable=False, server_default=false()))
    confirmed_at: datetime | None = Field(default=None, sa_column=moment(optional=True))
    cancelled_at: datetime | None = Field(default=None, sa_column=moment(optional=True))
    cancelled_by: CancelledBy | None = Field(default=None, sa_column=optional_choice(CancelledBy))
    cancel_reason: str | None = Field(default=None, sa_column=words(optional=True))


class PlaceLeft(SQLModel, table=True):
    """A place that a patient moved away from: for some minutes it is kept from the same hands, as one given up is.

    A row for each slot that a visit left and did not come back to; those that say nothing any more go with its next
    move.
    """

    __tablename__ = "place_left"
    __table_args__ = (Index("place_left_slot", "slot_id", "left_at"),)

    appointment_id: int = Field(
        sa_column=Column(BigInteger, ForeignKey("appointment.id", name="place_left_appointment_fk"), primary_key=True)
    )
    slot_id: int = Field(sa_column=Column(BigInteger, primary_key=True))
    left_at: datetime = Field(sa_column=moment())


class VisitSeries(SQLModel, table=True):
    """Visits that belong together, planned at a desk: each date has a window, and a visit once one could be booked.

    `template` names the plan in the directory's series; what a series is for is told by nothing else.
    """

    __tablename__ = "visit_series"
    __table_args__ = (
        UniqueConstraint("public_id", name="visit_series_public_id_key"),
        Index("visit_series_patient", "patient_id"),
    )

    id: int | None = Field(default=None, sa_column=key())
    public_id: UUID = Field(sa_column=Column(Uuid, nullable=False))
    patient_id: int = Field(sa_column=ref("patient.id", name="visit_series_patient_fk"))
    facility_id: int = Field(sa_column=copied_ref())
    service_id: int = Field(sa_column=copied_ref())
    template: str = Field(sa_column=words())
    made_at: datetime = Field(sa_column=moment())
    ended_at: datetime | None = Field(default=None, sa_column=moment(optional=True))


class SeriesDate(SQLModel, table=True):
    """One date of a series: due on a day, good from `first_day` to `last_day`.

    `appointment_id` is empty while no place in the window could be booked, mostly because none is published yet.
    """

    __tablename__ = "series_date"
    __table_args__ = (
        UniqueConstraint("series_id", "number", name="series_date_number_key"),
        UniqueConstraint("appointment_id", name="series_date_appointment_key"),
        CheckConstraint("due BETWEEN first_day AND last_day", name="series_date_window_check"),
        CheckConstraint("number > 0", name="series_date_number_check"),
    )

    id: int | None = Field(default=None, sa_column=key())
    series_id: int = Field(sa_column=ref("visit_series.id", name="series_date_series_fk"))
    number: int = Field(sa_column=number())
    due: date = Field(sa_column=Column(Date, nullable=False))
    first_day: date = Field(sa_column=Column(Date, nullable=False))
    last_day: date = Field(sa_column=Column(Date, nullable=False))
    appointment_id: int | None = Field(
        default=None, sa_column=ref("appointment.id", name="series_date_appointment_fk", optional=True)
    )
