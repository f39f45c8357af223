"""Filling in texts, and which of them may go out. Their words: `wordings`."""

import unicodedata
from collections.abc import Mapping
from typing import Any, Final

from booking.messages.kinds import ApprovalState, MessageKind
from booking.messages.segments import GSM_BASIC, GSM_EXTENSION
from booking.messages.wordings import ALL, Template
from booking.text import clean

TEMPLATES: Final[Mapping[tuple[MessageKind, str], Template]] = {(one.kind, one.language): one for one in ALL}
"""Every kind in every language."""

FAMILY: Final = {
    MessageKind.REMINDER_DAY: MessageKind.REMINDER_DAY_FAMILY,
    MessageKind.REMINDER_HOURS: MessageKind.REMINDER_HOURS_FAMILY,
}
"""The words of a reminder that stands for several visits."""

FIRST: Final = "first"
"""The fact that names the earliest visit a text stands for, where that is not its own: `NAMED`, and its `subject`."""

NAMED: Final = ("starts_at", "code", "token_version")
"""What of a visit is read in a text, its link included."""

_PLAIN = str.maketrans({
    "đ": "d", "Đ": "D", "–": "-", "—": "-", "‘": "'", "’": "'", "“": '"', "”": '"', "…": "...", "\u00a0": " ",
})  # fmt: skip


NONE: Final[frozenset[str]] = frozenset()
"""No text was registered by this installation."""


class MissingFactError(KeyError):
    """A text asks for a variable that was not given; the name of it is the argument."""


def render(kind: MessageKind, language: str, facts: Mapping[str, str]) -> str:
    """The text of a kind, filled in. Facts are written without marks; those the text does not use are ignored.

    A fact longer than `LONGEST` is not cut: two segments are better than half a link.

    Raises:
        MissingFactError: the text needs a fact that was not given.
        KeyError: there is no text of this kind in this language.
    """
    template = TEMPLATES[kind, language]
    for name in template.variables:
        if name not in facts:
            raise MissingFactError(name)
    return template.text.format_map({name: plain(facts[name]) for name in template.variables})


def worded(kind: MessageKind, facts: Mapping[str, Any]) -> MessageKind:
    """Whose words a message is written in: those for several visits where it stands for more than its own."""
    return FAMILY.get(kind, kind) if int(facts.get("count", 1)) > 1 else kind


def plain(value: str) -> str:
    """A value as GSM-7 without marks, case kept: "Thắng Nhì" becomes "Thang Nhi". What has no such form becomes "?"."""
    decomposed = unicodedata.normalize("NFD", clean(value).translate(_PLAIN))
    kept = (sign for sign in decomposed if not unicodedata.combining(sign))
    return "".join(sign if sign in GSM_BASIC or sign in GSM_EXTENSION else "?" for sign in kept)


def unapproved(registered: frozenset[str] = NONE) -> list[Template]:
    """The texts that production must not send yet; `registered` names those registered for this installation."""
    return [one for one in ALL if not _approved(one, registered)]


def unknown(registered: frozenset[str]) -> list[str]:
    """Names that are no text's: misspelt, or of a version that was changed since, which must be registered anew."""
    return sorted(registered - {one.name for one in ALL})


def may_send(kind: MessageKind, language: str, *, production: bool, registered: frozenset[str] = NONE) -> bool:
    """Whether this text may go out here: in production only an approved one."""
    return not production or _approved(TEMPLATES[kind, language], registered)


def _approved(template: Template, registered: frozenset[str]) -> bool:
    return template.approval is ApprovalState.APPROVED or template.name in registered
