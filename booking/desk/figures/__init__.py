"""What the manager sees of a facility and the city of all, what the auditor sees; each also as files to take away."""

from booking.desk.figures.city import router as city
from booking.desk.figures.facility import router as facility
from booking.desk.figures.reads import router as reads
from booking.desk.figures.suspicions import router as suspicions

routers = (city, facility, suspicions, reads)
