"""`henkham queue simulate`: a day by the queue's rule: who waited how long, and was anybody left behind."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from booking.cli.terminal import say
from booking.clock import ZONE
from booking.queue.judging import Waits, Wrong, waits, wrongs
from booking.queue.rules import Policy
from booking.queue.simulating import by_rule, plan

FINE, LEFT_BEHIND = 0, 1
_WRONG: Final = {
    "never_called": "were never called",
    "passed_by_later": "were passed by somebody who was due {ageing} minutes or more after them",
    "priority_in_a_row": "were due while more than {ratio} people of priority were called in a row",
    "early_before_due": "were called before their own time while others were due",
}
_HEAD: Final = f"{'':38}{'people':>7}{'median':>9}{'90 of 100':>11}{'longest':>9}{'median':>10}{'longest':>9}"


def run(*, patients: int, rooms: int, seed: int, ageing: int) -> int:
    """Print the table; the exit code.

    Args:
        patients: expected on the day.
        rooms: that call from one line.
        seed: of the day.
        ageing: minutes the rule is given; it is judged by those of the product.
    """
    product = Policy()
    day = plan(patients=patients, rooms=rooms, seed=seed)
    calls = by_rule(day, Policy(ratio=product.ratio, ageing=timedelta(minutes=ageing)))
    last = f"{calls[-1].at.astimezone(ZONE):%H:%M}" if calls else "-"
    say(f"A day of {patients} patients and {rooms} rooms, seed {seed}: {len(day.people)} came, last call at {last}.")
    _table(waits(day, calls))
    return _judge(wrongs(day, calls, ageing=product.ageing, ratio=product.ratio), product)


def _table(rows: Sequence[Waits]) -> None:
    say(f"\n{'Minutes until the first call':38}{'':7}{'since arrival':>29}{'since being due':>19}")
    say(_HEAD)
    for row in rows:
        numbers = f"{row.people:7}{row.median:9.0f}{row.p90:11.0f}{row.longest:9.0f}"
        say(f"{row.group:38}{numbers}{row.median_due:10.0f}{row.longest_due:9.0f}")
    say()


def _judge(found: Sequence[Wrong], policy: Policy) -> int:
    minutes = int(policy.ageing.total_seconds() // 60)
    for wrong in found:
        said = _WRONG[wrong.what].format(ageing=minutes, ratio=policy.ratio)
        say(f"WRONG: {len(wrong.people)} {said}.")
    if found:
        return LEFT_BEHIND
    say(
        f"Nobody was left behind: all were called, nobody was passed by one who was due {minutes} minutes later,\n"
        f"at most {policy.ratio} of priority in a row while others were due, nobody early before those who were due."
    )
    return FINE
