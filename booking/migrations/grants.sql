-- What each role of deploy/postgresql/roles.sql may do with each table. Run by the schema's owner after each migration
-- (`henkham migrate --grant`); may be run again: it takes everything away and gives what follows.

REVOKE ALL ON ALL TABLES IN SCHEMA public FROM henkham_web, henkham_scheduler, henkham_report;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM henkham_web, henkham_scheduler, henkham_report;
GRANT USAGE ON SCHEMA public TO henkham_web, henkham_scheduler, henkham_report;

GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO henkham_web, henkham_scheduler;
GRANT DELETE ON ALL TABLES IN SCHEMA public TO henkham_scheduler;

-- Pages take away what is no record of anybody: marks, wishes, entries of the calendar that staff made, a number of the
-- queue that was given by mistake. Visits, people, texts, consents, accounts go by the nightly housekeeping alone.
GRANT DELETE ON
    calendar_day, near_wish, notice, out_told, place_left, queue_ticket, session_change, sign_in_delay, slot_closure,
    staff_scope
TO henkham_web;

-- What was practised goes by a function, which knows no place but that one.
REVOKE ALL ON FUNCTION practice_wipe(bigint, text[], text[], text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION practice_wipe(bigint, text[], text[], text[]) TO henkham_web, henkham_scheduler;

-- Which keys the database is written with is put down once for each, and never rewritten.
REVOKE UPDATE, DELETE ON key_sign FROM henkham_web, henkham_scheduler;

-- The schema's version is the migrations' affair.
REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM henkham_web, henkham_scheduler;

-- The audit is written, never rewritten, and only the scheduler seals it.
REVOKE UPDATE, DELETE ON audit_event, audit_seal FROM henkham_web, henkham_scheduler;
REVOKE INSERT ON audit_seal FROM henkham_web;

-- Its old end goes by a function alone, which lets nothing younger than 12 months go, and signs where it begins now.
REVOKE INSERT, UPDATE, DELETE ON audit_cut FROM henkham_web, henkham_scheduler;
REVOKE ALL ON FUNCTION audit_shorten(bigint, timestamptz, timestamptz, bytea) FROM PUBLIC, henkham_web;
GRANT EXECUTE ON FUNCTION audit_shorten(bigint, timestamptz, timestamptz, bytea) TO henkham_scheduler;

-- Figures: what was offered and what became of it. No person, no number, nothing that opens anything.
GRANT SELECT ON
    facility, department, service, practitioner, room, notice, calendar_day, weekly_session, session, session_change,
    slot, slot_closure, queue, queue_counter, job_run
TO henkham_report;
GRANT SELECT (id, feed, facility_id, size, received_at, state) ON feed_file TO henkham_report;
GRANT SELECT (id, feed, facility_id, appointment_id, slot_id, state, opened_at, ended_at) ON conflict TO henkham_report;
GRANT SELECT (
    id, state, slot_id, place, uses_reserved, facility_id, service_id, relation, starts_at, ends_at, day, version,
    language, channel, created_at, booked_at, offered, confirmed_at, cancelled_at, cancelled_by
) ON appointment TO henkham_report;
GRANT SELECT (
    id, queue_id, facility_id, day, series, number, appointment_id, state, priority_claimed, priority_verified,
    band_start, band_end, arrived_at, called_at, first_called_at, calls, room_id, in_room_at, finished_at, emergency
) ON queue_ticket TO henkham_report;
GRANT SELECT (
    id, subject_kind, kind, version, facility_id, language, state, reason, due_at, provider, error_code, fault, segments,
    created_at, posted_at, changed_at
) ON message TO henkham_report;
