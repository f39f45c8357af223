"""In production only words that the carriers registered go, also where one text stands for several visits."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from booking.messages import texts
from booking.messages.kinds import MessageKind, MessageState, SuppressedReason
from booking.messages.models import Message
from booking.messages.preparing import Channel, set_aside

NOON = datetime(2026, 11, 30, 5, tzinfo=UTC)
ALONE = frozenset(one.name for one in texts.TEMPLATES.values() if one.kind not in texts.FAMILY.values())
ALL = frozenset(one.name for one in texts.TEMPLATES.values())


@pytest.mark.parametrize("kind", texts.FAMILY)
@pytest.mark.parametrize(
    ("count", "registered", "goes"), [(2, ALONE, False), (2, ALL, True), (1, ALONE, True)], ids=["not", "both", "one"]
)
def test_a_shared_reminder_goes_only_in_words_that_are_registered(
    kind: MessageKind, *, count: int, registered: frozenset[str], goes: bool
) -> None:
    message = Message(
        public_id=UUID(int=1), subject_kind="appointment", subject_id=UUID(int=2), kind=kind, version=1, language="vi",
        facts={"count": count}, state=MessageState.CLAIMED, due_at=NOON, useful_until=NOON + timedelta(hours=3),
        created_at=NOON, changed_at=NOON,
    )  # fmt: skip
    through = Channel("twilio", "https://henkham.example", production=True, registered=registered)
    aside = set_aside(message, through, now=NOON)
    waits = {"state": MessageState.DUE, "reason": SuppressedReason.TEXT_NOT_APPROVED.value}
    assert aside == (None if goes else waits | {"due_at": NOON + timedelta(minutes=5)})
