"""What one can ask for."""

from typing import Literal

from pydantic import Field, model_validator

from booking.inputs import Command, IsoDate, Name, ShortText
from booking.patients.kinds import Relation

Language = Literal["vi", "en"]
SlotId = int


class PersonInput(Command):
    """For whom the visit is, and the telephone that hears of it."""

    name: Name = Field(examples=["Nguyễn Thị Mẫu"])
    birth_date: IsoDate | None = Field(None, examples=["1990-05-17"])
    birth_year: int | None = Field(None, ge=0, le=9999, description="where the day is not known")
    phone: ShortText = Field(examples=["0903 123 456"])
    relation: Relation = Field(Relation.SELF, description="for whom: oneself, a child, a parent, someone else")


class HoldPlace(Command):
    """Keep a place for five minutes while somebody types."""

    facility: ShortText
    service: ShortText
    slot: SlotId = Field(ge=1, le=2**62)
    language: Language = "vi"


class BookAppointment(Command):
    """Take a place for good: either of a slot, or the one a hold keeps."""

    facility: ShortText | None = Field(None, examples=["TYT-01"])
    service: ShortText | None = Field(None, examples=["kham-tong-quat"])
    slot: SlotId | None = Field(None, ge=1, le=2**62, examples=[1])
    hold: ShortText | None = Field(None, description="the code of a hold; its token goes into Authorization")
    patient: PersonInput
    language: Language = "vi"

    @model_validator(mode="after")
    def _one_way(self) -> "BookAppointment":
        if self.hold is None and (self.slot is None or self.facility is None or self.service is None):
            raise ValueError("name facility, service and slot, or a hold")
        if self.hold is not None and self.slot is not None:
            raise ValueError("name a slot or a hold, not both")
        return self


class CancelAppointment(Command):
    """Give the place up."""

    reason: ShortText | None = None


class RescheduleAppointment(Command):
    """Take another slot of the same service, then free the old one, in one transaction."""

    slot: SlotId = Field(ge=1, le=2**62)
