"""Limits that were reached."""

from booking.errors import TooMany


class TriedTooOften(TooMany):
    """Too many tries from one address, or bookings for one number."""

    code = "tried_too_often"
