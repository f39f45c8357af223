"""The reads of the figures: visits, tickets and slots, each one statement, cut by facility or by what a page shows.

They start from `session (facility_id, day)` and `queue_ticket (facility_id, day, ...)`, so no index was added to the
tables a booking writes to. GROUPING SETS give all cuts of a page in one pass; medians of parts cannot be put together,
so PostgreSQL computes each. Measured: docs/decisions.md, "Figures are read, not kept".
"""

from typing import Final

from sqlalchemy import ARRAY, BigInteger, Date, Text, TextClause, bindparam, text

from booking.columns import Moment
from booking.figures.rules import TARGET_MINUTES

CUT: Final = "service_id, weekday, hour, day"
"""What a row of one facility is named by; the others are NULL. Weekday and hour together: a cell of the week."""

_ONE: Final = "GROUP BY GROUPING SETS ((), (service_id), (hour), (weekday), (weekday, hour), (day))"
_CITY: Final = "GROUP BY GROUPING SETS ((), (facility_id))"

_VISITS: Final = """
WITH visit AS (
  SELECT a.facility_id, a.service_id, a.day, a.starts_at, a.ends_at, a.state, a.cancelled_by
  FROM session JOIN slot ON slot.session_id = session.id JOIN appointment a ON a.slot_id = slot.id
  WHERE session.facility_id = ANY(:facilities) AND session.day BETWEEN :first AND :last
    AND a.state IN ('booked', 'arrived', 'fulfilled', 'noshow')
  UNION ALL  -- two branches, because each of them has an index of its own
  SELECT a.facility_id, a.service_id, a.day, a.starts_at, a.ends_at, a.state, a.cancelled_by
  FROM session JOIN slot ON slot.session_id = session.id JOIN appointment a ON a.slot_id = slot.id
  WHERE session.facility_id = ANY(:facilities) AND session.day BETWEEN :first AND :last AND a.state = 'cancelled'
), cut AS (
  SELECT visit.*, extract(isodow FROM day)::int AS weekday, extract(hour FROM starts_at AT TIME ZONE :zone)::int AS hour
  FROM visit
)
SELECT {names},
  count(*) FILTER (WHERE state <> 'cancelled') AS booked,
  count(*) FILTER (WHERE state IN ('arrived', 'fulfilled')) AS came,
  count(*) FILTER (WHERE state = 'noshow') AS missed,
  count(*) FILTER (WHERE state = 'booked' AND ends_at <= :now) AS unsettled,
  count(*) FILTER (WHERE state = 'booked' AND ends_at > :now) AS ahead,
  count(*) FILTER (WHERE state = 'cancelled' AND cancelled_by IS DISTINCT FROM 'facility') AS cancelled,
  count(*) FILTER (WHERE state = 'cancelled' AND cancelled_by = 'facility') AS cancelled_by_us
FROM cut {sets}
"""

_TICKETS: Final = """
WITH ticket AS (
  SELECT t.facility_id, queue.service_id, t.day, t.state, t.emergency, t.called_at, t.appointment_id,
    extract(isodow FROM t.day)::int AS weekday,
    extract(hour FROM coalesce(t.band_start, t.arrived_at) AT TIME ZONE :zone)::int AS hour,
    CASE WHEN NOT t.emergency AND t.called_at IS NOT NULL AND NOT t.came_assumed
      THEN extract(epoch FROM greatest(interval '0',
        coalesce(t.first_called_at, t.called_at) - greatest(t.arrived_at, t.band_start))) / 60 END AS waited,
    CASE WHEN NOT t.emergency AND t.state = 'done' AND t.called_at IS NOT NULL AND t.tested_at IS NULL
      AND NOT t.came_assumed AND t.finished_at > t.called_at  -- an end nobody wrote down is that of the call
      THEN extract(epoch FROM greatest(interval '0', t.finished_at - greatest(t.arrived_at, t.band_start))) / 60
      END AS stayed
  FROM queue_ticket t JOIN queue ON queue.id = t.queue_id
  WHERE t.facility_id = ANY(:facilities) AND t.day BETWEEN :first AND :last
)
SELECT {names},
  count(*) FILTER (WHERE NOT emergency AND appointment_id IS NULL) AS walk_ins,
  count(*) FILTER (WHERE emergency) AS emergencies,
  count(*) FILTER (WHERE NOT emergency AND state = 'waiting' AND called_at IS NULL) AS waiting,
  count(*) FILTER (WHERE NOT emergency AND state = 'left' AND called_at IS NULL) AS gave_up,
  count(waited) AS called,
  count(*) FILTER (WHERE waited > {target}) AS too_long,
  percentile_cont(0.5) WITHIN GROUP (ORDER BY waited) AS wait_median,
  percentile_cont(0.9) WITHIN GROUP (ORDER BY waited) AS wait_90,
  count(stayed) AS stays,
  percentile_cont(0.5) WITHIN GROUP (ORDER BY stayed) AS stay_median,
  percentile_cont(0.9) WITHIN GROUP (ORDER BY stayed) AS stay_90
FROM ticket {sets}
"""

_PLACES: Final = """
WITH place AS (
  SELECT slot.facility_id, slot.service_id, slot.day, slot.open, slot.starts_at <= :now AS over, slot.capacity,
    slot.taken, extract(isodow FROM slot.day)::int AS weekday,
    extract(hour FROM slot.starts_at AT TIME ZONE :zone)::int AS hour,
    greatest(0, slot.capacity - slot.taken
      - CASE WHEN slot.release_at < slot.starts_at THEN 0 ELSE slot.reserved - slot.reserved_used END) AS free
  FROM session JOIN slot ON slot.session_id = session.id
  WHERE session.facility_id = ANY(:facilities) AND session.day BETWEEN :first AND :last
)
SELECT {names},
  coalesce(sum(capacity) FILTER (WHERE open), 0)::bigint AS places,
  coalesce(sum(free) FILTER (WHERE open AND over), 0)::bigint AS unused,
  coalesce(sum(free) FILTER (WHERE open AND NOT over), 0)::bigint AS free,
  coalesce(sum(capacity - taken) FILTER (WHERE NOT open), 0)::bigint AS closed
FROM place {sets}
"""

_LOST: Final = """
SELECT facility_id, count(*) AS lost FROM message
WHERE facility_id = ANY(:facilities) AND due_at >= :begins AND due_at < :ends AND state IN ('failed', 'undelivered')
GROUP BY facility_id
"""

_TYPES: Final = (
    bindparam("facilities", type_=ARRAY(BigInteger)), bindparam("first", type_=Date), bindparam("last", type_=Date),
)  # fmt: skip
_SEEN: Final = (bindparam("now", type_=Moment), bindparam("zone", type_=Text))


def _statements(names: str, sets: str) -> tuple[TextClause, TextClause, TextClause]:
    visits, tickets, places = (
        text(sql.format(names=names, sets=sets, target=TARGET_MINUTES)) for sql in (_VISITS, _TICKETS, _PLACES)
    )
    return (
        visits.bindparams(*_TYPES, *_SEEN),
        tickets.bindparams(*_TYPES, _SEEN[1]),
        places.bindparams(*_TYPES, *_SEEN),
    )


OF_ONE: Final = _statements(CUT, _ONE)
"""Visits, tickets, slots of one facility by service, hour, weekday, cell of the week, day, and all together."""

OF_MANY: Final = _statements("facility_id", _CITY)
"""The same by facility, and all together."""

LOST: Final = text(_LOST).bindparams(
    _TYPES[0], bindparam("begins", type_=Moment), bindparam("ends", type_=Moment)
)  # fmt: skip
"""Messages that did not arrive, by facility."""
