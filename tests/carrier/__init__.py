"""A Twilio-shaped carrier on a loopback socket. Its own log is the judge of what was sent.

    with Carrier() as carrier:
        carrier.plan(plans.refuse(400, 21211), plans.stall())   # for the next two calls, then everything is accepted
        ...                                                     # TWILIO_API_BASE_URL = carrier.url
        assert [one.message_id for one in carrier.log.accepted] == [...]

Basic auth, E.164 and the required fields are checked before any plan is asked. Receipts are signed as Twilio signs
them and posted to the StatusCallback of the message: `carrier.send_callbacks(sid, ["sent", "delivered"])`.
"""

from tests.carrier import plans
from tests.carrier.log import AcceptedMessage, Call, CarrierLog
from tests.carrier.plans import Plan
from tests.carrier.server import Carrier, unused_port
from tests.carrier.signing import ACCOUNT_SID, AUTH_TOKEN, signature

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
