"""Tables of sessions and slots. The slot's row holds everything that decides whether a place can be taken."""

from datetime import date, datetime, time

from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    Column,
    Computed,
    Date,
    Index,
    SmallInteger,
    Time,
    UniqueConstraint,
)
from sqlmodel import Field, SQLModel

from booking.availability.kinds import DayKind
from booking.columns import LOCAL_DAY, choice, flag, key, moment, number, ref, words


class WeeklySession(SQLModel, table=True):
    """A buổi khám that repeats: who or where, on which weekday, from when to when, how many places.

    `weekday` is 0 for Monday. `reserved` places of each slot are kept for walk-ins until `release_minutes` before it.
    One that was taken out before it ever took place ends on the day before it begins.
    """

    __tablename__ = "weekly_session"
    __table_args__ = (
        CheckConstraint("weekday BETWEEN 0 AND 6", name="weekly_session_weekday_check"),
        CheckConstraint("starts < ends", name="weekly_session_hours_check"),
        CheckConstraint("slot_minutes BETWEEN 1 AND 480", name="weekly_session_slot_check"),
        CheckConstraint("capacity BETWEEN 1 AND 500", name="weekly_session_capacity_check"),
        CheckConstraint("reserved BETWEEN 0 AND capacity", name="weekly_session_reserved_check"),
        CheckConstraint("release_minutes >= 0", name="weekly_session_release_check"),
        CheckConstraint("valid_to IS NULL OR valid_to >= valid_from - 1", name="weekly_session_validity_check"),
        UniqueConstraint(
            "service_id", "practitioner_id", "room_id", "weekday", "starts", "valid_from",
            name="weekly_session_key", postgresql_nulls_not_distinct=True,
        ),
    )  # fmt: skip

    id: int | None = Field(default=None, sa_column=key())
    facility_id: int = Field(sa_column=ref("facility.id", name="weekly_session_facility_fk"))
    service_id: int = Field(sa_column=ref("service.id", name="weekly_session_service_fk"))
    practitioner_id: int | None = Field(
        default=None, sa_column=ref("practitioner.id", name="weekly_session_practitioner_fk", optional=True)
    )
    room_id: int | None = Field(default=None, sa_column=ref("room.id", name="weekly_session_room_fk", optional=True))
    weekday: int = Field(sa_column=number())
    starts: time = Field(sa_column=Column(Time, nullable=False))
    ends: time = Field(sa_column=Column(Time, nullable=False))
    slot_minutes: int = Field(sa_column=number())
    capacity: int = Field(sa_column=number())
    reserved: int = Field(default=0, sa_column=number())
    release_minutes: int = Field(default=0, sa_column=number())
    valid_from: date = Field(sa_column=Column(Date, nullable=False))
    valid_to: date | None = Field(default=None, sa_column=Column(Date))


class SessionChange(SQLModel, table=True):
    """A weekly session on one day, not as in other weeks: not `held` at all, or with terms of that day alone."""

    __tablename__ = "session_change"
    __table_args__ = (
        CheckConstraint("starts < ends", name="session_change_hours_check"),
        CheckConstraint("slot_minutes BETWEEN 1 AND 480", name="session_change_slot_check"),
        CheckConstraint("capacity BETWEEN 1 AND 500", name="session_change_capacity_check"),
        CheckConstraint("reserved BETWEEN 0 AND capacity", name="session_change_reserved_check"),
        UniqueConstraint("weekly_session_id", "day", name="session_change_key"),
    )

    id: int | None = Field(default=None, sa_column=key())
    weekly_session_id: int = Field(sa_column=ref("weekly_session.id", name="session_change_weekly_fk"))
    day: date = Field(sa_column=Column(Date, nullable=False))
    held: bool = Field(sa_column=flag())
    starts: time = Field(sa_column=Column(Time, nullable=False))
    ends: time = Field(sa_column=Column(Time, nullable=False))
    slot_minutes: int = Field(sa_column=number())
    capacity: int = Field(sa_column=number())
    reserved: int = Field(sa_column=number())
    note: str = Field(default="", sa_column=words())


class CalendarDay(SQLModel, table=True):
    """A day that is not what its weekday says, for one facility or (facility_id NULL) for all."""

    __tablename__ = "calendar_day"
    __table_args__ = (
        UniqueConstraint("facility_id", "day", name="calendar_day_key", postgresql_nulls_not_distinct=True),
        CheckConstraint(
            "(kind = 'make_up_working_day') = (works_as IS NOT NULL) AND works_as BETWEEN 0 AND 6",
            name="calendar_day_works_as_check",
        ),
    )

    id: int | None = Field(default=None, sa_column=key())
    facility_id: int | None = Field(
        default=None, sa_column=ref("facility.id", name="calendar_day_facility_fk", optional=True)
    )
    day: date = Field(sa_column=Column(Date, nullable=False))
    kind: DayKind = Field(sa_column=choice(DayKind))
    works_as: int | None = Field(default=None, sa_column=number(optional=True))
    name: str = Field(sa_column=words())
    name_en: str = Field(sa_column=words())


