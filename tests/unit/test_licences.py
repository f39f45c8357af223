"""Every locked package may be used: its licence is one we know, or stands below with the reason."""

import re
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

LOCK = Path(__file__).parents[2] / "requirements.lock"

FREE = {
    "MIT", "MIT License", "MIT-0", "BSD License", "BSD license", "3-Clause BSD License",
    "BSD-2-Clause", "BSD-3-Clause", "BSD 2-Clause License",
    "Apache-2.0", "Apache 2.0", "Apache Software License", "ISC License", "ISC License (ISCL)", "PSF-2.0",
    "Python Software Foundation License", "Dual License", "Apache License 2.0",
}  # fmt: skip
"""They ask for their notice to be kept and for nothing else."""

KNOWN = {
    "asyncssh": ("EPL-2.0 OR GPL-2.0-or-later", "taken under EPL-2.0, unchanged: it asks for changes to itself only"),
    "axe-playwright-python": ("", "tests only; MIT by its file LICENSE, and axe-core in it MPL-2.0"),
    "certifi": ("MPL-2.0", "unchanged: it asks for changes to its own files only"),
    "hypothesis": ("MPL-2.0", "tests only, unchanged"),
    "orjson": ("MPL-2.0 AND (Apache-2.0 OR MIT)", "unchanged: it asks for changes to its own files only"),
    "pathspec": ("MPL-2.0", "tools only, unchanged"),
}
"""Package → its licence where it asks for more, or does not say it; and why it may be used."""


def locked() -> list[str]:
    """Names of the packages of the lock that this machine has; the others are for other systems."""
    return sorted(set(re.findall(r"(?m)^([A-Za-z0-9_.-]+)==", LOCK.read_text("utf-8"))))


def licences(package: str) -> set[str]:
    """What a package says of itself: an expression, else its classifiers, else the words of its field."""
    told: Any = metadata.metadata(package)
    expression = told.get("License-Expression")
    if expression:
        return set(re.split(r" AND | OR |[()]", expression)) - {""}
    classified = {
        each.split("::")[-1].strip() for each in told.get_all("Classifier") or [] if each.startswith("License")
    }
    classified -= {"OSI Approved", "DFSG approved"}
    return classified or {(told.get("License") or "").strip()} - {""}


@pytest.mark.parametrize("package", locked())
def test_each_package_may_be_used(package: str) -> None:
    try:
        found = licences(package)
    except metadata.PackageNotFoundError:
        pytest.skip("for another system")
    if package in KNOWN:
        assert found - FREE or not found or KNOWN[package][0] in found, f"{package}: nothing to explain any more"
        return
    assert found, f"{package} says nothing of its licence"
    assert found <= FREE, f"{package}: {found - FREE}"


def test_control_a_licence_nobody_looked_at_is_refused() -> None:
    assert not {"AGPL-3.0-only"} <= FREE
    assert not licences("certifi") <= FREE


def test_most_of_the_lock_was_looked_at() -> None:
    present = [name for name in locked() if next(iter(metadata.distributions(name=name)), None) is not None]
    assert len(present) > 0.9 * len(locked())
