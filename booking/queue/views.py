"""What doors and rules are told of the queue: frozen and plain, no names in it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from booking.appointments.kinds import AppointmentState
from booking.queue.kinds import TicketState
from booking.queue.rules import Waiting


@dataclass(frozen=True, slots=True)
class TicketView:
    """A ticket as the desk sees it. `label` is the number as printed; `room` the name of the room it was called to."""

    public_id: UUID
    label: str
    state: TicketState
    arrived_at: datetime
    called_at: datetime | None
    room: str | None


@dataclass(frozen=True, slots=True)
class Visit:
    """The appointment behind a link, as far as the queue is concerned."""

    id: int
    facility_id: int
    service_id: int
    day: date
    starts_at: datetime
    ends_at: datetime
    state: AppointmentState
    opens: datetime
    closes: datetime


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the day."""

    id: int
    streak: int
    late_said: int | None
    late_said_at: datetime | None


@dataclass(frozen=True, slots=True)
class Held:
    """A ticket of the day, all that rules ask of it. No names."""

    line: int
    appointment: int | None
    label: str
    state: TicketState
    as_waiting: Waiting
    called_at: datetime | None
    finished_at: datetime | None
    room_id: int | None
    room: str | None


@dataclass(frozen=True, slots=True)
class Board:
    """A service's day: its lines, its tickets, and what is planned. It has no moment of its own: rules are told `now`.

    Attributes:
        slots: start, end and places of each time of the day.
        coming: start and end of booked times whose patients have not come, with how many they are.
        duration: the service's minutes a visit.
    """

    lines: Mapping[int, Line]
    tickets: tuple[Held, ...]
    slots: tuple[tuple[datetime, datetime, int], ...]
    coming: tuple[tuple[datetime, datetime, int], ...]
    duration: int
