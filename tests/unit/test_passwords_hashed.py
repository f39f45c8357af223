"""A hash takes 64 MiB for a moment, so only some are made at once, however many knock."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from booking.access import passwords


class Counting:
    """Stands in for the hasher: notes how many are at work at once, and lets nobody go before all who may have come."""

    def __init__(self, most: int) -> None:
        self.most_at_once = 0
        self._inside = 0
        self._lock = threading.Lock()
        self._together = threading.Barrier(most)

    def hash(self, _: str) -> str:
        """Work, seen by nobody but the counter."""
        with self._lock:
            self._inside += 1
            self.most_at_once = max(self.most_at_once, self._inside)
        self._together.wait(10)
        with self._lock:
            self._inside -= 1
        return "a hash"

    def verify(self, _: str, password: str) -> bool:
        """Likewise."""
        return bool(self.hash(password))


@pytest.mark.parametrize("work", [lambda: passwords.hash_password("x"), lambda: passwords.fits("a hash", "x")])
def test_only_some_hashes_are_made_at_once(monkeypatch: pytest.MonkeyPatch, work: Callable[[], object]) -> None:
    monkeypatch.setattr(passwords, "_hasher", counting := Counting(passwords._AT_ONCE))
    with ThreadPoolExecutor(4 * passwords._AT_ONCE) as many:
        assert all(each.result() for each in [many.submit(work) for _ in range(4 * passwords._AT_ONCE)])
    assert counting.most_at_once == passwords._AT_ONCE


def test_control_without_the_bound_all_are_made_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_hasher", counting := Counting(4 * passwords._AT_ONCE))
    monkeypatch.setattr(passwords, "_room", threading.BoundedSemaphore(100))
    with ThreadPoolExecutor(4 * passwords._AT_ONCE) as many:
        assert all(many.map(lambda _: passwords.hash_password("x"), range(4 * passwords._AT_ONCE)))
    assert counting.most_at_once == 4 * passwords._AT_ONCE
