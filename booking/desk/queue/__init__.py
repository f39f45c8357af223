"""The queue at the desk: the clerk's page, the doctor's list, one ticket, and the televisions of the waiting room."""

from booking.desk.queue import acting, arriving, displays, page, room, tickets

routers = (page.router, acting.router, arriving.router, tickets.router, room.router, displays.router)
