"""What is asked of every database a test used: that it is asked at all, and of each rule there is."""

import pytest

from booking.appointments import invariants
from booking.db import Database
from tests import conftest, seeds

pytestmark = pytest.mark.anyio


async def test_a_database_that_breaks_a_rule_fails_its_test(db: Database, database_url: str) -> None:
    conftest.assert_invariants(database_url)  # nothing is in it
    world = await seeds.seed(db, capacities=[3])
    conftest.assert_invariants(database_url)
    change = "UPDATE slot SET taken = :taken, free_places = CAST(:free AS int[]) WHERE id = :slot"
    await seeds.run(db, change, taken=1, free=[2, 3], slot=world.slots[0])
    with pytest.raises(AssertionError, match="taken_counts_what_holds_a_place"):
        conftest.assert_invariants(database_url)
    await seeds.run(db, change, taken=0, free=[1, 2, 3], slot=world.slots[0])


def test_every_rule_is_asked_wherever_its_first_table_holds_a_row() -> None:
    asked = conftest._every_rule()
    assert len(asked) == len(invariants.invariants())
    for (table, query), (name, rule) in zip(asked, invariants.invariants().items(), strict=True):
        assert f"'{name}'" in query
        assert rule.count(f"\nFROM {table}") == 1
        assert f"EXISTS (TABLE {table})" in conftest._which_are_filled()
        assert "UNION" not in rule  # nor FULL or RIGHT JOIN: where the first table is empty, nothing is found
        assert "FULL" not in rule
        assert "RIGHT" not in rule
