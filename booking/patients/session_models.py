"""Tables of signing in: codes that were asked for, and the sessions they opened."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, Index, LargeBinary, SmallInteger, UniqueConstraint, Uuid
from sqlmodel import Field, SQLModel

from booking.columns import choice, flag, key, moment, ref
from booking.patients.kinds import CodePurpose
from booking.sealed import Sealed


class VerificationCode(SQLModel, table=True):
    """Six digits somebody asked for. The code itself is kept only as a keyed hash (`code_hash`).

    `asker` is a keyed hash of the mark of the browser that asked: the code is good there and nowhere else. `subject`
    names what it is for, such as the profile of a grown-up child. `used_at` is set by the one use there is. `read_out`:
    it went by telephone from the desk, not by SMS. A request that met a limit has a code nobody knows, neither `sent`
    nor `read_out` and over from the beginning; the desk may read one out for it. `given_up_at`: the browser signed out
    since, and waits for it no more.
    """

    __tablename__ = "verification_code"
    __table_args__ = (
        UniqueConstraint("public_id", name="verification_code_public_id_key"),
        CheckConstraint("tries >= 0", name="verification_code_tries_check"),
        Index("verification_code_asker", "asker", "purpose", "id"),
        Index("verification_code_phone", "phone_index", "id"),
    )

    id: int | None = Field(default=None, sa_column=key())
    public_id: UUID = Field(sa_column=Column(Uuid, nullable=False))
    purpose: CodePurpose = Field(sa_column=choice(CodePurpose))
    subject: UUID | None = Field(default=None, sa_column=Column(Uuid))
    phone: str = Field(sa_column=Column(Sealed, nullable=False))
    phone_index: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    asker: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    code_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    tries: int = Field(default=0, sa_column=Column(SmallInteger, nullable=False))
    created_at: datetime = Field(sa_column=moment())
    expires_at: datetime = Field(sa_column=moment())
    used_at: datetime | None = Field(default=None, sa_column=moment(optional=True))
    given_up_at: datetime | None = Field(default=None, sa_column=moment(optional=True))
    read_out: bool = Field(default=False, sa_column=flag())
    sent: bool = Field(default=True, sa_column=flag())


class PatientSession(SQLModel, table=True):
    """A browser that is signed in. Its cookie holds a random token, and we keep a keyed hash of that.

    `shared`: a phone that others use too; such a session is short. `checked_at` is None while a number that was silent
    for long still has to name a birth date before the family behind it opens.
    """

    __tablename__ = "patient_session"
    __table_args__ = (
        UniqueConstraint("token_hash", name="patient_session_token_key"),
        Index("patient_session_account", "account_id", postgresql_where="ended_at IS NULL"),
    )

    id: int | None = Field(default=None, sa_column=key())
    public_id: UUID = Field(sa_column=Column(Uuid, nullable=False))
    token_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    account_id: int = Field(sa_column=ref("account.id", name="patient_session_account_fk"))
    shared: bool = Field(sa_column=flag())
    tries: int = Field(default=0, sa_column=Column(SmallInteger, nullable=False))
    created_at: datetime = Field(sa_column=moment())
    seen_at: datetime = Field(sa_column=moment())
    expires_at: datetime = Field(sa_column=moment())
    checked_at: datetime | None = Field(default=None, sa_column=moment(optional=True))
    ended_at: datetime | None = Field(default=None, sa_column=moment(optional=True))
