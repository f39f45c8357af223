"""The shape of a page: what two pages share of which the judge (tests/markup.py) says the same.

Parsing a page strictly takes longer than answering with it, and thousands of tests fetch the same few hundred pages,
each with names, codes and addresses of its own. Only the shape of a page decides about faults: its tags, which
attributes they carry, which ids are equal, what is blank. `shape(html)` keeps that and no more, so a page of a shape
that was found without fault needs no second look.

Where anything is unusual, such as a bare `<` or a letter that HTML does not allow, there is no shape.
"""

import re

_REGULAR = re.compile(r"[^<>]*(?:<[^<>]*>[^<>]*)*")
_LETTERS = re.compile(r"[\t\n -~\u00a0-\ud7ff\ue000-\ufdcf\ufdf0-\ufffc]*")
"""Without what a parser refuses, and without a carriage return, which it changes."""
_KNOWN = "&(?:amp|lt|gt|quot|#34|#39);"
_TEXT = re.compile(rf">\s*(?=[^\s<>])[^<>&]*(?:{_KNOWN}[^<>&]*)*(?=<)")
"""A text that is not blank."""
_VALUE = re.compile(rf"""([ \n])([a-z][a-z0-9-]*)="([^<>&"']*(?:{_KNOWN}[^<>&"']*)*)\"""")
_POINTERS = frozenset({"id", "for", "aria-describedby", "aria-labelledby", "aria-controls", "list", "headers"})
_INERT = frozenset({
    "action", "alt", "aria-label", "class", "content", "datetime", "href", "max", "min", "name", "placeholder", "src",
    "title", "value",
    "cx", "cy", "d", "height", "points", "r", "transform", "width", "x", "x1", "x2", "y", "y1", "y2",
})  # fmt: skip
"""Of these judge and parser ask only whether they are there and whether they say anything."""
_UNSEEN = re.compile(rf"""(?i)[^a-z-](?:{"|".join([*sorted(_POINTERS), "href"])})\s*=(?!"[#0-9 -]*")""")
"""A pointer written in some other way, whose name stands there as it was: it is not comparable with the others."""


def shape(html: str) -> str | None:
    """The page without what is its own; None where it is not certain what that would be."""
    if not _REGULAR.fullmatch(html) or not _LETTERS.fullmatch(html):
        return None
    numbers: dict[str, int] = {}

    def known(names: str) -> str:
        return " ".join(str(numbers.setdefault(name, len(numbers))) for name in names.split(" "))

    def value(found: re.Match[str]) -> str:
        space, name, given = found.groups()
        if not given.strip():
            return found[0]
        if name in _POINTERS and "&" not in given and given.split() == given.split(" "):
            return f'{space}{name}="{known(given)}"'
        if name == "href" and given.startswith("#"):
            return f'{space}{name}="#{known(given[1:])}"' if "&" not in given and " " not in given else found[0]
        return f'{space}{name}="-"' if name in _INERT or name.startswith("data-") else found[0]

    made = _VALUE.sub(value, _TEXT.sub(">-", html))
    return None if _UNSEEN.search(made) else made
