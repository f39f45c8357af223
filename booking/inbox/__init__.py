"""The demo's page that shows each SMS as a phone would. Mounted by `henkham demo` only."""

from booking.inbox.page import router

__all__ = ["router"]
