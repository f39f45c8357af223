"""The nearest right spelling, for people who type feeds by hand."""

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(word: str, known: Iterable[str], *, list_all: bool = True) -> str:
    """`'stat' is not known; did you mean 'state'? Known: ...`, without the list where it would be hundreds."""
    names = sorted(known)
    by_fold = {name.casefold(): name for name in names}
    # Two letters swapped is the commonest slip, and the one that a measure of likeness sees least.
    swapped = [name for fold, name in by_fold.items() if sorted(fold) == sorted(word.casefold())]
    close = swapped or [by_fold[match] for match in get_close_matches(word.casefold(), list(by_fold), n=1, cutoff=0.6)]
    guess = f"; did you mean {close[0]!r}?" if close else ";"
    listed = f" Known: {', '.join(names)}" if list_all else ""
    return f"{word!r} is not known{guess}{listed}".rstrip(";")
