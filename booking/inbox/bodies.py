"""The text of a message, rendered as the sender renders it: nothing of it is stored."""

from datetime import datetime

from booking.clock import ZONE
from booking.messages.models import Message
from booking.messages.texts import render
from booking.sealed import keys


def body_of(message: Message, base_url: str) -> str:
    """The text as it went out; the link is rebuilt from what the token is made of."""
    facts = message.facts
    start = datetime.fromisoformat(facts["starts_at"]).astimezone(ZONE)
    token = keys().link_token(str(message.subject_id), facts["token_version"])
    return render(
        message.kind,
        message.language,
        {
            "facility": facts["facility"],
            "code": facts["code"],
            "time": f"{start:%H:%M}",
            "date": f"{start:%d/%m}",
            "link": f"{base_url}/t/{facts['code']}/{token}",
        },
    )
