"""What docs/breach.md tells somebody to type in a hurry works: its queries run, its commands and links are there."""

import re
from pathlib import Path

import pytest

from booking.cli.commands import app
from booking.db import Database
from tests import seeds

pytestmark = pytest.mark.anyio
DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "breach.md").read_text("utf-8")
QUERIES = [block.strip() for block in re.findall(r"(?ms)^    -- [^\n]*\n(.*?;)\n", PAGE)]


@pytest.mark.parametrize("query", QUERIES, ids=range(len(QUERIES)))
async def test_each_query_runs(db: Database, query: str) -> None:
    await seeds.run(db, query)


def test_all_of_them_were_found() -> None:
    assert len(QUERIES) == PAGE.count("    -- ") == 5


def test_each_command_is_there() -> None:
    groups = {group.name: group.typer_instance for group in app.registered_groups if group.typer_instance}
    told = set(re.findall(r"`?henkham ([a-z]+) ([a-z-]+)", PAGE))
    assert told >= {("audit", "verify"), ("staff", "reset"), ("sms", "standing")}
    for group, name in told:
        assert group in groups, group
        assert name in {each.name or "" for each in groups[group].registered_commands}, f"henkham {group} {name}"


def test_each_link_leads_somewhere() -> None:
    for page, anchor in re.findall(r"\]\(([a-z]+\.md)#([a-z-]+)\)", PAGE):
        headings = re.findall(r"(?m)^##+ (.+)$", (DOCS / page).read_text("utf-8"))
        assert anchor in {re.sub(r"[^a-z -]", "", one.lower()).replace(" ", "-") for one in headings}, anchor
