"""The register of people's requests."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, Date, Index, UniqueConstraint, Uuid
from sqlmodel import Field, SQLModel

from booking.columns import choice, key, moment, ref, words
from booking.requests.kinds import RequestDoor, RequestKind, RequestState
from booking.sealed import Sealed


class DataRequest(SQLModel, table=True):
    """One request to one facility.

    `patient_id` and `account_id` where she asked signed in; at a desk `name` and `phone` are what she gave. `said` is
    her request, `answer` what she was told at the end. `reply_by` is the day by which she is told that it was received,
    `replied_at` when she was; `due` the day by which it is done. `received_by`, `ended_by`: public ids of staff.
    """

    __tablename__ = "data_request"
    __table_args__ = (
        UniqueConstraint("public_id", name="data_request_public_id_key"),
        CheckConstraint("(state = 'open') = (ended_at IS NULL)", name="data_request_ended_check"),
        CheckConstraint("(state = 'open') = (answer IS NULL)", name="data_request_answer_check"),
        Index("data_request_open", "facility_id", "due", postgresql_where="state = 'open'"),
        Index("data_request_patient", "patient_id", postgresql_where="patient_id IS NOT NULL"),
    )

    id: int | None = Field(default=None, sa_column=key())
    public_id: UUID = Field(sa_column=Column(Uuid, nullable=False))
    facility_id: int = Field(sa_column=ref("facility.id", name="data_request_facility_fk"))
    kind: RequestKind = Field(sa_column=choice(RequestKind))
    door: RequestDoor = Field(sa_column=choice(RequestDoor))
    patient_id: int | None = Field(
        default=None, sa_column=ref("patient.id", name="data_request_patient_fk", optional=True)
    )
    account_id: int | None = Field(
        default=None, sa_column=ref("account.id", name="data_request_account_fk", optional=True)
    )
    name: str = Field(sa_column=Column(Sealed, nullable=False))
    phone: str | None = Field(default=None, sa_column=Column(Sealed))
    said: str = Field(sa_column=Column(Sealed, nullable=False))
    received_at: datetime = Field(sa_column=moment())
    received_by: str | None = Field(default=None, sa_column=words(optional=True))
    reply_by: date = Field(sa_column=Column(Date, nullable=False))
    due: date = Field(sa_column=Column(Date, nullable=False))
    replied_at: datetime | None = Field(default=None, sa_column=moment(optional=True))
    state: RequestState = Field(default=RequestState.OPEN, sa_column=choice(RequestState))
    answer: str | None = Field(default=None, sa_column=Column(Sealed))
    ended_at: datetime | None = Field(default=None, sa_column=moment(optional=True))
    ended_by: str | None = Field(default=None, sa_column=words(optional=True))
