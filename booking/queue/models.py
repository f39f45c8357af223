"""Tables of the queue: one line of people a service or room and day, its tickets, and the counter of their numbers."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Index,
    LargeBinary,
    Text,
    UniqueConstraint,
    Uuid,
    false,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from booking.columns import choice, copied_ref, flag, key, moment, optional_choice, ref, words
from booking.columns import number as whole
from booking.patients.kinds import PriorityClass
from booking.queue.kinds import TicketState
from booking.sealed import Sealed


class Queue(SQLModel, table=True):
    """The line of one service on one local day; of one room where the facility opened a line for the room.

    Its row is the lock of the line: whoever changes a ticket holds it. `priority_streak` is how many of priority were
    called since the last of the others. `late_minutes` is what staff said, at `late_said_at`.
    """

    __tablename__ = "queue"
    __table_args__ = (
        UniqueConstraint("service_id", "room_id", "day", name="queue_key", postgresql_nulls_not_distinct=True),
        CheckConstraint("priority_streak >= 0", name="queue_streak_check"),
        CheckConstraint("late_minutes BETWEEN 0 AND 600", name="queue_late_check"),
        CheckConstraint("(late_minutes IS NULL) = (late_said_at IS NULL)", name="queue_late_said_check"),
        Index("queue_facility_day", "facility_id", "day"),
    )

    id: int | None = Field(default=None, sa_column=key())
    facility_id: int = Field(sa_column=ref("facility.id", name="queue_facility_fk"))
    service_id: int = Field(sa_column=ref("service.id", name="queue_service_fk"))
    room_id: int | None = Field(default=None, sa_column=ref("room.id", name="queue_room_fk", optional=True))
    day: date = Field(sa_column=Column(Date, nullable=False))
    series: str = Field(sa_column=words())
    priority_streak: int = Field(default=0, sa_column=whole())
    late_minutes: int | None = Field(default=None, sa_column=whole(optional=True))
    late_said_at: datetime | None = Field(default=None, sa_column=moment(optional=True))
    opened_at: datetime = Field(sa_column=moment())


class QueueCounter(SQLModel, table=True):
    """The last number given out of a series at a facility on a day."""

    __tablename__ = "queue_counter"
    __table_args__ = (CheckConstraint("last > 0", name="queue_counter_last_check"),)

    facility_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    day: date = Field(sa_column=Column(Date, primary_key=True))
    series: str = Field(sa_column=Column(Text, primary_key=True))
    last: int = Field(sa_column=whole())


class QueueTicket(SQLModel, table=True):
    """One person in a line, with the number on her paper; a transfer keeps the number.

    `band_start` and `band_end` are the visit's promised time, copied at check-in; None for a walk-in. A class of
    priority is claimed by the patient and counts only when staff verified it. `requeued_at` is when a skipped ticket
    was put back: from then on it is ordered by that moment. `called_at` is the last call; `first_called_at` the first,
    which ended her waiting whatever came after (null in rows of before it was kept). `room_id` is where it was called
    to last; `called_by` the id of the account that called it last (null before it was kept). `tested_at` is when
    somebody was sent for tests. Whoever came without booking may have said `name`, `birth_year` and `phone`.
    `on_paper`: entered afterwards, with the times written by hand; `paper_number` is the one that was handed out then.
    `came_assumed`: nobody wrote down when she came, so no waiting is measured from `arrived_at`.
    `version` counts what was done with it and not undone: an act is undone only while nothing came after it.
    """

    __tablename__ = "queue_ticket"
    __table_args__ = (
        UniqueConstraint("public_id", name="queue_ticket_public_id_key"),
        UniqueConstraint("facility_id", "day", "series", "number", name="queue_ticket_number_key"),
        UniqueConstraint("appointment_id", name="queue_ticket_appointment_key"),
        CheckConstraint("(band_start IS NULL) = (band_end IS NULL)", name="queue_ticket_band_check"),
        CheckConstraint(
            "state NOT IN ('called', 'in_room') OR called_at IS NOT NULL", name="queue_ticket_called_check"
        ),
        CheckConstraint(
            "(state IN ('done', 'left')) = (finished_at IS NOT NULL)", name="queue_ticket_finished_check"
        ),
        CheckConstraint("calls >= 0", name="queue_ticket_calls_check"),
        Index("queue_ticket_line", "queue_id", "state"),
        Index("queue_ticket_patient", "patient_id", postgresql_where="patient_id IS NOT NULL"),
    )  # fmt: skip

    id: int | None = Field(default=None, sa_column=key())
    public_id: UUID = Field(sa_column=Column(Uuid, nullable=False))
    queue_id: int = Field(sa_column=ref("queue.id", name="queue_ticket_queue_fk"))
    facility_id: int = Field(sa_column=copied_ref())
    day: date = Field(sa_column=Column(Date, nullable=False))
    series: str = Field(sa_column=words())
    number: int = Field(sa_column=whole())
    appointment_id: int | None = Field(
        default=None, sa_column=ref("appointment.id", name="queue_ticket_appointment_fk", optional=True)
    )
    patient_id: int | None = Field(
        default=None, sa_column=ref("patient.id", name="queue_ticket_patient_fk", optional=True)
    )
    state: TicketState = Field(sa_column=choice(TicketState))
    priority_claimed: PriorityClass | None = Field(default=None, sa_column=optional_choice(PriorityClass))
    priority_verified: PriorityClass | None = Field(default=None, sa_column=optional_choice(PriorityClass))
    priority_reason: str | None = Field(default=None, sa_column=words(optional=True))
    band_start: datetime | None = Field(default=None, sa_column=moment(optional=True))
    band_end: datetime | None = Field(default=None, sa_column=moment(optional=True))
    arrived_at: datetime = Field(sa_column=moment())
    requeued_at: datetime | None = Field(default=None, sa_column=moment(optional=True))
    called_at: datetime | None = Field(default=None, sa_column=moment(optional=True))
    first_called_at: datetime | None = Field(default=None, sa_column=moment(optional=True))
    calls: int = Field(default=0, sa_column=whole())
    room_id: int | None = Field(default=None, sa_column=ref("room.id", name="queue_ticket_room_fk", optional=True))
    called_by: str | None = Field(default=None, sa_column=words(optional=True))
    in_room_at: datetime | None = Field(default=None, sa_column=moment(optional=True))
    finished_at: datetime | None = Field(default=None, sa_column=moment(optional=True))
    tested_at: datetime | None = Field(default=None, sa_column=moment(optional=True))
    emergency: bool = Field(default=False, sa_column=flag())
    name: str | None = Field(default=None, sa_column=Column(Sealed))
    birth_year: int | None = Field(default=None, sa_column=whole(optional=True))
    phone: str | None = Field(default=None, sa_column=Column(Sealed))
    on_paper: bool = Field(default=False, sa_column=Column(Boolean, nullable=False, server_default=false()))
    came_assumed: bool = Field(default=False, sa_column=Column(Boolean, nullable=False, server_default=false()))
    paper_number: str | None = Field(default=None, sa_column=words(optional=True))
    version: int = Field(default=1, sa_column=whole())


class QueueAct(SQLModel, table=True):
    """Something staff did in a queue, as long as it may be undone; the audit keeps it for good.

    `public_id` is minted into the form, so that a form sent twice acts once. `before` is what the act changed, as it
    was; `version` the ticket's after it.
    """

    __tablename__ = "queue_act"
    __table_args__ = (
        UniqueConstraint("public_id", name="queue_act_public_id_key"),
        Index("queue_act_lately", "facility_id", "at"),
    )

    id: int | None = Field(default=None, sa_column=key())
    public_id: UUID = Field(sa_column=Column(Uuid, nullable=False))
    facility_id: int = Field(sa_column=copied_ref())
    line_id: int | None = Field(default=None, sa_column=copied_ref(optional=True))
    ticket: UUID | None = Field(default=None, sa_column=Column(Uuid, nullable=True))
    visit: int | None = Field(default=None, sa_column=copied_ref(optional=True))
    what: str = Field(sa_column=words())
    number: str | None = Field(default=None, sa_column=words(optional=True))
    before: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    version: int | None = Field(default=None, sa_column=whole(optional=True))
    staff: str | None = Field(default=None, sa_column=words(optional=True))
    at: datetime = Field(sa_column=moment())
    undone_at: datetime | None = Field(default=None, sa_column=moment(optional=True))


class Display(SQLModel, table=True):
    """A television in a waiting room. Whoever has its token may see numbers and, where asked for, masked names.

    `services` are the ids it shows; none means all of the facility.
    """

    __table_args__ = (
        UniqueConstraint("public_id", name="display_public_id_key"),
        UniqueConstraint("token_hash", name="display_token_key"),
        Index("display_facility", "facility_id"),
    )

    id: int | None = Field(default=None, sa_column=key())
    public_id: UUID = Field(sa_column=Column(Uuid, nullable=False))
    facility_id: int = Field(sa_column=ref("facility.id", name="display_facility_fk"))
    name: str = Field(sa_column=words())
    services: list[int] = Field(sa_column=Column(JSONB, nullable=False))
    names: bool = Field(sa_column=flag())
    token: str = Field(sa_column=Column(Sealed, nullable=False))
    token_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    created_at: datetime = Field(sa_column=moment())
    ended_at: datetime | None = Field(default=None, sa_column=moment(optional=True))
