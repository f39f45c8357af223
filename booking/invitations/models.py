"""The tables of invitations. They hold no name and no number in the clear: most slips concern people unknown here."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    LargeBinary,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel

from booking.appointments.closing.kinds import CallOutcome
from booking.columns import choice, key, moment, number, ref, words
from booking.invitations.kinds import InvitationState
from booking.sealed import Sealed


class Invitation(SQLModel, table=True):
    """A re-examination slip.

    `marks` are blind indexes of the numbers of the person's papers, `name_index` one of her folded name; together with
    the birth they say whom it concerns, asked anew whenever somebody looks: whoever enters her number tomorrow finds
    it then. `birth_day` is sealed. `appointment_id` is the visit it was used for. `as_of` is when the file that
    spoke of it last says it was made: an older one changes nothing. `code` is given with the text that tells of it.
    """

    __tablename__ = "invitation"
    __table_args__ = (
        UniqueConstraint("public_id", name="invitation_public_id_key"),
        UniqueConstraint("source", "source_key", name="invitation_source_key"),
        UniqueConstraint("code", name="invitation_code_key"),
        CheckConstraint("first_day <= due AND due <= last_day", name="invitation_days_check"),
        CheckConstraint("cardinality(marks) > 0", name="invitation_marks_check"),
        CheckConstraint("(state = 'used') = (appointment_id IS NOT NULL)", name="invitation_used_check"),
        Index("invitation_marks", "marks", postgresql_using="gin"),
        Index("invitation_open", "last_day", postgresql_where="state = 'open'"),
        Index("invitation_appointment", "appointment_id", postgresql_where="appointment_id IS NOT NULL"),
    )

    id: int | None = Field(default=None, sa_column=key())
    public_id: UUID = Field(sa_column=Column(Uuid, nullable=False))
    source: str = Field(sa_column=words())
    source_key: str = Field(sa_column=words())
    facility_id: int = Field(sa_column=ref("facility.id", name="invitation_facility_fk"))
    service_id: int | None = Field(
        default=None, sa_column=ref("service.id", name="invitation_service_fk", optional=True)
    )
    marks: list[bytes] = Field(sa_column=Column(ARRAY(LargeBinary), nullable=False))
    name_index: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    birth_year: int = Field(sa_column=number())
    birth_day: str | None = Field(default=None, sa_column=Column(Sealed))
    due: date = Field(sa_column=Column(Date, nullable=False))
    first_day: date = Field(sa_column=Column(Date, nullable=False))
    last_day: date = Field(sa_column=Column(Date, nullable=False))
    state: InvitationState = Field(sa_column=choice(InvitationState))
    appointment_id: int | None = Field(
        default=None, sa_column=ref("appointment.id", name="invitation_appointment_fk", optional=True)
    )
    received_at: datetime = Field(sa_column=moment())
    changed_at: datetime = Field(sa_column=moment())
    as_of: datetime | None = Field(default=None, sa_column=moment(optional=True))
    code: str | None = Field(default=None, sa_column=words(optional=True))


class InvitationCall(SQLModel, table=True):
    """What came of telephoning about a slip, for the day it is due: on another, there is something new to tell.

    `calls` counts the tries.
    """

    __tablename__ = "invitation_call"
    __table_args__ = (CheckConstraint("calls > 0", name="invitation_call_calls_check"),)

    invitation_id: int = Field(
        sa_column=Column(
            BigInteger, ForeignKey("invitation.id", name="invitation_call_invitation_fk"), primary_key=True
        )
    )
    due: date = Field(sa_column=Column(Date, primary_key=True))
    call: CallOutcome = Field(sa_column=choice(CallOutcome))
    calls: int = Field(sa_column=number())
    called_at: datetime = Field(sa_column=moment())
    called_by: str | None = Field(default=None, sa_column=words(optional=True))
    note: str = Field(default="", sa_column=words())
