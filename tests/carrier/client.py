"""The gateway under test, pointed at a carrier, and a text for it."""

from dataclasses import replace
from typing import Any

from booking.ids import public_id
from booking.sms.bounded import Limits
from booking.sms.gateway import Outgoing
from booking.sms.sample_carrier.signing import ACCOUNT_SID, AUTH_TOKEN
from booking.sms.twilio import TwilioGateway

PHONE = "+84901234567"
QUICK = Limits(connect=1.0, read=0.3)


def gateway_to(url: str, limits: Limits | None = None, **other: Any) -> TwilioGateway:
    sender = other or {"from_": "HenKham"}
    return TwilioGateway(ACCOUNT_SID, AUTH_TOKEN, base_url=url, limits=limits, **sender)


def outgoing(**changes: Any) -> Outgoing:
    mine = str(public_id())
    text = Outgoing(mine, PHONE, "HenKham: thu", f"https://henkham.example/api/v1/sms/status/{mine}", 3600)
    return replace(text, **changes)
