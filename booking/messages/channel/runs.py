"""What several receipts in a row tell. Pure: rows of `sms_channel.told` in, rows out.

    "doubtful:39999"      numbers whose texts were lost with a code nobody has met; "doubtful:-" without a code
    "content:booked:vi"   numbers whose texts of one wording were filtered; once there are several, that wording waits

A run has the numbers (by their blind indexes) with the text that told it, and since when those texts were posted. It
ends when a text posted since arrives.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

SEVERAL: Final = 3
"""Different numbers in a row after which a doubtful code is ours, and a wording filtered."""

LATE: Final = timedelta(hours=1)
"""After its post, what a receipt says of us speaks of then: were it so still, any post since would have told. So a run
is one of texts posted within so long."""

EVERY: Final = timedelta(minutes=5)
"""Between two texts that try whether a wording goes again."""

_RUNS_MOST: Final = 16
"""Kept at once; codes are a provider's words, so their number is not ours to know."""

Run = dict[str, Any]
Runs = dict[str, Run]


def doubt(code: int | None) -> str:
    """The name of a run of one code."""
    return f"doubtful:{'-' if code is None else code}"


def filtered(wording: str) -> str:
    """The name of a run of one wording."""
    return f"content:{wording}"


def noted(runs: Mapping[str, Run], what: str, number: str, text: str, posted_at: datetime) -> Runs:
    """The runs with one more number in one of them, by the text that told it."""
    run = runs.get(what)
    if run is None or (abs(posted_at - _since(run)) > LATE and not stopped(run)):
        run = {"since": posted_at.isoformat(), "of": {}}
    of = run["of"] if len(run["of"]) >= _RUNS_MOST else {**run["of"], number: text}
    mine = {**run, "of": of, "since": min(posted_at, _since(run)).isoformat()}
    others = {name: each for name, each in runs.items() if name != what}
    while len(others) >= _RUNS_MOST:
        del others[min(others, key=lambda name: (stopped(others[name]), _since(others[name])))]
    return {**others, what: mine}


def several(run: Run) -> bool:
    """Whether so many numbers told it that it is not theirs."""
    return len(run["of"]) >= SEVERAL


def stopped(run: Run) -> bool:
    """Whether texts of this wording wait."""
    return "stopped_at" in run


def stop(run: Run, now: datetime) -> Run:
    """The run once its wording waits."""
    return {**run, "stopped_at": now.isoformat(), "probe_at": (now + EVERY).isoformat()}


def refused_again(run: Run, posted_at: datetime, now: datetime) -> Run:
    """Likewise once another text of it was filtered: one that tried after the stop says that it lasts."""
    if posted_at < datetime.fromisoformat(run["stopped_at"]):
        return run
    again = {**run, "probe_at": (now + EVERY).isoformat()}
    again.pop("probed_at", None)
    return again


def probe(run: Run, now: datetime) -> tuple[datetime | None, Run | None]:
    """Whether a text of a wording may go: until when it waits (None: it goes), and the run once it went.

    The first after a while tries, alone. Where nobody said a word against it the wording goes again: a carrier may tell
    of failures only. Then there is no run any more: an empty one.
    """
    wait = datetime.fromisoformat(run["probe_at"])
    if now < wait:
        return wait, None
    if "probed_at" in run:
        return None, {}
    return None, {**run, "probed_at": now.isoformat(), "probe_at": (now + EVERY).isoformat()}


def arrived(runs: Mapping[str, Run], wording: str, posted_at: datetime) -> Runs:
    """The runs that a text of a wording leaves, which arrived."""
    return {name: run for name, run in runs.items() if not _ended(name, run, wording, posted_at)}


def _ended(name: str, run: Run, wording: str, posted_at: datetime) -> bool:
    if name.startswith(filtered("")):
        since = datetime.fromisoformat(run["stopped_at"]) if stopped(run) else _since(run)
        return name == filtered(wording) and posted_at >= since
    return posted_at >= _since(run)


def waiting(runs: Mapping[str, Run]) -> list[tuple[str, str]]:
    """The wordings that wait: kind and language, in their order."""
    names = sorted(name for name, run in runs.items() if stopped(run))
    return [(name.split(":")[1], name.split(":")[2]) for name in names]


def _since(run: Run) -> datetime:
    return datetime.fromisoformat(run["since"])
