"""People. Phone, citizen ID and insurance number are sealed; searching goes through blind indexes."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, Date, Index, LargeBinary, UniqueConstraint, Uuid
from sqlmodel import Field, SQLModel

from booking.columns import key, moment, number, words
from booking.sealed import Sealed


class Patient(SQLModel, table=True):
    """A person. Until sign-in she is known by `match_key`: a keyed hash of phone, folded name and birth.

    A phone is a contact shared by a family, never the key of a person by itself. The birth date may be a year only.
    """

    __tablename__ = "patient"
    __table_args__ = (
        UniqueConstraint("public_id", name="patient_public_id_key"),
        UniqueConstraint("match_key", name="patient_match_key"),
        CheckConstraint("birth_date IS NULL OR birth_year = EXTRACT(YEAR FROM birth_date)", name="patient_birth_check"),
        Index("patient_phone", "phone_index"),
        Index("patient_citizen_id", "citizen_id_index", postgresql_where="citizen_id_index IS NOT NULL"),
        Index("patient_bhyt", "bhyt_index", postgresql_where="bhyt_index IS NOT NULL"),
    )

    id: int | None = Field(default=None, sa_column=key())
    public_id: UUID = Field(sa_column=Column(Uuid, nullable=False))
    match_key: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    name: str = Field(sa_column=words())
    name_folded: str = Field(sa_column=words())
    name_sort: str = Field(sa_column=words(bytewise=True))
    birth_date: date | None = Field(default=None, sa_column=Column(Date))
    birth_year: int = Field(sa_column=number())
    phone: str = Field(sa_column=Column(Sealed, nullable=False))
    phone_index: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    phone_last4_index: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    citizen_id: str | None = Field(default=None, sa_column=Column(Sealed))
    citizen_id_index: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    bhyt_number: str | None = Field(default=None, sa_column=Column(Sealed))
    bhyt_index: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    created_at: datetime = Field(sa_column=moment())
