-- What must always be true. Each query returns the rows that break its rule; a healthy database returns none.
-- Run by the scheduler every minute for slots that start at :since or later, once a day for all of them, and by the tests
-- on every database they used.

-- name: taken_counts_what_holds_a_place
SELECT slot.id AS slot_id, slot.taken, count(appointment.id) AS holding
FROM slot LEFT JOIN appointment
  ON appointment.slot_id = slot.id
 AND appointment.state IN ('held', 'booked', 'arrived', 'fulfilled', 'noshow')
WHERE slot.starts_at >= :since
GROUP BY slot.id, slot.taken
HAVING slot.taken <> count(appointment.id);

-- name: never_above_capacity
SELECT slot.id AS slot_id, slot.capacity, count(*) AS holding
FROM slot JOIN appointment
  ON appointment.slot_id = slot.id
 AND appointment.state IN ('held', 'booked', 'arrived', 'fulfilled', 'noshow')
WHERE slot.starts_at >= :since
GROUP BY slot.id, slot.capacity
HAVING count(*) > slot.capacity;

-- name: a_place_is_free_or_held_and_never_both
SELECT appointment.id AS appointment_id, appointment.slot_id, appointment.place
FROM appointment JOIN slot ON slot.id = appointment.slot_id
WHERE slot.starts_at >= :since
  AND appointment.state IN ('held', 'booked', 'arrived', 'fulfilled', 'noshow')
  AND (appointment.place = ANY (slot.free_places) OR appointment.place NOT BETWEEN 1 AND 500);

-- name: one_place_one_person
SELECT slot_id, place, count(*) AS holding
FROM appointment
WHERE state IN ('held', 'booked', 'arrived', 'fulfilled', 'noshow')
  AND starts_at >= :since
GROUP BY slot_id, place
HAVING count(*) > 1;

-- name: free_places_are_distinct
SELECT slot.id AS slot_id, slot.free_places
FROM slot
WHERE slot.starts_at >= :since
  AND cardinality(slot.free_places) <> (SELECT count(DISTINCT place) FROM unnest(slot.free_places) AS place);

-- name: a_withdrawn_place_is_nobody_s
SELECT slot.id AS slot_id, slot.withdrawn_places
FROM slot
WHERE slot.starts_at >= :since
  AND cardinality(slot.withdrawn_places) > 0
  AND (slot.withdrawn_places && slot.free_places OR EXISTS (
    SELECT FROM appointment
    WHERE appointment.slot_id = slot.id
      AND appointment.state IN ('held', 'booked', 'arrived', 'fulfilled', 'noshow')
      AND appointment.place = ANY (slot.withdrawn_places)));

-- name: reserved_used_counts_walk_in_places
SELECT slot.id AS slot_id, slot.reserved_used, count(appointment.id) AS using_reserved
FROM slot LEFT JOIN appointment
  ON appointment.slot_id = slot.id AND appointment.uses_reserved
 AND appointment.state IN ('held', 'booked', 'arrived', 'fulfilled', 'noshow')
WHERE slot.starts_at >= :since
GROUP BY slot.id, slot.reserved_used
HAVING slot.reserved_used <> count(appointment.id);

-- name: the_appointment_repeats_its_slot
SELECT appointment.id AS appointment_id
FROM appointment JOIN slot ON slot.id = appointment.slot_id
-- A visit that was cancelled tells what was promised then: its slot, empty again, may have another end since.
WHERE slot.starts_at >= :since
  AND appointment.state IN ('held', 'booked', 'arrived', 'fulfilled', 'noshow')
  AND (appointment.starts_at, appointment.ends_at, appointment.service_id, appointment.facility_id)
   IS DISTINCT FROM (slot.starts_at, slot.ends_at, slot.service_id, slot.facility_id);

-- name: every_version_was_told
SELECT appointment.id AS appointment_id, appointment.version, appointment.state
FROM appointment
WHERE appointment.starts_at >= :since
  AND appointment.state IN ('booked', 'arrived', 'fulfilled', 'noshow', 'cancelled')
  AND NOT EXISTS (
    SELECT FROM message
    WHERE message.subject_kind = 'appointment' AND message.subject_id = appointment.public_id
      AND message.version = appointment.version
      AND message.kind::text = ANY (CASE
        WHEN appointment.state = 'cancelled' THEN ARRAY['cancelled', 'cancelled_by_facility']
        WHEN appointment.version = 1 THEN ARRAY['booked']
        ELSE ARRAY['moved', 'moved_by_facility', 'choose', 'conflict', 'booked']  -- booked: told anew, the number was set right
      END)
  );

