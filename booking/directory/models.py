"""Tables of the directory. Constraints are named by hand: their names are part of our errors."""

from datetime import date, time

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Float,
    Index,
    Integer,
    Time,
    UniqueConstraint,
    false,
    text,
    true,
)
from sqlmodel import Field, SQLModel

from booking.columns import choice, flag, key, number, ref, words
from booking.directory.kinds import FacilityKind, FacilityState, Payment, WordKind


class Facility(SQLModel, table=True):
    """A hospital, medical centre or health station, under its old and its new ward.

    Empty contact fields are unknown, not absent: pages hide them and show the parent's telephone.
    `training`: a place to practise, with invented patients. Patients never see it, no figure counts it, nothing that
    happens in it is sent; whoever reads over several facilities leaves it out.
    """

    __tablename__ = "facility"
    __table_args__ = (
        UniqueConstraint("code", name="facility_code_key"),
        CheckConstraint("(state = 'merged_into') = (merged_into_id IS NOT NULL)", name="facility_merged_check"),
        # Whatever asks whether patients may book asks for the state: a place to practise is never in one of those.
        CheckConstraint("NOT training OR state = 'not_yet_open'", name="facility_training_check"),
    )

    id: int | None = Field(default=None, sa_column=key())
    code: str = Field(sa_column=words())
    kind: FacilityKind = Field(sa_column=choice(FacilityKind))
    state: FacilityState = Field(sa_column=choice(FacilityState))
    name: str = Field(sa_column=words())
    name_en: str = Field(sa_column=words())
    sms_name: str = Field(sa_column=words())
    address: str | None = Field(default=None, sa_column=words(optional=True))
    phone: str | None = Field(default=None, sa_column=words(optional=True))
    latitude: float | None = Field(default=None, sa_column=Column(Float))
    longitude: float | None = Field(default=None, sa_column=Column(Float))
    ward_2023: str | None = Field(default=None, sa_column=words(optional=True))
    gso_ward_code_2023: str | None = Field(default=None, sa_column=words(optional=True))
    ward_2025: str | None = Field(default=None, sa_column=words(optional=True))
    parent_id: int | None = Field(default=None, sa_column=ref("facility.id", name="facility_parent_fk", optional=True))
    merged_into_id: int | None = Field(
        default=None, sa_column=ref("facility.id", name="facility_merged_fk", optional=True)
    )
    ma_cskcb: str | None = Field(default=None, sa_column=words(optional=True))
    confirmed: bool = Field(sa_column=flag())
    search_key: str = Field(sa_column=words())
    sort_key: str = Field(sa_column=words(bytewise=True))
    valid_from: date | None = Field(default=None, sa_column=Column(Date))
    valid_to: date | None = Field(default=None, sa_column=Column(Date))
    training: bool = Field(default=False, sa_column=Column(Boolean, nullable=False, server_default=false()))


class Department(SQLModel, table=True):
    """A department of a hospital (khoa, chuyên khoa)."""

    __tablename__ = "department"
    __table_args__ = (UniqueConstraint("facility_id", "code", name="department_code_key"),)

    id: int | None = Field(default=None, sa_column=key())
    facility_id: int = Field(sa_column=ref("facility.id", name="department_facility_fk"))
    code: str = Field(sa_column=words())
    name: str = Field(sa_column=words())
    name_en: str = Field(sa_column=words())


