"""A patient's wish to be told by SMS when few people are left before her."""

from datetime import datetime

from sqlalchemy import BigInteger, Column, ForeignKey, Index
from sqlmodel import Field, SQLModel

from booking.columns import moment


class NearWish(SQLModel, table=True):
    """She asked for it herself, for one visit; taking it back removes the row. Forgotten two days later."""

    __tablename__ = "near_wish"
    __table_args__ = (Index("near_wish_said_at", "said_at"),)

    appointment_id: int = Field(
        sa_column=Column(
            BigInteger,
            ForeignKey("appointment.id", name="near_wish_appointment_fk", ondelete="CASCADE"),
            primary_key=True,
            autoincrement=False,
        )
    )
    said_at: datetime = Field(sa_column=moment())
