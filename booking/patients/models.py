"""People, the numbers they are reached by, and what they agreed to.

Phone, citizen ID and insurance number are sealed; searching goes through blind indexes.
"""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Index,
    LargeBinary,
    SmallInteger,
    UniqueConstraint,
    Uuid,
    false,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from booking.columns import choice, copied_ref, flag, key, moment, number, optional_choice, ref, words
from booking.patients.kinds import Consenter, ConsentPurpose, FlagKind, PriorityClass, Relation, Sex
from booking.sealed import Sealed


class Patient(SQLModel, table=True):
    """A person. Without a profile she is known by `match_key`: a keyed hash of phone, folded name and birth.

    A phone is a contact shared by a family, never the key of a person by itself. The birth date may be a year only.
    `no_sms` repeats the newest answer to the consent of that purpose, for whoever writes a message.
    `wrong_number_at` is set when somebody reached by `phone` said that it is not hers: nothing more is sent to it.
    `erased_at` is set when the person asked to be forgotten: what is left is what the law keeps.
    A person may have no telephone; then `match_key` is made of a card, or of nothing anybody could name.
    `merged_into_id`: the desk found that this row and another are one person. It stays as a signpost to the other.
    `training`: invented, at the place to practise. Her keys are made in a way of their own (`realm`), so that she and a
    real person of the same number never meet.
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
    sex: Sex | None = Field(default=None, sa_column=optional_choice(Sex))
    ward: str | None = Field(default=None, sa_column=words(optional=True))
    guardian_name: str | None = Field(default=None, sa_column=words(optional=True))
    priority_claimed: PriorityClass | None = Field(default=None, sa_column=optional_choice(PriorityClass))
    phone: str | None = Field(default=None, sa_column=Column(Sealed))
    phone_index: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    phone_last4_index: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    citizen_id: str | None = Field(default=None, sa_column=Column(Sealed))
    citizen_id_index: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    bhyt_number: str | None = Field(default=None, sa_column=Column(Sealed))
    bhyt_index: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    created_at: datetime = Field(sa_column=moment())
    no_sms: bool = Field(default=False, sa_column=Column(Boolean, nullable=False, server_default=false()))
    wrong_number_at: datetime | None = Field(default=None, sa_column=moment(optional=True))
    erased_at: datetime | None = Field(default=None, sa_column=moment(optional=True))
    merged_into_id: int | None = Field(
        default=None, sa_column=ref("patient.id", name="patient_merged_fk", optional=True)
    )
    training: bool = Field(default=False, sa_column=Column(Boolean, nullable=False, server_default=false()))


class Account(SQLModel, table=True):
    """A mobile number whose holder proved it with a code. `seen_at` is the last time she did, or used a session.

    `birth_misses` counts wrong dates of birth since the number fell silent.
    An account ends when the number changed hands; the next holder begins a new one and sees nothing of the old.
    """

    __tablename__ = "account"
    __table_args__ = (
        UniqueConstraint("public_id", name="account_public_id_key"),
        Index("account_phone_key", "phone_index", unique=True, postgresql_where="ended_at IS NULL"),
    )

    id: int | None = Field(default=None, sa_column=key())
    public_id: UUID = Field(sa_column=Column(Uuid, nullable=False))
    phone: str = Field(sa_column=Column(Sealed, nullable=False))
    phone_index: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    created_at: datetime = Field(sa_column=moment())
    seen_at: datetime = Field(sa_column=moment())
    birth_misses: int = Field(default=0, sa_column=Column(SmallInteger, nullable=False, server_default=text("0")))
    ended_at: datetime | None = Field(default=None, sa_column=moment(optional=True))


class Profile(SQLModel, table=True):
    """A person somebody books for. An account may have several, and a person may stand in several accounts.

    `as_child`: this account once had her as a child, or while she was a minor, whatever it calls her now: of age she
    has her own say. `agreed_at`: she let this account go on booking for her.
    """

    __tablename__ = "profile"
    __table_args__ = (
        UniqueConstraint("public_id", name="profile_public_id_key"),
        Index("profile_key", "account_id", "patient_id", unique=True, postgresql_where="ended_at IS NULL"),
        Index("profile_patient", "patient_id"),
    )

    id: int | None = Field(default=None, sa_column=key())
    public_id: UUID = Field(sa_column=Column(Uuid, nullable=False))
    account_id: int = Field(sa_column=ref("account.id", name="profile_account_fk"))
    patient_id: int = Field(sa_column=ref("patient.id", name="profile_patient_fk"))
    relation: Relation = Field(sa_column=choice(Relation))
    created_at: datetime = Field(sa_column=moment())
    as_child: bool = Field(default=False, sa_column=flag())
    agreed_at: datetime | None = Field(default=None, sa_column=moment(optional=True))
    ended_at: datetime | None = Field(default=None, sa_column=moment(optional=True))


class Consent(SQLModel, table=True):
    """One answer to one question of consent. Append-only: the newest of a patient and purpose holds.

    `wording` is the version of the text that was shown, `language` the one it was shown in, `channel` where.
    `consenter` is who was asked to agree, by her age that day; empty in rows older than the column.
    """

    __tablename__ = "consent"
    __table_args__ = (Index("consent_patient", "patient_id", "purpose", "id"),)

    id: int | None = Field(default=None, sa_column=key())
    patient_id: int = Field(sa_column=ref("patient.id", name="consent_patient_fk"))
    account_id: int | None = Field(default=None, sa_column=ref("account.id", name="consent_account_fk", optional=True))
    purpose: ConsentPurpose = Field(sa_column=choice(ConsentPurpose))
    granted: bool = Field(sa_column=flag())
    consenter: Consenter | None = Field(default=None, sa_column=optional_choice(Consenter))
    wording: int = Field(sa_column=number())
    language: str = Field(sa_column=words())
    channel: str = Field(sa_column=words())
    at: datetime = Field(sa_column=moment())


class PatientFlag(SQLModel, table=True):
    """Something about a person that staff should look at. `facts` hold no personal data."""

    __tablename__ = "patient_flag"
    __table_args__ = (Index("patient_flag_open", "kind", "id", postgresql_where="settled_at IS NULL"),)

    id: int | None = Field(default=None, sa_column=key())
    patient_id: int = Field(sa_column=ref("patient.id", name="patient_flag_patient_fk"))
    kind: FlagKind = Field(sa_column=choice(FlagKind))
    facts: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    created_at: datetime = Field(sa_column=moment())
    settled_at: datetime | None = Field(default=None, sa_column=moment(optional=True))


class PatientMerge(SQLModel, table=True):
    """Two rows that a desk declared to be one person. `moved` names the rows that changed hands, so that it is undone.

    `moved` holds ids only: table → ids, and of profiles that ended because the account had both. What was made after
    the merge is the kept person's and stays with her when it is undone.
    """

    __tablename__ = "patient_merge"
    __table_args__ = (
        UniqueConstraint("public_id", name="patient_merge_public_id_key"),
        CheckConstraint("kept_id <> merged_id", name="patient_merge_two_check"),
        CheckConstraint("(undone_at IS NULL) = (undone_by IS NULL)", name="patient_merge_undone_check"),
        Index("patient_merge_live_key", "merged_id", unique=True, postgresql_where="undone_at IS NULL"),
        Index("patient_merge_kept", "kept_id"),
    )

    id: int | None = Field(default=None, sa_column=key())
    public_id: UUID = Field(sa_column=Column(Uuid, nullable=False))
    kept_id: int = Field(sa_column=ref("patient.id", name="patient_merge_kept_fk"))
    merged_id: int = Field(sa_column=ref("patient.id", name="patient_merge_merged_fk"))
    facility_id: int = Field(sa_column=copied_ref())
    moved: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    made_at: datetime = Field(sa_column=moment())
    made_by: str = Field(sa_column=words())
    undone_at: datetime | None = Field(default=None, sa_column=moment(optional=True))
    undone_by: str | None = Field(default=None, sa_column=words(optional=True))
