"""What was scanned or typed at the desk, names as a waiting room reads them, and what may be taken back."""

from datetime import UTC, datetime, timedelta

import pytest

from booking.queue.errors import ActOvertaken, StillExpected, TicketMoved, UndoTooLate
from booking.queue.finding import Meant, read
from booking.queue.kinds import TicketState
from booking.queue.rules import UNDO_FOR, check_missed, check_step, check_undo, masked

NOW = datetime(2026, 11, 30, 1, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("https://henkham.vn/t/7JQYDBCQ/abc-DEF_123", Meant(code="7JQYDBCQ")),
        ("HTTPS://HENKHAM.VN/T/7JQYDBCQ/ABC", Meant(code="7JQYDBCQ")),
        ("7jqy dbcq", Meant(code="7JQYDBCQ", name="7jqy dbcq")),
        ("a012", Meant(number=("A", 12))),
        ("CC1", Meant(number=("CC", 1))),
        ("0903 123 456", Meant(phone="+84903123456")),
        ("3456", Meant(last4="3456")),
        ("077158001234", Meant(citizen_id="077158001234")),
        ("  Nguyễn   Thị Mẫu ", Meant(name="Nguyễn Thị Mẫu")),
        ("", Meant(name="")),
    ],
)
def test_what_was_typed_is_understood(typed: str, meant: Meant) -> None:
    assert read(typed) == meant


def test_a_card_names_a_person() -> None:
    card = read("077158001234||Nguyễn Thị Mẫu|30041958|Nữ|Phường Vũng Tàu|01012022")
    assert (card.citizen_id, card.name, card.birth_year) == ("077158001234", "Nguyễn Thị Mẫu", 1958)


@pytest.mark.parametrize(
    ("name", "shown"),
    [("Nguyễn Thị Minh", "Nguyễn T. M."), ("đặng  văn an", "đặng V. A."), ("Ksor", "K."), ("", "")],
)
def test_a_waiting_room_reads_a_masked_name(name: str, shown: str) -> None:
    assert masked(name) == shown


def test_an_act_is_taken_back_within_five_minutes_while_nobody_went_on() -> None:
    check_undo(at=NOW - UNDO_FOR, undone=False, untouched=True, now=NOW)
    with pytest.raises(UndoTooLate):
        check_undo(at=NOW - UNDO_FOR - timedelta(seconds=1), undone=False, untouched=True, now=NOW)
    for undone, untouched in ((True, True), (False, False)):
        with pytest.raises(ActOvertaken):
            check_undo(at=NOW, undone=undone, untouched=untouched, now=NOW)


def test_nobody_has_missed_a_visit_before_its_time_is_over() -> None:
    check_missed(NOW, NOW)
    with pytest.raises(StillExpected):
        check_missed(NOW + timedelta(minutes=1), NOW)


def test_nothing_puts_an_emergency_into_a_line() -> None:
    for step in ("recall", "enter", "finish"):
        check_step(step, TicketState.CALLED, emergency=True)
    for step in ("skip", "put_back", "to_tests", "transfer"):
        check_step(step, TicketState.CALLED)
        with pytest.raises(TicketMoved):
            check_step(step, TicketState.CALLED, emergency=True)
