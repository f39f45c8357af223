"""Scenes for `promtool test rules`: by alert, what Prometheus scrapes while all is well, while it is not, and again.

Times are Prometheus's own in such a test: minute 0 is Thursday, 1 January 1970, 00:00 UTC.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

WEB = 'job="henkham",instance="127.0.0.1:8001"'
OTHER = 'job="henkham",instance="127.0.0.1:8002"'
NODE = 'job="node",instance="127.0.0.1:9100"'
OUTSIDE = 'job="henkham-outside",instance="https://henkham.example.vn/healthz"'
GONE = "_"
"""Not scraped at all."""
CALM, BAD, AGAIN = 10, 60, 40
"""Steps of each phase of a scene."""


@dataclass(frozen=True)
class Scene:
    """One way in which an alert speaks, or must not.

    Attributes:
        alert: its name.
        series: as scraped → its value while all is well, while it is not, and where it is another one, again; of a
            counter (`_total`, `_count`, `_bucket`) how much it grows a step.
        labels: of the alert that speaks, besides its severity.
        speaks: False: it must be silent throughout.
        minutes: of one step.
        calm: steps of the first phase.
    """

    alert: str
    series: Mapping[str, tuple[float | str, ...]]
    labels: Mapping[str, str] = field(default_factory=dict)
    speaks: bool = True
    minutes: int = 1
    calm: int = CALM

    @property
    def speaks_at(self) -> int:
        """The minute by which it must speak."""
        return (self.calm + BAD - 1) * self.minutes

    @property
    def ends_at(self) -> int:
        """The minute by which it must have ended."""
        return (self.calm + BAD + AGAIN - 1) * self.minutes

    def values(self, series: str) -> str:
        """What promtool is given for one series, in its notation."""
        calm, bad, *again = self.series[series]
        phases = ((calm, self.calm), (bad, BAD), (again[0] if again else calm, AGAIN))
        if series.partition("{")[0].endswith(("_total", "_count", "_bucket")):
            found, so_far = [], 0.0
            for more, steps in phases:
                found += [so_far + float(more) * step for step in range(1, steps + 1)]
                so_far = found[-1]
            return " ".join(f"{each:g}" for each in found)
        return " ".join(f"{value}x{steps if value == GONE else steps - 1}" for value, steps in phases)


ALIVE = {f"henkham_scheduler_silent_seconds{{{WEB}}}": (5, 5)}
DEAD = {f"henkham_scheduler_silent_seconds{{{WEB}}}": (5, 7200)}
CHECKED = "node_systemd_unit_state{" + NODE + ',name="henkham-backup-check.service",state="failed",type="oneshot"}'
FULL = "node_systemd_unit_state{" + NODE + ',name="henkham-backup@full.service",state="failed",type="oneshot"}'


def _outside(name: str) -> str:
    return f"probe_{name}{{{OUTSIDE}}}"


def _timer(name: str) -> str:
    return "node_systemd_timer_last_trigger_seconds{" + NODE + f',name="henkham-backup-{name}.timer"}}'


def _node(name: str) -> dict[str, str]:
    return {"job": "node", "instance": "127.0.0.1:9100", "name": name}


def _one(alert: str, name: str, well: float, bad: float, by: str = "", value: str = "") -> Scene:
    """A reading with one label at most, by which its alert speaks."""
    given = f'{by}="{value}",' if by else ""
    return Scene(alert, {f"{name}{{{given}{WEB}}}": (well, bad)}, {by: value} if by else {})


def _jobs(one: float) -> dict[str, tuple[float | str, ...]]:
    """Three jobs, of which one is silent for so long."""
    found: dict[str, tuple[float | str, ...]] = {}
    for name, every, silent in (("plan_reminders", 60, one), ("seal_audit", 60, 20), ("publish_slots", 3600, 3500)):
        calm = silent if name != "plan_reminders" else 20
        for web in (WEB, OTHER):
            found[f'henkham_job_silent_seconds{{job_name="{name}",{web}}}'] = (calm, silent)
            found[f'henkham_job_every_seconds{{job_name="{name}",{web}}}'] = (every, every)
    return found


def _answers(status: str) -> str:
    return f'henkham_requests_total{{method="GET",route="/",status="{status}",{WEB}}}'


def _seconds(within: str) -> str:
    return f'henkham_request_seconds_bucket{{route="/",le="{within}",{WEB}}}'


def _untried(name: str, ran: float | str, minutes: int, *, speaks: bool = True, at_all: bool = True) -> Scene:
    """One timer that last ran then, and runs when the scene's worst is over; the others run with each step."""
    over = (CALM + BAD) * minutes * 60
    series: dict[str, tuple[float | str, ...]] = {_timer(each): _steady(minutes) for each in ("diff", "full", "check")}
    series[_timer(name)] = (ran if at_all else 1, ran, over)
    timer = f"henkham-backup-{name}.timer"
    return Scene("BackupNotTried", series, _node(timer) if at_all else {"name": timer}, speaks, minutes)


