"""What was practised goes by a function: the role of web processes needs no right to delete visits, people or texts.

Revision: 0039. Nothing is touched but the new function.
"""

from alembic import op

revision = "0039"
down_revision = "0036"
branch_labels = None
depends_on = None

# The statements of booking/training/wiping.py, which a test compares: a new line there needs a new function by another
# migration. It runs with its owner's rights, and knows no place but the one to practise.
_ANEW = """
CREATE FUNCTION practice_wipe(
    the_place bigint, the_services text[], the_rooms text[], the_practitioners text[]
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM facility WHERE id = the_place AND code = 'TAP-DUOT' AND training) THEN
        RAISE EXCEPTION 'only what was practised is taken away' USING ERRCODE = 'insufficient_privilege';
    END IF;
    DELETE FROM message_receipt WHERE message_id IN (SELECT id FROM message WHERE facility_id = the_place);
    DELETE FROM reminder_family WHERE message_id IN (SELECT id FROM message WHERE facility_id = the_place);
    DELETE FROM message WHERE facility_id = the_place;
    DELETE FROM queue_act WHERE facility_id = the_place;
    DELETE FROM queue_ticket WHERE facility_id = the_place;
    DELETE FROM queue_counter WHERE facility_id = the_place;
    DELETE FROM queue WHERE facility_id = the_place;
    DELETE FROM display WHERE facility_id = the_place;
    DELETE FROM closing_visit WHERE facility_id = the_place;
    DELETE FROM closing WHERE facility_id = the_place;
    DELETE FROM series_date WHERE series_id IN (SELECT id FROM visit_series WHERE facility_id = the_place);
    DELETE FROM visit_series WHERE facility_id = the_place;
    DELETE FROM place_left WHERE appointment_id IN (SELECT id FROM appointment WHERE facility_id = the_place);
    DELETE FROM near_wish WHERE appointment_id IN (SELECT id FROM appointment WHERE facility_id = the_place);
    DELETE FROM visit_call WHERE appointment_id IN (SELECT id FROM appointment WHERE facility_id = the_place);
    DELETE FROM appointment WHERE facility_id = the_place;
    DELETE FROM slot_closure WHERE slot_id IN (SELECT id FROM slot WHERE facility_id = the_place);
    DELETE FROM slot WHERE facility_id = the_place;
    DELETE FROM session WHERE facility_id = the_place;
    DELETE FROM session_change WHERE weekly_session_id IN (SELECT id FROM weekly_session WHERE facility_id = the_place);
    DELETE FROM weekly_session WHERE facility_id = the_place;
    DELETE FROM calendar_day WHERE facility_id = the_place;
    DELETE FROM notice WHERE facility_id = the_place;
    DELETE FROM patient_merge WHERE facility_id = the_place;
    DELETE FROM consent WHERE patient_id IN (SELECT id FROM patient WHERE training);
    DELETE FROM suspicion_answer WHERE facility_id = the_place;
    DELETE FROM patient_flag WHERE patient_id IN (SELECT id FROM patient WHERE training);
    DELETE FROM patient WHERE training;
    DELETE FROM service WHERE facility_id = the_place AND code <> ALL (the_services);
    DELETE FROM room WHERE facility_id = the_place AND code <> ALL (the_rooms);
    DELETE FROM practitioner WHERE facility_id = the_place AND code <> ALL (the_practitioners);
END $$
"""


def upgrade() -> None:
    op.execute(_ANEW)
    op.execute("REVOKE ALL ON FUNCTION practice_wipe(bigint, text[], text[], text[]) FROM PUBLIC")


def downgrade() -> None:
    op.execute("DROP FUNCTION practice_wipe(bigint, text[], text[], text[])")
