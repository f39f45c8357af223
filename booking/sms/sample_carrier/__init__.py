"""A carrier of our own on a loopback socket, shaped like Twilio. Its log is the judge of what was sent.

    with Carrier() as carrier:
        carrier.plan(plans.refuse(400, 21211), plans.stall())   # for the next two calls, then everything is accepted
        ...                                                     # TWILIO_API_BASE_URL = carrier.url
        assert [one.message_id for one in carrier.log.accepted] == [...]

It is part of the product because `henkham sms simulate` runs it on the machine of an installation; nothing that sends
to people ever imports it. Basic auth, E.164 and the required fields are checked before any plan is asked. Receipts are
signed as Twilio signs them and posted to the StatusCallback of the message:
`carrier.send_callbacks(sid, ["sent", "delivered"])`.
"""

from booking.sms.sample_carrier import plans
from booking.sms.sample_carrier.log import AcceptedMessage, Call, CarrierLog
from booking.sms.sample_carrier.plans import Plan
from booking.sms.sample_carrier.server import Carrier, unused_port
from booking.sms.sample_carrier.signing import ACCOUNT_SID, AUTH_TOKEN, signature

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
