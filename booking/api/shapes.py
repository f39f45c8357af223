"""What the JSON door answers with, for its documentation. The hot answers are built by PostgreSQL in these shapes."""

from datetime import date, datetime
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from booking.appointments.kinds import AppointmentState

T = TypeVar("T")


class Items(BaseModel, Generic[T]):
    """A list."""

    items: list[T]


class SlotShape(BaseModel):
    """A time one can book. `free` counts the places that can be booked from home now."""

    id: int = Field(examples=[4711])
    start: datetime = Field(examples=["2026-11-30T07:30:00+07:00"])
    end: datetime = Field(examples=["2026-11-30T08:00:00+07:00"])
    free: int = Field(examples=[3])
    status: Literal["free", "full", "closed"]
    practitioner: str | None
    room: str | None = Field(examples=["Phòng số 1"])


class DayShape(BaseModel):
    """A day with slots: the free places of all of them, and whether any takes bookings at all."""

    day: date = Field(examples=["2026-11-30"])
    free: int = Field(examples=[24])
    slots: int = Field(examples=[18])
    open: bool


class Named(BaseModel):
    """A facility or service by its code, in both languages."""

    code: str = Field(examples=["TYT-01"])
    name: str = Field(examples=["Trạm Y tế Mẫu"])
    name_en: str = Field(examples=["Sample health station"])


class SlotSpan(BaseModel):
    """The slot of an appointment."""

    id: int = Field(examples=[4711])
    start: datetime = Field(examples=["2026-11-30T07:30:00+07:00"])
    end: datetime = Field(examples=["2026-11-30T07:45:00+07:00"])


class PatientShape(BaseModel):
    """For whom the visit is."""

    name: str = Field(examples=["Nguyễn Thị Mẫu"])


class AppointmentShape(BaseModel):
    """An appointment as its holder sees it.

    `place` is the number of the place in the slot; `change_until` the last moment to move or cancel; `version` rises
    with every change the patient hears of.
    """

    code: str = Field(examples=["K7M2PQ4R"])
    state: AppointmentState = Field(examples=["booked"])
    version: int = Field(examples=[1])
    facility: Named
    service: Named
    slot: SlotSpan
    place: int = Field(examples=[2])
    patient: PatientShape | None = Field(description="null for a hold")
    change_until: datetime = Field(examples=["2026-11-30T05:30:00+07:00"])
    expires_at: datetime | None = Field(description="of a hold: until when the place is kept", examples=[None])


class TicketShape(AppointmentShape):
    """An appointment with what opens it. Keep the token as you would keep a key."""

    token: str = Field(examples=["b0bzYp1QJx2m3n4o5p6q7r8s9t0"])
    link: str = Field(examples=["https://henkham.example/t/K7M2PQ4R/b0bzYp1QJx2m3n4o5p6q7r8s9t0"])


class Problem(BaseModel):
    """RFC 9457. `code` is stable and documented in docs/errors.md; more members carry the facts of the case."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(examples=["https://henkham.example/errors/slot_full"])
    title: str = Field(
        description="what happened, in the reader's language", examples=["This time has just filled up."]
    )
    status: int = Field(examples=[409])
    detail: str = Field(description="what to do", examples=["Choose another time; the nearest free ones are shown."])
    code: str = Field(examples=["slot_full"])
    request_id: str | None = Field(description="name it when you ask us about this answer", examples=["q4Zc0xP2b7dM"])


def refuses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI responses for the problems an operation may answer with."""
    said = {
        400: "The idempotency key is missing, or the body is not JSON.",
        403: "A browser sent it for another site. Servers and apps send neither Origin nor Sec-Fetch-Site.",
        404: "It does not exist for the one who asks.",
        409: "The world changed: the time is full, the visit was changed. `nearest` lists free times where that helps.",
        413: "The body is larger than 64 kB.",
        415: "The body is not called application/json.",
        422: "The request can never work as it stands.",
        429: "Too many tries; Retry-After says when.",
        503: "Not known yet or too busy; repeat with the same key.",
    }
    return {status: {"description": said[status]} for status in statuses}
