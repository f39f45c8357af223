"""Staff accounts, where each may work, and the browsers they are signed in on."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, LargeBinary, UniqueConstraint, Uuid
from sqlmodel import Field, SQLModel

from booking.access.kinds import DisabledReason, Role, StaffState
from booking.columns import choice, flag, key, moment, number, optional_choice, ref, words
from booking.sealed import Sealed


class Staff(SQLModel, table=True):
    """Somebody who works here. `everywhere`: all facilities, those of the future too; else the rows of StaffScope.

    `password` is an argon2id hash with its parameters. `authenticator` is the sealed secret of a TOTP device, and
    `authenticator_step` the last time step a code of it was used in, so that none is used twice.
    """

    __tablename__ = "staff"
    __table_args__ = (
        UniqueConstraint("public_id", name="staff_public_id_key"),
        UniqueConstraint("username", name="staff_username_key"),
        CheckConstraint("(state = 'disabled') = (disabled_at IS NOT NULL)", name="staff_disabled_check"),
    )

    id: int | None = Field(default=None, sa_column=key())
    public_id: UUID = Field(sa_column=Column(Uuid, nullable=False))
    username: str = Field(sa_column=words())
    name: str = Field(sa_column=words())
    role: Role = Field(sa_column=choice(Role))
    everywhere: bool = Field(sa_column=flag())
    state: StaffState = Field(default=StaffState.ACTIVE, sa_column=choice(StaffState))
    practitioner_id: int | None = Field(
        default=None, sa_column=ref("practitioner.id", name="staff_practitioner_fk", optional=True)
    )
    password: str = Field(sa_column=words())
    must_change: bool = Field(sa_column=flag())
    authenticator: str | None = Field(default=None, sa_column=Column(Sealed))
    authenticator_step: int | None = Field(default=None, sa_column=Column(BigInteger))
    created_at: datetime = Field(sa_column=moment())
    seen_at: datetime = Field(sa_column=moment())
    disabled_at: datetime | None = Field(default=None, sa_column=moment(optional=True))
    disabled_reason: DisabledReason | None = Field(default=None, sa_column=optional_choice(DisabledReason))


class StaffScope(SQLModel, table=True):
    """One facility somebody may work at."""

    __tablename__ = "staff_scope"

    staff_id: int = Field(
        sa_column=Column(BigInteger, ForeignKey("staff.id", name="staff_scope_staff_fk"), primary_key=True)
    )
    facility_id: int = Field(
        sa_column=Column(BigInteger, ForeignKey("facility.id", name="staff_scope_facility_fk"), primary_key=True)
    )


class StaffSession(SQLModel, table=True):
    """A browser somebody is signed in on. Its cookie holds a random token; we keep a keyed hash of that.

    `seen_at` is when it was last used, to a minute; a desk that stands idle is signed out by it.
    """

    __tablename__ = "staff_session"
    __table_args__ = (
        UniqueConstraint("public_id", name="staff_session_public_id_key"),
        UniqueConstraint("token_hash", name="staff_session_token_key"),
        Index("staff_session_staff", "staff_id", postgresql_where="ended_at IS NULL"),
    )

    id: int | None = Field(default=None, sa_column=key())
    public_id: UUID = Field(sa_column=Column(Uuid, nullable=False))
    token_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    staff_id: int = Field(sa_column=ref("staff.id", name="staff_session_staff_fk"))
    address: str | None = Field(default=None, sa_column=words(optional=True))
    browser: str = Field(sa_column=words())
    created_at: datetime = Field(sa_column=moment())
    seen_at: datetime = Field(sa_column=moment())
    expires_at: datetime = Field(sa_column=moment())
    ended_at: datetime | None = Field(default=None, sa_column=moment(optional=True))


class SignInDelay(SQLModel, table=True):
    """Failures of a user name since its last success, and from when the next try is heard.

    `subject` is a blind index of the name as it was typed, so that names nobody has are delayed like any other.
    """

    __tablename__ = "sign_in_delay"

    subject: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    failures: int = Field(sa_column=number())
    next_try_at: datetime = Field(sa_column=moment())
