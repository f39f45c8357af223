"""Which test goes when: those that take longest begin, so that no worker ends with one while the others are idle.

xdist gives each worker an equal piece of the list, and whoever is done first takes from the end of another's. So each
piece begins with its share of the long tests: first those in a browser, all of them, so that each worker starts one
browser and not one for each file; then whole files of the other long ones. What is drawn by lot otherwise stays so.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import TypeVar

Test = TypeVar("Test")
LONG = ("browser", "concurrency", "deploy")
"""Folders whose tests take a second and more."""


def shared_out(
    tests: Sequence[Test], workers: int, *, folder: Callable[[Test], str], file: Callable[[Test], str]
) -> list[Test]:
    """The tests in another order; each of so many workers takes an equal piece of them, the first the smallest."""
    browser = [one for one in tests if folder(one) == LONG[0]]
    files = [list(group) for _, group in groupby((one for one in tests if folder(one) in LONG[1:]), key=file)]
    rest = iter([one for one in tests if folder(one) not in LONG])
    dealt: list[Test] = []
    for worker in range(workers):
        size = (len(tests) - len(dealt)) // (workers - worker)
        piece = [*browser[worker::workers], *_flat(files[worker::workers])]
        piece += [one for _, one in zip(range(size - len(piece)), rest, strict=False)]
        dealt += piece
    return [*dealt, *rest]


def _flat(files: Iterable[Iterable[Test]]) -> list[Test]:
    return [one for file in files for one in file]
