"""Carriers whose own log judges the sender: the product's sample carrier, shaped like Twilio, and one by template."""

from booking.sms.sample_carrier import (
    ACCOUNT_SID,
    AUTH_TOKEN,
    AcceptedMessage,
    Call,
    Carrier,
    CarrierLog,
    Plan,
    plans,
    signature,
    unused_port,
)

__all__ = [
    "ACCOUNT_SID",
    "AUTH_TOKEN",
    "AcceptedMessage",
    "Call",
    "Carrier",
    "CarrierLog",
    "Plan",
    "plans",
    "signature",
    "unused_port",
]
