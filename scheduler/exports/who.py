"""Which columns name who examines: ways to name the first, and ways to name others of the same row."""

from collections.abc import Collection
from typing import Annotated, Final

from pydantic import BeforeValidator, Field

from scheduler.exports.parts import Filled, Part, Words, as_tuple
from scheduler.exports.spelling import nearest

Ways = tuple[Annotated[tuple[str, ...], BeforeValidator(as_tuple), Field(min_length=1)], ...]
LINE: Final = "line"
"""The word for a line break inside a cell, as the sign between several in one."""


class ResourceKey(Part):
    """Which columns name the resource, which name others of the same row, and which values we do not want."""

    columns: Ways = ()
    also: Ways = ()
    ignore: Words = ()
    separator: Filled | None = None


def also_problems(also: Ways, ways: Ways, known: Collection[str], of_a_table: bool) -> list[str]:  # noqa: FBT001
    """What `also` says wrongly, as lines that begin with the key."""
    problems = [f"resource_key.also: {nearest(name, known)}" for way in also for name in way if name not in known]
    doubled = [way for number, way in enumerate(also) if way in (*ways, *also[:number])]
    problems += [f"resource_key.also: {' and '.join(way)} names one who is named already" for way in doubled]
    if not all(ways):
        problems.append("resource_key.also: leaves no column of columns.resource for the first")
    if also and not of_a_table:
        problems.append("resource_key.also: is of tables only: csv, xlsx, html")
    return problems
