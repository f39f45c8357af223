"""The files for containers and Kubernetes, as far as they can be read without an engine: nobody of us had one."""

import ipaddress
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from booking import embedded
from booking.settings import Settings, variable
from tests.deploy.installed import DEPLOY

COMPOSE = DEPLOY / "containers/compose.yaml"
MANIFESTS = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
KNOWN = {variable(name) for name in Settings.model_fields}


def _documents() -> Iterator[dict[str, Any]]:
    for path in MANIFESTS:
        yield from yaml.safe_load_all(path.read_text("utf-8"))


def _pods() -> dict[str, dict[str, Any]]:
    return {
        each["metadata"]["name"]: each["spec"]["template"]["spec"]
        for each in _documents()
        if each["kind"] in ("Deployment", "Job")
    }


def test_every_setting_named_in_them_exists() -> None:
    settings = next(each for each in _documents() if each["kind"] == "ConfigMap")["data"]
    services = yaml.safe_load(COMPOSE.read_text("utf-8"))["services"]
    ours = [each["environment"] for name, each in services.items() if name != "database"]
    named = {name.removesuffix("_FILE") for given in [settings, *ours] for name in given}
    assert named >= {"DATABASE_URL", "HENKHAM_SEAL_KEY", "PUBLIC_BASE_URL"}
    assert named <= KNOWN


PLACES = {
    "HENKHAM_SMS_REGISTERED", "HENKHAM_SMS_PROVIDER", "HENKHAM_BRANDNAME_TEMPLATE", "HENKHAM_BRANDNAME_SECRET",
    "HENKHAM_BRANDNAME_RECEIPT_SECRET", "HENKHAM_SEAL_KEY_ID", "HENKHAM_SEAL_KEYS_OLD", "HENKHAM_METRICS_TOKEN",
}  # fmt: skip
"""What an installation needs sooner or later: texts that may go, another gateway, exchanged keys, monitoring."""


def test_texts_gateways_exchanged_keys_and_monitoring_have_their_places() -> None:
    settings = next(each for each in _documents() if each["kind"] == "ConfigMap")["data"]
    services = yaml.safe_load(COMPOSE.read_text("utf-8"))["services"]
    assert {name.removesuffix("_FILE") for name in settings} >= PLACES
    assert {name.removesuffix("_FILE") for name in services["web"]["environment"]} >= PLACES
    for name in ("web", "scheduler", "migrate"):
        files = [value for key, value in services[name]["environment"].items() if key.endswith("_FILE")]
        assert {each.rpartition("/")[2] for each in files} == set(services[name]["secrets"]), name
    made = (DEPLOY / "kubernetes/settings.yaml").read_text("utf-8")
    keys = [value for value in settings.values() if value.startswith("/run/henkham/keys/")]
    assert len(keys) >= 7
    assert all(f"--from-file={each.rpartition('/')[2]} " in made.replace("\n", " ") for each in keys)