class Service(SQLModel, table=True):
    """What one comes for, at one facility (FHIR HealthcareService).

    Minutes are counted back from the start of a slot: `lead_minutes` is how late one may book, `cancel_minutes` how
    late one may move or cancel. `sms_label` is discreet: a text never betrays a diagnosis. `prepare` is what to do
    before the visit, such as fasting: null where nobody has said yet, empty where there is nothing to do.
    """

    __tablename__ = "service"
    __table_args__ = (
        UniqueConstraint("facility_id", "code", name="service_code_key"),
        CheckConstraint("duration_minutes BETWEEN 1 AND 480", name="service_duration_check"),
        CheckConstraint("lead_minutes >= 0 AND cancel_minutes >= 0", name="service_limits_check"),
        CheckConstraint("horizon_days BETWEEN 1 AND 365", name="service_horizon_check"),
        CheckConstraint("remind_day_at >= '07:00' AND remind_day_at < '21:00'", name="service_remind_day_check"),
        CheckConstraint("remind_minutes BETWEEN 30 AND 720", name="service_remind_minutes_check"),
    )

    id: int | None = Field(default=None, sa_column=key())
    facility_id: int = Field(sa_column=ref("facility.id", name="service_facility_fk"))
    department_id: int | None = Field(
        default=None, sa_column=ref("department.id", name="service_department_fk", optional=True)
    )
    code: str = Field(sa_column=words())
    name: str = Field(sa_column=words())
    name_en: str = Field(sa_column=words())
    sms_label: str = Field(sa_column=words())
    duration_minutes: int = Field(sa_column=number())
    bring: str = Field(sa_column=words())
    bring_en: str = Field(sa_column=words())
    prepare: str | None = Field(default=None, sa_column=words(optional=True))
    prepare_en: str | None = Field(default=None, sa_column=words(optional=True))
    payment: Payment = Field(sa_column=choice(Payment))
    fee_vnd: int | None = Field(default=None, sa_column=number(optional=True))
    lead_minutes: int = Field(sa_column=number())
    horizon_days: int = Field(sa_column=number())
    cancel_minutes: int = Field(sa_column=number())
    bookable: bool = Field(sa_column=flag())
    confirmed: bool = Field(sa_column=flag())
    sort_key: str = Field(sa_column=words(bytewise=True))
    remind_day_at: time | None = Field(default=time(18), sa_column=Column(Time, server_default=text("'18:00'")))
    remind_minutes: int | None = Field(default=120, sa_column=Column(Integer, server_default=text("120")))


class Practitioner(SQLModel, table=True):
    """Who examines. `code` is ours; what a hospital's software calls the same person stands in its feed."""

    __tablename__ = "practitioner"
    __table_args__ = (UniqueConstraint("facility_id", "code", name="practitioner_code_key"),)

    id: int | None = Field(default=None, sa_column=key())
    facility_id: int = Field(sa_column=ref("facility.id", name="practitioner_facility_fk"))
    code: str = Field(sa_column=words())
    name: str = Field(sa_column=words())
    sample: bool = Field(sa_column=flag())
    active: bool = Field(default=True, sa_column=Column(Boolean, nullable=False, server_default=true()))


class Room(SQLModel, table=True):
    """Where one is examined (phòng số …). `day_limit`: the facility takes no more visits than that in it a day."""

    __tablename__ = "room"
    __table_args__ = (
        UniqueConstraint("facility_id", "code", name="room_code_key"),
        CheckConstraint("day_limit BETWEEN 1 AND 500", name="room_limit_check"),
    )

    id: int | None = Field(default=None, sa_column=key())
    facility_id: int = Field(sa_column=ref("facility.id", name="room_facility_fk"))
    code: str = Field(sa_column=words())
    name: str = Field(sa_column=words())
    active: bool = Field(default=True, sa_column=Column(Boolean, nullable=False, server_default=true()))
    day_limit: int | None = Field(default=None, sa_column=number(optional=True))


class Notice(SQLModel, table=True):
    """What patients are told on the pages of a facility, or of one service of it, from one day to another (included).

    `text_en` is empty where nobody has written it: then the Vietnamese text is shown to all.
    """

    __tablename__ = "notice"
    __table_args__ = (
        CheckConstraint("shown_from <= shown_until", name="notice_days_check"),
        Index("notice_facility", "facility_id", "shown_until"),
    )

    id: int | None = Field(default=None, sa_column=key())
    facility_id: int = Field(sa_column=ref("facility.id", name="notice_facility_fk"))
    service_id: int | None = Field(default=None, sa_column=ref("service.id", name="notice_service_fk", optional=True))
    text: str = Field(sa_column=words())
    text_en: str = Field(default="", sa_column=words())
    shown_from: date = Field(sa_column=Column(Date, nullable=False))
    shown_until: date = Field(sa_column=Column(Date, nullable=False))


class SearchWord(SQLModel, table=True):
    """A word or phrase that people type, and what it leads to.

    `phrase` is in small letters, with its accents. `target` is a service's code, a Paper, the other word for the same,
    or empty. A word that was removed stays as a row that is not `active`, so that seeding does not bring it back.
    """

    __tablename__ = "search_word"
    __table_args__ = (
        UniqueConstraint("kind", "phrase", "target", name="search_word_key"),
        CheckConstraint("(kind IN ('emergency', 'nothing')) = (target = '')", name="search_word_target_check"),
    )

    id: int | None = Field(default=None, sa_column=key())
    kind: WordKind = Field(sa_column=choice(WordKind))
    phrase: str = Field(sa_column=words())
    target: str = Field(default="", sa_column=words())
    active: bool = Field(default=True, sa_column=flag())
