"""The day sheet: seen, printed, kept on the desk's machine for when the net is gone, and entered afterwards."""

from booking.desk.sheet import entry, keeping, page

routers = (keeping.router, page.router, entry.router)
"""`keeping` first: its addresses stand beside those of facilities."""