def test_containers_run_as_nobody_special_on_a_file_system_they_cannot_change() -> None:
    services = yaml.safe_load(COMPOSE.read_text("utf-8"))["services"]
    for name in ("web", "scheduler", "migrate"):
        assert services[name]["read_only"] is True
        assert services[name]["cap_drop"] == ["ALL"]
    assert set(_pods()) == {"henkham-web", "henkham-scheduler", "henkham-migrate"}
    for pod in _pods().values():
        (container,) = pod["containers"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_each_reads_the_database_as_a_role_of_its_own() -> None:
    services = yaml.safe_load(COMPOSE.read_text("utf-8"))["services"]
    urls = [services[name]["environment"]["DATABASE_URL_FILE"] for name in ("web", "scheduler", "migrate")]
    mounted = [
        volume["secret"]["secretName"]
        for pod in _pods().values()
        for volume in pod["volumes"]
        if volume["name"] == "database"
    ]
    assert len(set(urls)) == len(set(mounted)) == 3


def test_every_secret_and_volume_that_is_used_is_declared() -> None:
    compose = yaml.safe_load(COMPOSE.read_text("utf-8"))
    assert {name for each in compose["services"].values() for name in each.get("secrets", ())} == set(
        compose["secrets"]
    )
    for pod in _pods().values():
        used = {mount["name"] for mount in pod["containers"][0]["volumeMounts"]}
        assert used == {volume["name"] for volume in pod["volumes"]}


@pytest.mark.parametrize("path", [DEPLOY / "containers/Dockerfile"], ids=lambda path: path.name)
def test_what_the_image_copies_is_there_and_no_secret_is_among_it(path: Path) -> None:
    text = path.read_text("utf-8")
    copied = [word for line in re.findall(r"^COPY (?!--from)(.+)$", text, re.MULTILINE) for word in line.split()[:-1]]
    assert len(copied) >= 5
    assert all((DEPLOY.parent / name).exists() for name in copied)
    assert re.search(r"^USER 10001", text, re.MULTILINE)
    assert "--require-hashes" in text


def test_the_scheduler_has_its_feeds_and_a_folder_it_may_write_to_everywhere() -> None:
    compose = yaml.safe_load(COMPOSE.read_text("utf-8"))["services"]["scheduler"]
    pod = _pods()["henkham-scheduler"]
    (container,) = pod["containers"]
    assert {"name": "HENKHAM_FEEDS_DIR", "value": "/etc/henkham/feeds"} in container["env"]
    assert compose["environment"]["HENKHAM_FEEDS_DIR"] == "/etc/henkham/feeds"
    (mount,) = (each for each in container["volumeMounts"] if each["mountPath"] == "/var/lib/henkham/exports")
    assert not mount.get("readOnly")
    (claimed,) = (each for each in pod["volumes"] if each["name"] == mount["name"])
    claims = [each["metadata"]["name"] for each in _documents() if each["kind"] == "PersistentVolumeClaim"]
    assert claims == [claimed["persistentVolumeClaim"]["claimName"]]
    image = (DEPLOY / "containers/Dockerfile").read_text("utf-8")
    assert re.search(r"install -d -o 10001 .*/var/lib/henkham/exports", image), "a new volume would be root's"
    assert any(each.endswith(":/var/lib/henkham/exports") for each in compose["volumes"])


def test_nothing_serves_before_the_schema_is_there_and_each_says_whether_it_is_ready() -> None:
    services = yaml.safe_load(COMPOSE.read_text("utf-8"))["services"]
    for name in ("web", "scheduler"):
        assert services[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
    assert "profiles" not in services["migrate"]
    assert "/readyz" in services["web"]["healthcheck"]["test"][-1]
    assert {"henkham-web", "henkham-scheduler"} == {
        name for name, pod in _pods().items() if "readinessProbe" in pod["containers"][0]
    }


def test_only_the_ingress_reaches_the_pods_and_no_network_of_pods_is_believed() -> None:
    settings = next(each for each in _documents() if each["kind"] == "ConfigMap")["data"]
    believed = [ipaddress.ip_network(each) for each in settings["HENKHAM_TRUSTED_PROXIES"].split(",")]
    assert all(each.num_addresses == 1 for each in believed)
    policies = {each["metadata"]["name"]: each["spec"] for each in _documents() if each["kind"] == "NetworkPolicy"}
    assert policies["henkham-nobody"] == {"podSelector": {}, "policyTypes": ["Ingress"]}
    assert all("namespaceSelector" in each for each in policies["henkham-web"]["ingress"][0]["from"])


TOLD = (
    "max_connections",
    "wal_compression",
    "log_error_verbosity",
    "log_parameter_max_length_on_error",
    "listen_addresses",
)


def _server_says(folder: Path, *options: str) -> dict[str, str]:
    """What PostgreSQL itself makes of its settings with these options; it is not started."""
    postgres = embedded.wheel_binaries() / "postgres"
    return {
        name: subprocess.run(
            [postgres, "-C", name, "-D", folder, *options], check=True, capture_output=True, text=True
        ).stdout.strip()
        for name in TOLD
    }  # fmt: skip


def test_the_database_in_a_container_has_the_settings_of_any_other(tmp_path: Path) -> None:
    database = yaml.safe_load(COMPOSE.read_text("utf-8"))["services"]["database"]
    mounted = dict(each.split(":")[:2][::-1] for each in database["volumes"] if each.endswith(".conf:ro"))
    assert len(mounted) == 2
    here = {there: tmp_path / Path(there).name for there in mounted}
    for there, ours in mounted.items():
        text = (COMPOSE.parent / ours).read_text("utf-8")
        # The wheel of these tests is built without lz4.
        text = text.replace("lz4", "pglz").replace("/etc/henkham", str(tmp_path))
        here[there].write_text(text, "utf-8")
    (tmp_path / "postgresql.conf").chmod(0o644)
    program, *options = database["command"]
    assert program == "postgres"
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "postgresql.conf").write_text("", "utf-8")  # as initdb would, but empty
    said = _server_says(tmp_path / "data", *(each.replace("/etc/henkham", str(tmp_path)) for each in options))
    assert said == {
        "max_connections": "200", "wal_compression": "pglz", "log_error_verbosity": "terse",
        "log_parameter_max_length_on_error": "0", "listen_addresses": "*",
    }  # fmt: skip
    assert _server_says(tmp_path / "data")["log_error_verbosity"] == "default", "the control"
