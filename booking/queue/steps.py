"""One step of one ticket: locked in the right order, checked, then audited and told; beside service.py."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from booking.actor import Actor
from booking.appointments import visiting
from booking.appointments.models import Appointment
from booking.queue import acts, lines
from booking.queue.commands import TicketCommand
from booking.queue.errors import TicketMoved
from booking.queue.models import Queue, QueueTicket
from booking.queue.queries import view_of
from booking.queue.rules import check_step, label
from booking.queue.views import TicketView
from booking.trail.live import tell
from booking.trail.service import record


@asynccontextmanager
async def step(
    session: AsyncSession,
    command: TicketCommand,
    name: str,
    *,
    by: Actor,
    now: datetime,
    also: int | None = None,
) -> AsyncIterator[tuple[Appointment | None, QueueTicket]]:
    """The ticket and its visit, locked, for the block to change; noted when the block ends.

    Args:
        session: the caller's transaction.
        command: names facility and ticket.
        name: of the step, as rules know it.
        by: who acts.
        now: the moment.
        also: a second line the block wants to put the ticket into.

    Raises:
        TicketUnknown: the facility has no such ticket.
        TicketMoved: its state does not allow the step, or somebody just sent it elsewhere.
    """
    seen = await lines.ticket_seen(session, command.facility, command.ticket)
    visit = None if seen.appointment_id is None else await visiting.visit_of(session, seen.appointment_id)
    from_id = seen.queue_id
    held = await lines.locked(session, from_id, *(() if also is None else (also,)))
    ticket = await lines.ticket_seen(session, command.facility, command.ticket)
    if ticket.queue_id not in held:
        raise TicketMoved(state=ticket.state.value)  # sent to another line between our look and our lock
    check_step(name, ticket.state, emergency=ticket.emergency)
    before = acts.kept(ticket) | ({} if visit is None else {"visit": visit.state.value})
    yield visit, ticket
    left, line = held[from_id], held[ticket.queue_id]
    if left.service_id != line.service_id:
        about = lines.topic(left.facility_id, left.day, left.service_id)
        tell(session, about, now=now, what=name, number=label(ticket.series, ticket.number))
    await noted(session, line, ticket, name, by=by, now=now, before=before, once=command.once)


async def noted(
    session: AsyncSession,
    line: Queue,
    ticket: QueueTicket,
    name: str,
    *,
    by: Actor,
    now: datetime,
    before: Mapping[str, Any],
    once: UUID | None = None,
    **facts: Any,
) -> TicketView:
    """Write the change, what undoes it (`before`), its audit and its live event; the ticket as it is now."""
    ticket.version += 1
    await session.flush()
    acts.remember(
        session, name, facility_id=line.facility_id, before=before, by=by, now=now, once=once, line_id=line.id,
        ticket=ticket, visit=ticket.appointment_id, number=label(ticket.series, ticket.number),
    )  # fmt: skip
    view = await view_of(session, ticket)
    record(session, f"queue.{name}", "queue_ticket", ticket.public_id, by=by, now=now, line=line.id, **facts)
    about = lines.topic(line.facility_id, line.day, line.service_id)
    tell(session, about, now=now, what=name, number=view.label, state=view.state.value, room=view.room)
    return view
