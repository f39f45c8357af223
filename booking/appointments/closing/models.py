"""Tables of closings: the plan, and what became of each visit inside."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, Index, SmallInteger, UniqueConstraint, Uuid
from sqlmodel import Field, SQLModel

from booking.appointments.closing.kinds import (
    WORKING,
    CallOutcome,
    ClosingAnswer,
    ClosingScope,
    ClosingState,
    UndoneAs,
    VisitFate,
)
from booking.columns import choice, copied_ref, flag, key, moment, number, optional_choice, ref, state_in, words


class Closing(SQLModel, table=True):
    """Times that do not take place, from `starts_at` to `ends_at`, and what becomes of those who are booked.

    `reason` is said to patients, in both languages. `expected` counts the visits inside when it was made. SMS fall due
    at `sms_due_at`; until then it can be undone. Its slots are those closed by the source `closing:<public_id>`.
    """

    __tablename__ = "closing"
    __table_args__ = (
        UniqueConstraint("public_id", name="closing_public_id_key"),
        CheckConstraint("starts_at < ends_at", name="closing_span_check"),
        CheckConstraint("(scope = 'city') = (facility_id IS NULL)", name="closing_facility_check"),
        CheckConstraint("(scope = 'session') = (session_id IS NOT NULL)", name="closing_session_check"),
        CheckConstraint("(scope = 'practitioner') = (practitioner_id IS NOT NULL)", name="closing_practitioner_check"),
        Index("closing_working", "id", postgresql_where=state_in(WORKING)),
        Index("closing_facility", "facility_id", "ends_at"),
    )

    id: int | None = Field(default=None, sa_column=key())
    public_id: UUID = Field(sa_column=Column(Uuid, nullable=False))
    scope: ClosingScope = Field(sa_column=choice(ClosingScope))
    facility_id: int | None = Field(
        default=None, sa_column=ref("facility.id", name="closing_facility_fk", optional=True)
    )
    session_id: int | None = Field(default=None, sa_column=ref("session.id", name="closing_session_fk", optional=True))
    practitioner_id: int | None = Field(
        default=None, sa_column=ref("practitioner.id", name="closing_practitioner_fk", optional=True)
    )
    starts_at: datetime = Field(sa_column=moment())
    ends_at: datetime = Field(sa_column=moment())
    reason: str = Field(sa_column=words())
    reason_en: str = Field(sa_column=words())
    answer: ClosingAnswer = Field(sa_column=choice(ClosingAnswer))
    send_now: bool = Field(sa_column=flag())
    state: ClosingState = Field(sa_column=choice(ClosingState))
    expected: int = Field(sa_column=number())
    made_by: str = Field(sa_column=words())
    created_at: datetime = Field(sa_column=moment())
    sms_due_at: datetime = Field(sa_column=moment())
    changed_at: datetime = Field(sa_column=moment())

    @property
    def source(self) -> str:
        """By what name its slots are closed."""
        return f"closing:{self.public_id}"


class ClosingVisit(SQLModel, table=True):
    """One visit that was inside, and what became of it. A row is written once, in the transaction of the change.

    `version` is the visit's after the change: whoever changed it later raised it further. The old slot and place are
    kept to put it back. `unreachable` says why no SMS reaches her. `answer_by`: if she has not chosen until then, she
    is telephoned. `calls` counts the tries.
    """

    __tablename__ = "closing_visit"
    __table_args__ = (
        UniqueConstraint("closing_id", "appointment_id", name="closing_visit_key"),
        CheckConstraint("(fate IN ('asked', 'no_place')) = (answer_by IS NOT NULL)", name="closing_visit_answer_check"),
        CheckConstraint("(fate = 'moved') = (new_slot_id IS NOT NULL)", name="closing_visit_moved_check"),
        CheckConstraint("calls >= 0", name="closing_visit_calls_check"),
        Index("closing_visit_appointment", "appointment_id"),
    )

    id: int | None = Field(default=None, sa_column=key())
    closing_id: int = Field(sa_column=ref("closing.id", name="closing_visit_closing_fk"))
    appointment_id: int = Field(sa_column=ref("appointment.id", name="closing_visit_appointment_fk"))
    facility_id: int = Field(sa_column=copied_ref())
    fate: VisitFate = Field(sa_column=choice(VisitFate))
    version: int = Field(sa_column=number())
    old_slot_id: int = Field(sa_column=copied_ref())
    old_place: int = Field(sa_column=Column(SmallInteger, nullable=False))
    old_reserved: bool = Field(sa_column=flag())
    old_starts_at: datetime = Field(sa_column=moment())
    new_slot_id: int | None = Field(default=None, sa_column=copied_ref(optional=True))
    unreachable: str | None = Field(default=None, sa_column=words(optional=True))
    answer_by: datetime | None = Field(default=None, sa_column=moment(optional=True))
    at: datetime = Field(sa_column=moment())
    undone: UndoneAs | None = Field(default=None, sa_column=optional_choice(UndoneAs))
    call: CallOutcome = Field(default=CallOutcome.NOT_CALLED, sa_column=choice(CallOutcome))
    calls: int = Field(default=0, sa_column=number())
    called_at: datetime | None = Field(default=None, sa_column=moment(optional=True))
    called_by: str | None = Field(default=None, sa_column=words(optional=True))
    note: str = Field(default="", sa_column=words())
