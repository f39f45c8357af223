"""The real scheduler where it is never night, so that storms of reminders run at any hour: `python -m
tests.daylight_scheduler [patient]`; with the word, its leases are short, as tests that kill it need them.

Nights are tried elsewhere (test_outbox_sending.py, test_message_rules.py).
"""

import sys

from booking.messages import rules
from scheduler.__main__ import main
from tests.quick_scheduler import PATIENT


def _never(*_: object) -> bool:
    return False


if __name__ == "__main__":
    setattr(rules, "is_quiet", _never)  # noqa: B010 (its shape is another)
    main(pace=PATIENT if sys.argv[1:] else None)
