"""Alerts and dashboard ask for what is there, and each alert has its line of what to do."""

import json
import re

import yaml
from prometheus_client import generate_latest

from booking.web import metrics
from tests.deploy.installed import DEPLOY

MONITORING = DEPLOY / "monitoring"
ALERTS = yaml.safe_load((MONITORING / "alerts.yaml").read_text("utf-8"))["groups"][0]["rules"]
PANELS = json.loads((MONITORING / "grafana.json").read_text("utf-8"))["panels"]


def _known() -> set[str]:
    metrics.answered("GET", "/", 200, 0.1)
    metrics.refused("slot_full")
    metrics.booked("api")
    counted = re.findall(r"^(henkham_\w+)[{ ]", generate_latest(metrics.REGISTRY).decode(), re.MULTILINE)
    return {*counted, *(f"henkham_{name}" for name in metrics.HELP)}


def _asked(expression: str) -> set[str]:
    return set(re.findall(r"henkham_\w+", expression))


def test_alerts_and_panels_ask_for_readings_that_exist() -> None:
    expressions = [rule["expr"] for rule in ALERTS] + [each["expr"] for panel in PANELS for each in panel["targets"]]
    asked = set[str]().union(*map(_asked, expressions))
    assert len(asked) > 10
    assert asked <= _known()


def test_every_reading_is_on_the_dashboard() -> None:
    shown = set[str]().union(*(_asked(each["expr"]) for panel in PANELS for each in panel["targets"]))
    gone = {f"henkham_{name}" for name in metrics.HELP} - shown
    assert gone == {
        "henkham_sms_held",
        "henkham_sms_resting",
        "henkham_sms_lost",
        "henkham_feed_old",
        "henkham_sync_wanted",
        "henkham_sync_standbys",
    }  # these are alarms, not curves


def test_each_alert_says_what_to_do() -> None:
    operations = (DEPLOY.parent / "docs/operations.md").read_text("utf-8")
    runbooks = {rule["alert"]: rule["annotations"]["runbook"] for rule in ALERTS}
    assert len(runbooks) == len(ALERTS)
    for name, runbook in runbooks.items():
        assert runbook == f"docs/operations.md#{name.lower()}"
        assert f'<a id="{name.lower()}"></a>**{name}**' in operations
    assert {rule["labels"]["severity"] for rule in ALERTS} == {"page", "ticket"}


def test_how_old_a_feed_may_be_is_said_by_the_feed_and_nobody_is_woken_at_night() -> None:
    (old,) = (rule["expr"] for rule in ALERTS if rule["alert"] == "FeedOld")
    assert _asked(old) == {"henkham_feed_old"}
    assert "hour() >= 1 < 10" in old
