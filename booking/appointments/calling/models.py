"""What came of telephoning somebody about a visit as it stands, where no closing keeps it."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Integer
from sqlmodel import Field, SQLModel

from booking.appointments.closing.kinds import CallOutcome
from booking.columns import choice, moment, number, words


class VisitCall(SQLModel, table=True):
    """Of one version of a visit: moved once more, there is something new to tell. `calls` counts the tries."""

    __tablename__ = "visit_call"
    __table_args__ = (CheckConstraint("calls > 0", name="visit_call_calls_check"),)

    appointment_id: int = Field(
        sa_column=Column(BigInteger, ForeignKey("appointment.id", name="visit_call_appointment_fk"), primary_key=True)
    )
    version: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    call: CallOutcome = Field(sa_column=choice(CallOutcome))
    calls: int = Field(sa_column=number())
    called_at: datetime = Field(sa_column=moment())
    called_by: str | None = Field(default=None, sa_column=words(optional=True))
    note: str = Field(default="", sa_column=words())