-- name: nothing_waits_to_be_sent_about_an_earlier_version
SELECT message.id AS message_id
FROM message JOIN appointment
  ON message.subject_kind = 'appointment' AND message.subject_id = appointment.public_id
WHERE appointment.starts_at >= :since AND message.state IN ('due', 'claimed') AND message.version <> appointment.version;

-- name: every_appointment_is_in_the_audit
SELECT appointment.id AS appointment_id
FROM appointment
WHERE appointment.starts_at >= :since
  AND appointment.state IN ('booked', 'arrived', 'fulfilled', 'noshow', 'cancelled')
  AND NOT EXISTS (
    SELECT FROM audit_event
    WHERE audit_event.object_kind = 'appointment' AND audit_event.object_id = appointment.public_id::text
      AND audit_event.action = 'appointment.book'
  );

-- name: one_live_appointment_a_patient_service_and_day
SELECT patient_id, service_id, day, count(*) AS live
FROM appointment
WHERE state IN ('held', 'booked', 'arrived') AND patient_id IS NOT NULL
  AND starts_at >= :since
GROUP BY patient_id, service_id, day
HAVING count(*) > 1;

-- name: open_means_no_reason_to_be_closed
SELECT slot.id AS slot_id, slot.open
FROM slot
WHERE slot.starts_at >= :since
  AND slot.open = EXISTS (SELECT FROM slot_closure WHERE slot_closure.slot_id = slot.id);

-- name: a_closing_that_is_over_closes_nothing
SELECT closing.id AS closing_id
FROM closing
WHERE closing.ends_at >= :since AND closing.state IN ('undone', 'ended')
  AND EXISTS (SELECT FROM slot_closure WHERE slot_closure.source = 'closing:' || closing.public_id);

-- name: nobody_is_moved_by_a_closing_without_a_trace
SELECT closing_visit.id AS closing_visit_id
FROM closing_visit JOIN appointment ON appointment.id = closing_visit.appointment_id
WHERE appointment.starts_at >= :since AND closing_visit.undone IS NULL
  AND appointment.version = closing_visit.version
  AND CASE closing_visit.fate
    WHEN 'moved' THEN appointment.slot_id <> closing_visit.new_slot_id OR appointment.state::text = 'cancelled'
    WHEN 'cancelled' THEN appointment.state::text <> 'cancelled'
    WHEN 'here' THEN false
    ELSE appointment.slot_id <> closing_visit.old_slot_id
  END;

-- name: a_live_offer_has_its_held_place
SELECT offer.id AS offer_id, offer.slot_id
FROM offer JOIN slot ON slot.id = offer.slot_id
JOIN appointment ON appointment.id = offer.appointment_id
WHERE slot.starts_at >= :since AND offer.state = 'live'
  AND (appointment.state::text, appointment.offered, appointment.slot_id, appointment.expires_at)
   IS DISTINCT FROM ('held', true, offer.slot_id, offer.expires_at);

-- name: an_offered_hold_has_its_live_offer
SELECT appointment.id AS appointment_id
FROM appointment
WHERE appointment.starts_at >= :since AND appointment.state = 'held' AND appointment.offered
  AND (SELECT count(*) FROM offer WHERE offer.appointment_id = appointment.id AND offer.state = 'live') <> 1;

-- name: an_entry_has_one_live_offer_when_it_is_offered_one
SELECT waitlist_entry.id AS entry_id, waitlist_entry.state
FROM waitlist_entry
WHERE waitlist_entry.day_to >= CAST(:since AS timestamptz)::date
  AND (SELECT count(*) FROM offer WHERE offer.entry_id = waitlist_entry.id AND offer.state = 'live')
   <> CASE WHEN waitlist_entry.state = 'offered' THEN 1 ELSE 0 END;

-- name: an_accepted_offer_has_its_visit
SELECT offer.id AS offer_id
FROM offer JOIN appointment ON appointment.id = offer.appointment_id
WHERE appointment.starts_at >= :since
  AND (offer.state = 'accepted') <> (appointment.state NOT IN ('held', 'lapsed'));

-- name: invented_people_stay_at_the_place_to_practise
SELECT appointment.id AS appointment_id
FROM appointment JOIN patient ON patient.id = appointment.patient_id JOIN facility ON facility.id = appointment.facility_id
WHERE appointment.starts_at >= :since AND patient.training <> facility.training;

-- name: nothing_of_practice_waits_to_be_sent
SELECT message.id AS message_id
FROM message JOIN facility ON facility.id = message.facility_id
WHERE facility.training AND message.state <> 'suppressed' AND message.due_at >= :since;