class Session(SQLModel, table=True):
    """One buổi khám on one day (FHIR Schedule), made by publishing."""

    __tablename__ = "session"
    __table_args__ = (
        UniqueConstraint("weekly_session_id", "day", name="session_key"),
        CheckConstraint("starts_at < ends_at", name="session_hours_check"),
        Index("session_facility_day", "facility_id", "day"),
    )

    id: int | None = Field(default=None, sa_column=key())
    weekly_session_id: int = Field(sa_column=ref("weekly_session.id", name="session_weekly_fk"))
    facility_id: int = Field(sa_column=ref("facility.id", name="session_facility_fk"))
    service_id: int = Field(sa_column=ref("service.id", name="session_service_fk"))
    practitioner_id: int | None = Field(
        default=None, sa_column=ref("practitioner.id", name="session_practitioner_fk", optional=True)
    )
    room_id: int | None = Field(default=None, sa_column=ref("room.id", name="session_room_fk", optional=True))
    day: date = Field(sa_column=Column(Date, nullable=False))
    starts_at: datetime = Field(sa_column=moment())
    ends_at: datetime = Field(sa_column=moment())


class Slot(SQLModel, table=True):
    """A time one can book (FHIR Slot), with its places.

    `taken` counts the appointments that hold a place. `free_places` lists the numbers of the others, and `last_place`
    is the number handed out last, so that one UPDATE can return it (PostgreSQL before 18 returns only new values).
    `withdrawn_places` are numbers that were free when the capacity was lowered: they come back first when it is raised,
    so that every number from 1 on is free, withdrawn or somebody's, and no number is given twice.
    """

    __tablename__ = "slot"
    __table_args__ = (
        UniqueConstraint("session_id", "starts_at", name="slot_key"),
        CheckConstraint("starts_at < ends_at", name="slot_hours_check"),
        CheckConstraint("taken BETWEEN 0 AND capacity", name="slot_taken_check"),
        CheckConstraint("taken + cardinality(free_places) = capacity", name="slot_places_check"),
        CheckConstraint("reserved_used BETWEEN 0 AND reserved AND reserved <= capacity", name="slot_reserved_check"),
        Index("slot_service_starts", "service_id", "starts_at"),
        Index("slot_practitioner_starts", "practitioner_id", "starts_at", "ends_at"),
        # Room on the page for the new version of a row that is booked: no index entry need be written.
        {"postgresql_with": {"fillfactor": "70"}},
    )

    id: int | None = Field(default=None, sa_column=key())
    session_id: int = Field(sa_column=ref("session.id", name="slot_session_fk"))
    facility_id: int = Field(sa_column=ref("facility.id", name="slot_facility_fk"))
    service_id: int = Field(sa_column=ref("service.id", name="slot_service_fk"))
    practitioner_id: int | None = Field(
        default=None, sa_column=ref("practitioner.id", name="slot_practitioner_fk", optional=True)
    )
    room_id: int | None = Field(default=None, sa_column=ref("room.id", name="slot_room_fk", optional=True))
    starts_at: datetime = Field(sa_column=moment())
    ends_at: datetime = Field(sa_column=moment())
    day: date | None = Field(default=None, sa_column=Column(Date, Computed(LOCAL_DAY, persisted=True), nullable=False))
    bookable_from: datetime = Field(sa_column=moment())
    bookable_until: datetime = Field(sa_column=moment())
    open: bool = Field(default=True, sa_column=flag())
    capacity: int = Field(sa_column=number())
    taken: int = Field(default=0, sa_column=number())
    free_places: list[int] = Field(sa_column=Column(ARRAY(SmallInteger), nullable=False))
    last_place: int | None = Field(default=None, sa_column=Column(SmallInteger))
    withdrawn_places: list[int] = Field(
        default_factory=list, sa_column=Column(ARRAY(SmallInteger), nullable=False, server_default="{}")
    )
    reserved: int = Field(default=0, sa_column=number())
    reserved_used: int = Field(default=0, sa_column=number())
    release_at: datetime = Field(sa_column=moment())


class SlotClosure(SQLModel, table=True):
    """One reason why a slot is closed. The slot is open when it has none; several sources may close one slot."""

    __tablename__ = "slot_closure"
    __table_args__ = (
        UniqueConstraint("slot_id", "source", name="slot_closure_key"),
        Index("slot_closure_source", "source"),
    )

    id: int | None = Field(default=None, sa_column=key())
    slot_id: int = Field(sa_column=ref("slot.id", name="slot_closure_slot_fk"))
    source: str = Field(sa_column=words())
    reason: str = Field(sa_column=words())
    created_at: datetime = Field(sa_column=moment())
