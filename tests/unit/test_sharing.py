"""Tests in another order are the same tests, and each worker begins with its share of the long ones."""

import pytest

from tests.sharing import shared_out

BROWSER = [f"browser/{file}::{number}" for file in "ab" for number in range(5)]
RACES = [f"concurrency/{file}::{number}" for file in "cde" for number in range(4)]
QUICK = [f"unit/{file}::{number}" for file in "fghi" for number in range(25)]
ALL = [*QUICK[:30], *RACES[:4], *QUICK[30:60], *BROWSER, *QUICK[60:], *RACES[4:]]


def _order(tests: list[str], workers: int) -> list[str]:
    return shared_out(
        tests, workers, folder=lambda one: one.split("/")[0], file=lambda one: one.split("::")[0]
    )  # fmt: skip


@pytest.mark.parametrize("workers", [1, 2, 3, 4])
def test_every_test_stays_and_each_worker_begins_with_the_long_ones(workers: int) -> None:
    order = _order(ALL, workers)
    assert sorted(order) == sorted(ALL)
    assert [one for one in order if one in QUICK] == QUICK  # as they were drawn
    left = order
    for worker in range(workers):
        piece, left = left[: len(left) // (workers - worker)], left[len(left) // (workers - worker) :]
        kinds = [one.split("/")[0] for one in piece]
        assert kinds == sorted(kinds)  # browser, concurrency, unit
        assert set(kinds) >= {"browser", "unit"}
        for file in {one.split("::")[0] for one in piece if one in RACES}:
            assert len([one for one in piece if one.startswith(file)]) == 4  # no file is torn apart


@pytest.mark.parametrize("tests", [[], BROWSER, QUICK[:3], BROWSER[:1]])
def test_few_tests_and_many_workers(tests: list[str]) -> None:
    for workers in (1, 2, 7):
        assert sorted(_order(tests, workers)) == sorted(tests)
