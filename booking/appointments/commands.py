"""What one can ask for."""

from uuid import UUID

from pydantic import ConfigDict, Field, model_validator
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError

from booking.appointments.kinds import ChangeReason
from booking.i18n import Language
from booking.inputs import Command, IsoDate, Name, ShortText, Whole
from booking.patients.kinds import Relation

SlotId = Whole
LARGEST_SLOT = 2**62
"""No row has a higher number: it leaves room in a bigint."""

_OF_A_SLOT: JsonDict = {"facility": "TYT-01", "service": "kham-tong-quat", "slot": 4711}
_SAMPLE: JsonDict = {"name": "Nguyễn Thị Mẫu", "birth_year": 1958, "phone": "0903 123 456", "relation": "self"}


class PersonInput(Command):
    """For whom the visit is, and the telephone that hears of it.

    Either `birth_date` or `birth_year` is needed.
    """

    name: Name = Field(description="at most 100 letters", examples=["Nguyễn Thị Mẫu"])
    birth_date: IsoDate | None = Field(None, examples=["1990-05-17"])
    birth_year: Whole | None = Field(None, ge=0, le=9999, description="where the day is not known")
    phone: ShortText = Field(description="a number of Vietnam, however it is written", examples=["0903 123 456"])
    relation: Relation = Field(Relation.SELF, description="for whom: oneself, a child, a parent, someone else")


class HoldPlace(Command):
    """Keep a place for five minutes while somebody types."""

    model_config = ConfigDict(json_schema_extra={"examples": [_OF_A_SLOT]})

    facility: ShortText = Field(examples=["TYT-01"])
    service: ShortText = Field(examples=["kham-tong-quat"])
    slot: SlotId = Field(ge=1, le=LARGEST_SLOT, examples=[4711])
    language: Language = Field("vi", description="of the texts that are sent about it")


class BookAppointment(Command):
    """Take a place for good: either of a slot, or the one a hold keeps."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {**_OF_A_SLOT, "patient": _SAMPLE, "language": "vi"},
                {"hold": "K7M2PQ4R", "patient": _SAMPLE, "language": "vi"},
            ]
        }
    )

    facility: ShortText | None = Field(None, examples=["TYT-01"])
    service: ShortText | None = Field(None, examples=["kham-tong-quat"])
    slot: SlotId | None = Field(None, ge=1, le=LARGEST_SLOT, examples=[4711])
    hold: ShortText | None = Field(
        None, description="the code of a hold; its token goes into Authorization", examples=["K7M2PQ4R"]
    )
    patient: PersonInput
    language: Language = Field("vi", description="of the texts that are sent about it")

    @model_validator(mode="after")
    def _one_way(self) -> "BookAppointment":
        if self.hold is None and (self.slot is None or self.facility is None or self.service is None):
            raise PydanticCustomError("slot_or_hold", "name facility, service and slot, or a hold")
        if self.hold is not None and self.slot is not None:
            raise PydanticCustomError("slot_or_hold", "name a slot or a hold, not both")
        return self


class Coming(Command):
    """One of those who come, and at which time."""

    profile: UUID
    slot: SlotId = Field(ge=1, le=LARGEST_SLOT)


class BookTogether(Command):
    """Book for people of one's account in one go: the place that a hold keeps, and as many more as are needed."""

    hold: ShortText
    people: tuple[Coming, ...] = Field(min_length=1)
    language: Language = "vi"

    @model_validator(mode="after")
    def _each_once(self) -> "BookTogether":
        if len({coming.profile for coming in self.people}) < len(self.people):
            raise PydanticCustomError("each_once", "name each person once")
        return self


class BookForOther(Command):
    """Take a place for a patient who stands at the desk or telephones."""

    patient: UUID
    slot: SlotId = Field(ge=1, le=LARGEST_SLOT)
    language: Language = "vi"


class MoveForOther(Command):
    """Give a patient's visit another time, at the desk."""

    slot: SlotId = Field(ge=1, le=LARGEST_SLOT)
    reason: ChangeReason


class CancelForOther(Command):
    """Cancel a patient's visit, at the desk."""

    reason: ChangeReason


class CancelAppointment(Command):
    """Give the place up."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "Bận việc"}, {}]})

    reason: ShortText | None = Field(None, examples=["Bận việc"])


class RescheduleAppointment(Command):
    """Take another slot of the same service, then free the old one, in one transaction."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"slot": 4712}]})

    slot: SlotId = Field(ge=1, le=LARGEST_SLOT, examples=[4712])
