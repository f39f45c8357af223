"""The channel's row, and what was posted by hour, number and facility."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, Column, Date, LargeBinary, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field, SQLModel

from booking.columns import Moment, key, moment, number, optional_choice, words
from booking.sms.gateway import Fault


class SmsChannel(SQLModel, table=True):
    """One provider, as all senders see it: whoever claims texts locks this row for that moment.

    The bucket of posts is one moment, `empty_at`: when it was, or will be, empty. It fills at a steady rate from then.
    `held_at` is when our configuration was first refused; while it stands, one text at `probe_at` tries again.
    `hour_posts` and `day_posts` count texts about visits since `hour_at` and `day_at`; `hour_usual` is what such an
    hour has had, as computed when it began. `amiss` is the doubtful answer that came last, a code or "unknown", and
    `amiss_of` the blind indexes of the numbers that got it since the last text that was taken.
    `told` is what several receipts in a row say (`runs`). `held_told` is for whose fault receipts hold the channel;
    then `probed_at` is when the last probe was taken of which no receipt said anything yet.
    """

    __tablename__ = "sms_channel"

    provider: str = Field(sa_column=Column(Text, primary_key=True))
    empty_at: datetime = Field(sa_column=moment())
    rest_until: datetime | None = Field(default=None, sa_column=moment(optional=True))
    held_at: datetime | None = Field(default=None, sa_column=moment(optional=True))
    held_code: int | None = Field(default=None, sa_column=number(optional=True))
    probe_at: datetime | None = Field(default=None, sa_column=moment(optional=True))
    opened_at: datetime | None = Field(default=None, sa_column=moment(optional=True))
    amiss: str | None = Field(default=None, sa_column=words(optional=True))
    amiss_of: list[bytes] | None = Field(default=None, sa_column=Column(ARRAY(LargeBinary), nullable=True))
    told: dict[str, Any] = Field(
        default_factory=dict, sa_column=Column(JSONB, nullable=False, server_default=text("'{}'::jsonb"))
    )
    held_told: Fault | None = Field(default=None, sa_column=optional_choice(Fault))
    probed_at: datetime | None = Field(default=None, sa_column=moment(optional=True))
    hour_at: datetime = Field(sa_column=moment())
    hour_posts: int = Field(default=0, sa_column=number())
    hour_usual: int = Field(default=0, sa_column=number())
    day_at: datetime = Field(sa_column=moment())
    day_posts: int = Field(default=0, sa_column=number())
    freed_until: datetime | None = Field(default=None, sa_column=moment(optional=True))
    stopped_at: datetime | None = Field(default=None, sa_column=moment(optional=True))


class MessageTally(SQLModel, table=True):
    """How many texts about visits were posted in one window: an hour of a provider, a day of a number or facility."""

    __tablename__ = "message_tally"
    __table_args__ = (CheckConstraint("posts > 0", name="message_tally_posts_check"),)

    scope: str = Field(sa_column=Column(Text, primary_key=True))
    since: datetime = Field(sa_column=Column(Moment, primary_key=True))
    subject: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    posts: int = Field(sa_column=number())


class SmsReconciliation(SQLModel, table=True):
    """One day of the provider's list, compared with our rows.

    `known` rows had the provider's name already, `adopted` ones got it, `advanced` ones learnt their end from the
    list; `strange` are names of texts in the list that no row of ours stands for, at most a hundred of them.
    """

    __tablename__ = "sms_reconciliation"
    __table_args__ = (UniqueConstraint("provider", "day", name="sms_reconciliation_key"),)

    id: int | None = Field(default=None, sa_column=key())
    provider: str = Field(sa_column=words())
    day: date = Field(sa_column=Column(Date, nullable=False))
    listed: int = Field(sa_column=number())
    known: int = Field(sa_column=number())
    adopted: int = Field(sa_column=number())
    advanced: int = Field(sa_column=number())
    unknown: int = Field(sa_column=number())
    strange: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    done_at: datetime = Field(sa_column=moment())
