"""Each alert speaks when what it is for is there, and ends when that is over: asked of Prometheus's own promtool."""

import ast
import inspect
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from booking.watch import queries
from booking.web import metrics
from tests.deploy.alerts import NODE, OUTSIDE, SCENES, Scene
from tests.deploy.installed import DEPLOY

(GROUP,) = yaml.safe_load((DEPLOY / "monitoring/alerts.yaml").read_text("utf-8"))["groups"]
BY_NAME: dict[str, dict[str, Any]] = {rule["alert"]: rule for rule in GROUP["rules"]}
OF_PROMETHEUS = {"job", "instance"}


def _promtool(*told: str) -> subprocess.CompletedProcess[str]:
    path = shutil.which("promtool")
    if path is None:
        reason = "NO PROMTOOL ON THIS MACHINE: the alerts were not tried (apt-get install prometheus)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return subprocess.run([path, *told], check=False, capture_output=True, text=True)


def _expected(scene: Scene) -> list[dict[str, Any]]:
    rule = BY_NAME[scene.alert]
    told = {
        name: re.sub(r"\{\{ \$labels\.(\w+) \}\}", lambda found: scene.labels[found[1]], text)
        for name, text in rule["annotations"].items()
    }
    return [{"exp_labels": {**rule["labels"], **scene.labels}, "exp_annotations": told}]


def _group(number: int, scene: Scene) -> dict[str, Any]:
    speaking = _expected(scene) if scene.speaks else []
    moments: tuple[tuple[int, list[dict[str, Any]]], ...] = (
        (scene.calm * scene.minutes - 1, []),
        (scene.speaks_at, speaking),
        (scene.ends_at, []),
    )
    return {
        "name": f"{number}:{scene.alert}",
        "interval": f"{scene.minutes}m",
        "input_series": [{"series": each, "values": scene.values(each)} for each in scene.series],
        "alert_rule_test": [
            {"eval_time": f"{minute}m", "alertname": scene.alert, "exp_alerts": alerts} for minute, alerts in moments
        ],
    }


def _tried(folder: Path, rules: Sequence[dict[str, Any]], scenes: Sequence[Scene]) -> tuple[bool, str]:
    """Whether all scenes went as they should, and what promtool said."""
    told = []
    for number, scene in enumerate(scenes):
        asked = [rule for rule in rules if rule["alert"] == scene.alert]
        parts = {
            "rules": {"groups": [{"name": "henkham", "rules": asked}]},
            "tests": {
                "rule_files": [f"rules-{number}.yaml"],
                "evaluation_interval": f"{scene.minutes}m",
                "tests": [_group(number, scene)],
            },
        }
        for name, part in parts.items():
            (folder / f"{name}-{number}.yaml").write_text(yaml.safe_dump(part, allow_unicode=True), "utf-8")
        told.append(str(folder / f"tests-{number}.yaml"))
    done = _promtool("test", "rules", *told)
    return done.returncode == 0, done.stdout + done.stderr


def _instead(expression: str) -> list[dict[str, Any]]:
    """Our alerts, asking for something else, at once."""
    return [{**rule, "expr": expression, "for": "0s"} for rule in BY_NAME.values()]


def test_prometheus_takes_rules_and_fragment(tmp_path: Path) -> None:
    rules = DEPLOY / "monitoring/alerts.yaml"
    assert f"{len(BY_NAME)} rules found" in _promtool("check", "rules", str(rules)).stdout
    token = tmp_path / "token"
    token.write_text("x")
    fragment = (DEPLOY / "monitoring/prometheus.yaml").read_text("utf-8")
    for named, here in (
        ("/etc/prometheus/henkham-alerts.yaml", rules),
        ("/etc/prometheus/henkham-metrics-token", token),
    ):
        assert named in fragment
        fragment = fragment.replace(named, str(here))
    (tmp_path / "prometheus.yaml").write_text(fragment, "utf-8")
    done = _promtool("check", "config", str(tmp_path / "prometheus.yaml"))
    assert done.returncode == 0, done.stderr + done.stdout


def test_each_alert_speaks_and_ends(tmp_path: Path) -> None:
    assert {scene.alert for scene in SCENES if scene.speaks} == set(BY_NAME)
    well, said = _tried(tmp_path, list(BY_NAME.values()), SCENES)
    assert well, said


def test_an_alert_that_never_speaks_or_never_ends_is_found(tmp_path: Path) -> None:
    for expression, which in (("vector(1) > 1", {True}), ("vector(1)", {True, False})):
        well, said = _tried(tmp_path, _instead(expression), SCENES)
        assert not well
        for number, scene in enumerate(SCENES):
            assert (f"{number}:{scene.alert}," in said) == (scene.speaks in which), (expression, scene)


def _keys(given: ast.expr) -> set[str]:
    assert isinstance(given, ast.Dict)
    return {key.value for key in given.keys if isinstance(key, ast.Constant) and isinstance(key.value, str)}


def _labels() -> dict[str, set[str]]:
    """The labels of each reading and count, as the code gives them."""
    found: dict[str, set[str]] = {}
    for function in ast.parse(inspect.getsource(queries)).body:
        nodes = list(ast.walk(function))
        for each in nodes:
            if isinstance(each, ast.Call) and isinstance(each.func, ast.Name) and each.func.id == "Reading":
                name, _, *given = each.args
                assert isinstance(name, ast.Constant)
                if given and isinstance(given[0], ast.Name):
                    given = [one.value for one in nodes if isinstance(one, ast.Assign) and _assigns(one, given[0].id)]
                found[f"henkham_{name.value!s}"] = _keys(given[0]) if given else set()
    for counter in (metrics.REQUESTS, metrics.REFUSALS, metrics.BOOKED, metrics.FULL):
        found[f"{counter._name}_total"] = set(counter._labelnames)
    return found | {f"{metrics.SECONDS._name}_bucket": {"le", *metrics.SECONDS._labelnames}}


def _assigns(statement: ast.Assign, name: str) -> bool:
    return any(isinstance(target, ast.Name) and target.id == name for target in statement.targets)


def test_scenes_scrape_what_the_product_shows_and_no_label_is_one_of_prometheus() -> None:
    """Prometheus calls the target `job`: a label of ours of that name is renamed, and `by (job)` sees one job alone."""
    labels = _labels()
    assert {f"henkham_{name}" for name in metrics.HELP} <= set(labels)
    assert not [name for name, each in labels.items() if each & OF_PROMETHEUS]
    for scene in SCENES:
        for series in scene.series:
            name, told = series.rstrip("}").split("{")
            if NODE in told or OUTSIDE in told or name == "up":
                continue
            assert set(re.findall(r"(\w+)=", told)) == labels[name] | OF_PROMETHEUS, series
