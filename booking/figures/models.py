"""What managers made of suspicions."""

from datetime import datetime

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from booking.columns import choice, copied_ref, key, moment, ref, words
from booking.figures.kinds import Verdict


class SuspicionAnswer(SQLModel, table=True):
    """A manager's answer to a note about a person (`PatientFlag`); each note is answered once. `staff`: public id."""

    __tablename__ = "suspicion_answer"
    __table_args__ = (
        UniqueConstraint("flag_id", name="suspicion_answer_flag_key"),
        Index("suspicion_answer_facility", "facility_id", "at"),
    )

    id: int | None = Field(default=None, sa_column=key())
    flag_id: int = Field(sa_column=ref("patient_flag.id", name="suspicion_answer_flag_fk"))
    facility_id: int = Field(sa_column=copied_ref())
    verdict: Verdict = Field(sa_column=choice(Verdict))
    staff: str | None = Field(default=None, sa_column=words(optional=True))
    at: datetime = Field(sa_column=moment())
