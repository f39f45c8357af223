"""Tables of the waiting list."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, Date, Index, UniqueConstraint, Uuid
from sqlmodel import Field, SQLModel

from booking.appointments.waitlist.kinds import WAITS, EntryState, OfferState
from booking.columns import choice, key, moment, ref, state_in, words
from booking.patients.kinds import Relation


class WaitlistEntry(SQLModel, table=True):
    """One person who waits for a place of a service on one of some days.

    `service_code` is the service's, the same at every facility of the entry's targets. `account_id` is who waits for
    her, and whose telephone hears of a place.
    """

    __tablename__ = "waitlist_entry"
    __table_args__ = (
        UniqueConstraint("public_id", name="waitlist_entry_public_id_key"),
        CheckConstraint("day_from <= day_to", name="waitlist_entry_days_check"),
        CheckConstraint("(state IN ('waiting', 'offered')) = (ended_at IS NULL)", name="waitlist_entry_ended_check"),
        Index(
            "waitlist_entry_person_key", "patient_id", "service_code", unique=True, postgresql_where=state_in(WAITS)
        ),
        Index("waitlist_entry_live", "day_to", postgresql_where=state_in(WAITS)),
        Index("waitlist_entry_account", "account_id"),
    )  # fmt: skip

    id: int | None = Field(default=None, sa_column=key())
    public_id: UUID = Field(sa_column=Column(Uuid, nullable=False))
    account_id: int = Field(sa_column=ref("account.id", name="waitlist_entry_account_fk"))
    patient_id: int = Field(sa_column=ref("patient.id", name="waitlist_entry_patient_fk"))
    relation: Relation = Field(sa_column=choice(Relation))
    service_code: str = Field(sa_column=words())
    language: str = Field(sa_column=words())
    day_from: date = Field(sa_column=Column(Date, nullable=False))
    day_to: date = Field(sa_column=Column(Date, nullable=False))
    state: EntryState = Field(sa_column=choice(EntryState))
    created_at: datetime = Field(sa_column=moment())
    ended_at: datetime | None = Field(default=None, sa_column=moment(optional=True))


class WaitlistTarget(SQLModel, table=True):
    """A service of one facility where the person would come."""

    __tablename__ = "waitlist_target"
    __table_args__ = (
        UniqueConstraint("entry_id", "service_id", name="waitlist_target_key"),
        Index("waitlist_target_service", "service_id", "entry_id"),
    )

    id: int | None = Field(default=None, sa_column=key())
    entry_id: int = Field(sa_column=ref("waitlist_entry.id", name="waitlist_target_entry_fk"))
    service_id: int = Field(sa_column=ref("service.id", name="waitlist_target_service_fk"))


class Offer(SQLModel, table=True):
    """A place kept for one who waits. `slot_id` and `expires_at` repeat those of the appointment that keeps it."""

    __tablename__ = "offer"
    __table_args__ = (
        UniqueConstraint("public_id", name="offer_public_id_key"),
        UniqueConstraint("appointment_id", name="offer_appointment_key"),
        CheckConstraint("(state = 'live') = (ended_at IS NULL)", name="offer_ended_check"),
        Index("offer_entry_key", "entry_id", unique=True, postgresql_where=state_in((OfferState.LIVE,))),
        Index("offer_expiry", "expires_at", postgresql_where=state_in((OfferState.LIVE,))),
        Index("offer_entry_slot", "entry_id", "slot_id"),
        Index("offer_made", "created_at"),
    )

    id: int | None = Field(default=None, sa_column=key())
    public_id: UUID = Field(sa_column=Column(Uuid, nullable=False))
    entry_id: int = Field(sa_column=ref("waitlist_entry.id", name="offer_entry_fk"))
    appointment_id: int = Field(sa_column=ref("appointment.id", name="offer_appointment_fk"))
    slot_id: int = Field(sa_column=ref("slot.id", name="offer_slot_fk"))
    state: OfferState = Field(sa_column=choice(OfferState))
    expires_at: datetime = Field(sa_column=moment())
    created_at: datetime = Field(sa_column=moment())
    ended_at: datetime | None = Field(default=None, sa_column=moment(optional=True))
