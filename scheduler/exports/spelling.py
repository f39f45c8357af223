"""The nearest right spelling, for people who type feeds by hand."""

import re
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


_OURS = re.compile(
    r"(?:utc|gmt|etc/gmt|z)?\s*\+?\s*0?7(?::?00)?|ict|indochina( standard)?( time)?|(asia/)?vi[eệ]t\s?nam"
)
_LIKE_OURS = re.compile(
    r"(asia/)?(h[aàồô]\s?n[oộ]i|(tp\.?\s?)?h[oồ]\s?ch[ií]\s?minh(\s?city)?|v[uũ]ng\s?t[aà]u|se asia.*)"
)


def nearest_zone(word: str, known: Iterable[str]) -> str:
    """The same of a zone, where the likest name (UTC for UTC+7) is the dearest mistake."""
    plain = word.strip().casefold().replace("_", " ")
    if _OURS.fullmatch(plain) or _LIKE_OURS.fullmatch(plain):
        return f"{word!r} is not known; did you mean {OURS!r}?"
    # An offset is no spelling of anything: nobody is led to another one.
    if re.search(r"\d", plain):
        return f"{word!r} is not known; a zone is named by a place, such as {OURS!r}, or 'UTC'"
    told = nearest(word, known, list_all=False)
    return (
        told
        if "/" in told.partition(";")[2]
        else f"{word!r} is not known; a zone is named by a place, such as {OURS!r}"
    )


OURS = "Asia/Ho_Chi_Minh"
"""The zone of Vietnam."""
