"""Messages at the desk: what was sent, sending again, the call list, and whether texts go."""

from booking.desk.messages import calls, channel, listing, showing, slips

routers = (listing.router, calls.router, slips.router, channel.router, showing.router)
"""The last has an address with a message in it, which would take the words of the others for one."""
