"""What the documents claim is what the code has."""

import re
import tomllib
from pathlib import Path

from booking.settings import Settings, variable

ROOT = Path(__file__).resolve().parents[2]


def _read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_every_setting_is_in_the_table_and_nothing_else() -> None:
    documented = set(re.findall(r"^\| `([A-Z_0-9]+)` \|", _read("docs/operations.md"), re.MULTILINE))
    assert documented == {variable(field) for field in Settings.model_fields}


def test_defaults_in_the_table_are_the_defaults() -> None:
    rows = dict(re.findall(r"^\| `([A-Z_0-9]+)` \| `([^`]+)` \|", _read("docs/operations.md"), re.MULTILINE))
    assert rows
    for name, told in rows.items():
        field = next(field for field in Settings.model_fields if variable(field) == name)
        assert str(Settings.model_fields[field].default) == told, name


def test_readme_names_every_folder_of_the_product() -> None:
    text = _read("README.md")
    packages = {path.parent.name for path in (ROOT / "booking").glob("*/__init__.py")}
    assert packages
    for name in packages:
        assert f"{name}/`" in text, f"README's map lacks {name}/"


def test_every_dependency_earns_its_place() -> None:
    decisions = _read("docs/decisions.md")
    project = tomllib.loads(_read("pyproject.toml"))
    named = [
        *project["project"]["dependencies"],
        *(d for group in project["dependency-groups"].values() for d in group),
    ]
    for dependency in named:
        bare = re.split(r"[\[<>=; ]", dependency)[0]
        assert f"**{bare}**" in decisions, f"docs/decisions.md does not say why {bare} is here"


def test_the_licence_is_named() -> None:
    project = tomllib.loads(_read("pyproject.toml"))["project"]
    assert project["license"] == "Apache-2.0"
    assert "Apache-2.0" in _read("README.md")
    assert "Apache License" in _read("LICENSE")
