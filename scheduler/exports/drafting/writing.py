"""The draft as TOML: what is told with its evidence beside it, and what is not told in a form that no feed accepts."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from booking.text import clean
from scheduler.exports.drafting.finding import FILL_IN, Findings, Guess
from scheduler.exports.drafting.naming import Resource

_SECTIONS: Final = (
    "source", "csv", "sheet", "columns", "columns.resource", "resource_key", "times", "states", "absence", "coverage",
)  # fmt: skip
_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
_WIDE: Final = 132


def written(findings: Findings, resources: Sequence[Resource], untold: Sequence[str]) -> str:
    """The whole draft; it ends with a line end."""
    lines = [*head(untold), ""]
    for key in ("code", "facility"):
        lines += entry(key, findings.keys[key])
    for section in _SECTIONS:
        keys = [key for key in findings.keys if key.rpartition(".")[0] == section or (section == "states" == key)]
        if keys:
            lines += ["", f"[{section}]"]
            for key in keys:
                lines += entry(key.rpartition(".")[2], findings.keys[key])
        if section in ("columns.resource", "states"):
            lines += _unread(findings) if section == "columns.resource" else []
    if findings.notes:
        lines += ["", "# Seen besides:", *(comment(note) for note in findings.notes)]
    lines += [*_resources(resources)]
    return "\n".join(lines) + "\n"


def plainly(values: Mapping[str, object], keys: Iterable[str]) -> str:
    """The same without a word: a feed for reading the file back. `keys`: of the one resource it has."""
    lines: list[str] = []
    sections = ("", *_SECTIONS)
    for section in sections:
        found = [(key, value) for key, value in values.items() if key.rpartition(".")[0] == section]
        if found:
            lines += [f"[{section}]"] if section else []
            lines += [f"{_name(key.rpartition('.')[2])} = {toml(value)}" for key, value in found]
    return "\n".join([*lines, "[resources.x]", f"keys = {toml(list(keys))}", "slot_minutes = 15", ""])


def toml(value: object) -> str:
    """A value as TOML writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(toml, value))}]"
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")


def _name(key: str) -> str:
    return key if _BARE.fullmatch(key) else toml(key)


def head(untold: Sequence[str]) -> list[str]:
    """What every draft begins with."""
    told = ["# A draft: read every line, then try it with `henkham feed check`. Every key: docs/feeds.md."]
    if not untold:
        return [*told, "# Nothing is left to fill in."]
    return [*told, f'# To fill in, marked "{FILL_IN}" or left open: {", ".join(untold)}.']


def entry(name: str, guess: Guess) -> list[str]:
    """A key with its evidence above it; what is not told with its choices, in a form that no feed accepts."""
    evidence = [comment(why) for why in guess.evidence]
    if guess.told:
        return [*evidence, f"{_name(name)} = {toml(guess.value)}"]
    if name in ("states", "releases"):
        return [*evidence, *([f'# {name} = ["..."]'] if name == "releases" else [])]
    proposals = [f"# {_name(name)} = {toml(choice)}" for choice in guess.choices]
    return [*evidence, *proposals, f'{_name(name)} = "{FILL_IN}"']


def comment(text: str) -> str:
    """A line that says something, whatever signs it holds."""
    plain = "".join(sign if sign.isprintable() else " " for sign in clean(text))
    return f"# {plain}"


def _unread(findings: Findings) -> list[str]:
    lines: list[str] = []
    for title, names in (("Personal, never read", findings.personal), ("Not needed, so not read", findings.unread)):
        if names:
            lines += _folded(f"{title}: {', '.join(map(repr, names))}.")
    return lines


def _folded(text: str) -> list[str]:
    lines = [""]
    for word in clean(text).split(" "):
        if len(lines[-1]) + len(word) > _WIDE and lines[-1]:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return [comment(line) for line in lines]


def _resources(resources: Sequence[Resource]) -> list[str]:
    if not resources:
        return [
            "",
            "# Who examines is not known.",
            f'[resources."{FILL_IN}"]',
            f'keys = ["{FILL_IN}"]',
            f'slot_minutes = "{FILL_IN}"',
        ]
    lines = [
        "", "# Theirs and ours: put our code of the practitioner or room between the quotes and take the quotes away.",
        "# Move the keys you do not want into resource_key.ignore, and keys of one person into one list.",
    ]  # fmt: skip
    for number, each in enumerate(resources, 1):
        near = [f"# near by name: {code} ({clean(name)})" for code, name in each.near if code != each.ours]
        code = each.ours if each.ours != FILL_IN else f"{FILL_IN} {number}"
        same = ["# the name is the same as ours, and no other's"] if each.ours != FILL_IN else []
        minutes = each.minutes if each.minutes is not None else FILL_IN
        lines += [
            "", f"# {each.rows} rows", *same, *map(comment, (line[2:] for line in near)), f"[resources.{_name(code)}]",
            f"keys = [{toml(each.key)}]", comment(each.evidence), f"slot_minutes = {toml(minutes)}",
        ]  # fmt: skip
    return lines