def _steady(minutes: int) -> tuple[str, str, str]:
    step = minutes * 60
    return tuple(f"{begin * step}+{step}" for begin in (0, CALM, CALM + BAD))  # type: ignore[return-value]


_SILENT = f"henkham_scheduler_silent_seconds{{{WEB}}}"
_SEEN_FROM = {"job": "henkham-outside", "instance": "https://henkham.example.vn/healthz"}
_UP = {f"up{{{WEB}}}": (1, 0)}
_FEED = ("feed", "bvvt")
_OLD = f'henkham_feed_old{{feed="bvvt",{WEB}}}'
_HELD, _UNREADABLE = (f'henkham_feed_{each}{{feed="bvvt",{WEB}}}' for each in ("held", "unreadable"))
_WANTED, _STANDBYS = (f"henkham_sync_{each}{{{WEB}}}" for each in ("wanted", "standbys"))
_UNSEALED = f"henkham_audit_sealed_seconds{{{WEB}}}"
_BOOKED = f'henkham_booked_total{{door="page",{WEB}}}'

SCENES = [
    _one("InvariantBroken", "henkham_invariant_broken", 0, 2, "invariant", "places"),
    Scene("InvariantsUnchecked", {f"henkham_invariants_checked_seconds{{{WEB}}}": (30, 900)} | ALIVE),
    Scene("InvariantsUnchecked", {f"henkham_invariants_checked_seconds{{{WEB}}}": (30, 7200)} | DEAD, speaks=False),
    Scene("JobFails", _jobs(2000) | ALIVE, {"job_name": "plan_reminders"}),
    Scene("JobFails", _jobs(700) | ALIVE, speaks=False),
    Scene("JobFails", _jobs(7200) | DEAD, speaks=False),
    _one("RowsLeftOut", "henkham_rows_left_out", 0, 1, "job_name", "plan_reminders"),
    Scene("NobodyServes", {f"up{{{WEB}}}": (1, 0), f"up{{{OTHER}}}": (1, 0)}),
    Scene("NobodyServes", {f"up{{{WEB}}}": (1, GONE), f"up{{{OTHER}}}": (1, GONE)}),
    Scene("NobodyServes", {f"up{{{WEB}}}": (1, 0), f"up{{{OTHER}}}": (1, 1)}, speaks=False),
    Scene("WebProcessDown", _UP, {"job": "henkham", "instance": "127.0.0.1:8001"}),
    Scene("NotReached", {_outside("success"): (1, 0)}, _SEEN_FROM),
    Scene("NotReached", {_outside("success"): (1, GONE)}, {"job": "henkham-outside"}),
    # Until the 101st day of 1970; then, renewed, until the 200th.
    Scene("CertificateEnds", {_outside("ssl_earliest_cert_expiry"): (101 * 86400, 101 * 86400, 200 * 86400)},
          {"instance": _SEEN_FROM["instance"]}, minutes=60, calm=86 * 24),
    _one("SchedulerSilent", "henkham_scheduler_silent_seconds", 5, 200),
    Scene("SchedulerSilent", {_SILENT: (5, 200), f"henkham_scheduler_silent_seconds{{{OTHER}}}": (5, GONE)}),
    Scene("CodesWait", {f'henkham_sms_oldest_due_seconds{{lane="code",{WEB}}}': (0, 60)}),
    Scene("CodesWait", {f'henkham_sms_oldest_due_seconds{{lane="visit",{WEB}}}': (0, 60)}, speaks=False),
    Scene("TextsWait", {f'henkham_sms_oldest_due_seconds{{lane="visit",{WEB}}}': (0, 900)}),
    _one("SmsHeld", "henkham_sms_held", 0, 1, "provider", "twilio"),
    Scene("TextsLost", {f'henkham_sms_lost{{fault="doubtful",{WEB}}}': (GONE, 3)}, {"fault": "doubtful"}),
    Scene("TextsLost", {f'henkham_sms_lost{{fault="phone",{WEB}}}': (GONE, 30)}, speaks=False),
    Scene("ManyErrors", {_answers("200"): (100, 100), _answers("500"): (0, 5)}),
    Scene("ManyErrors", {_answers("200"): (100, 100), _answers("503"): (0, 4)}, speaks=False),
    Scene("Unconfirmed", {f'henkham_refusals_total{{code="outcome_unknown",{WEB}}}': (0, 6)}),
    Scene("NoSyncStandby", {_WANTED: (1, 1), _STANDBYS: (1, 0)}),
    Scene("NoSyncStandby", {_WANTED: (1, 1), _STANDBYS: (1, GONE)}),
    Scene("NoSyncStandby", {_WANTED: (0, 0), _STANDBYS: (0, 0)}, speaks=False),
    Scene("TurnedAway", {_answers("200"): (100, 100), _answers("503"): (0, 50)}),
    Scene("TurnedAway", {f"henkham_full_seconds_total{{{WEB}}}": (0, 30)}),
    Scene("Slow", {_seconds("1.0"): (99, 90), _seconds("2.5"): (100, 100), _seconds("+Inf"): (100, 100)}),
    Scene("FeedOld", {_OLD: (0, 1)}, {"feed": "bvvt"}, calm=90),
    Scene("FeedOld", {_OLD: (0, 1)}, speaks=False, minutes=10, calm=10 * 6),  # at night
    Scene("FeedOld", {_OLD: (0, 1)}, speaks=False, minutes=10, calm=3 * 24 * 6),  # on Sunday
    Scene("FeedHeld", {_HELD: (0, 1), _UNREADABLE: (0, 0)}, {"feed": "bvvt"}),
    Scene("FeedHeld", {_HELD: (0, 0), _UNREADABLE: (0, 1)}, {"feed": "bvvt"}),
    _one("FeedWrong", "henkham_feed_wrong", 0, 1, *_FEED),
    _one("FeedNotFetched", "henkham_feed_fetch_failing", 0, 1, *_FEED),
    _one("FeedHostKey", "henkham_feed_host_key_changed", 0, 1, *_FEED),
    _one("BookingsNotTold", "henkham_out_behind", 0, 1, *_FEED),
    _one("BookingsRefused", "henkham_out_refused", 0, 2, *_FEED),
    Scene("ConflictsWait", {f"henkham_conflicts_open{{{WEB}}}": (0, 1)}, minutes=10),
    Scene("RequestsOverdue", {f'henkham_requests_overdue{{facility="VT",{WEB}}}': (GONE, 1)}, {"facility": "VT"}),
    Scene("AuditUnsealed", {_UNSEALED: (60, 7200), _BOOKED: (1, 1)}),
    Scene("AuditUnsealed", {_UNSEALED: (60, 7200), _BOOKED: (0, 0)}, speaks=False),
    Scene("BackupFailed", {CHECKED: (0, 0), FULL: (0, 1)},
          _node("henkham-backup@full.service") | {"state": "failed", "type": "oneshot"}),
    Scene("BackupFailed", {CHECKED: (0, GONE)}, {"name": "henkham-backup-check.service"}),
    # In turn: a timer that ran once, soon after 1970 began; one that has never run; one that is not enabled.
    _untried("diff", 1, 60),
    _untried("full", 1, 240),
    _untried("check", 0, 60),
    _untried("full", 0, 240),
    _untried("full", 0, 90, speaks=False),
    _untried("diff", GONE, 60, at_all=False),
]  # fmt: skip
