"""Every module that has tables: importing this one makes them all known to the metadata."""

from sqlmodel import SQLModel

import booking.access.models
import booking.appointments.calling.models
import booking.appointments.closing.models
import booking.appointments.models
import booking.appointments.waitlist.models
import booking.availability.models
import booking.directory.models
import booking.exchange.fetch_models
import booking.exchange.models
import booking.exchange.outgoing.models
import booking.exchange.shown.models
import booking.figures.models
import booking.invitations.models
import booking.messages.channel.models
import booking.messages.models
import booking.patients.models
import booking.patients.session_models
import booking.queue.models
import booking.queue.wish_models
import booking.requests.models
import booking.trail.models  # noqa: F401

METADATA = SQLModel.metadata
