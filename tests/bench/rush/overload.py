"""Five times more than we can do: what is still done, what the others are told, and how soon all is well again.

The peak is the highest rate that is answered whole with a p99 within a second, found by steps. A rush of five times as
many follows, and after ten quiet seconds half the peak, which must be as quick as ever.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from tests.bench.rush.open_loop import Run, drive
from tests.bench.rush.steady import Mix

STEP = 1.25
FIRST = 100.0
WITHIN_MS = 1000.0
_WHOLE = 0.99
"""Of what was asked must be answered for a rate to count."""


@dataclass(frozen=True, slots=True)
class Found:
    """What the three parts measured; rates in answers a second."""

    peak: float
    steps: list[tuple[float, float, float]]
    """Rate asked, goodput, p99 in milliseconds."""
    over: Run
    over_goodput: float
    after: Run


def goodput(run: Run) -> float:
    """Answers a second that are an answer: done, or refused for a reason of the person's own."""
    good = run.count(" 200", " 201", " 409", " 422")
    return good / run.seconds if run.seconds else 0.0


async def measure(mix: Callable[[Run], Mix], *, seconds: float, times: float = 5.0) -> Found:
    """Find the peak, go five times beyond it, and look again afterwards."""
    steps: list[tuple[float, float, float]] = []
    rate, peak = FIRST, 0.0
    while True:
        run = Run()
        await drive(mix(run).arrivals(rate, seconds), run)
        done, slowest = goodput(run), run.all.get_value_at_percentile(99) / 1000
        steps.append((rate, done, slowest))
        whole = done * run.seconds >= _WHOLE * run.said.total()
        if slowest > WITHIN_MS or not whole or run.void:
            break
        peak, rate = max(peak, done), rate * STEP
        await asyncio.sleep(1)
    if not peak:
        raise SystemExit(f"not even {FIRST:.0f} a second were answered whole, or the generator was too late: {steps}")
    await asyncio.sleep(10)
    over = Run()
    await drive(mix(over).arrivals(peak * times, seconds * 2), over)
    await asyncio.sleep(10)
    after = Run()
    await drive(mix(after).arrivals(peak / 2, seconds), after)
    return Found(peak, steps, over, goodput(over), after)
