"""Every text that is ever sent, in one place.

Each is GSM-7, without marks, one segment with every variable at its longest, has the sender's name in it, carries its
booking code (all but the one-time code), and says nothing about why somebody sees a doctor. Carriers register each
text: whoever changes a letter raises `version` and sets `approval` back to DRAFT.
"""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from string import Formatter
from typing import Final

from booking.i18n import Language
from booking.messages.kinds import ApprovalState, MessageKind
from booking.messages.segments import GSM_BASIC, GSM_EXTENSION
from booking.text import clean

SENDER: Final = "HenKham"
"""The registered sender's name; every text begins with it."""

BASE_LONGEST: Final = 34
"""Characters PUBLIC_BASE_URL may have so that every text with a link stays one segment."""

LONGEST: Final[Mapping[str, str]] = {
    "facility": "W" * 22,  # the SMS name of a facility
    "date": "31/12",
    "time": "23:59",
    "code": "W" * 8,
    "link": "https://" + "w" * (BASE_LONGEST - 8) + "/t/" + "W" * 8 + "/" + "w" * 27,
    "otp": "888888",
    "until": "23:59",
    "minutes": "10",
}
"""Each variable at its longest: what the one-segment rule is checked with."""

_PLAIN = str.maketrans({
    "đ": "d", "Đ": "D", "–": "-", "—": "-", "‘": "'", "’": "'", "“": '"', "”": '"', "…": "...", "\u00a0": " ",
})  # fmt: skip


class MissingFactError(KeyError):
    """A text asks for a variable that was not given; the name of it is the argument."""


@dataclass(frozen=True, slots=True)
class Template:
    """One text.

    Attributes:
        kind: what it is for.
        language: whom it speaks to.
        version: raised with every change of the text.
        approval: how far the carriers' registration has come.
        text: with {variables} out of `LONGEST`.
    """

    kind: MessageKind
    language: Language
    version: int
    approval: ApprovalState
    text: str

    @property
    def variables(self) -> Mapping[str, str]:
        """The variables of this text, each with its longest value."""
        return {name: LONGEST[name] for name in _names(self.text)}

    @property
    def longest(self) -> str:
        """The text with every variable at its longest."""
        return self.text.format_map(LONGEST)


def _draft(kind: MessageKind, vi: str, en: str) -> list[Template]:
    return [
        Template(kind, "vi", 1, ApprovalState.DRAFT, vi),
        Template(kind, "en", 1, ApprovalState.DRAFT, en),
    ]


_ALL: Final = [
    *_draft(
        MessageKind.OTP,
        vi="HenKham: Ma xac nhan la {otp}, dung trong {minutes} phut. Khong dua ma nay cho bat ky ai.",
        en="HenKham: Your verification code is {otp}, valid for {minutes} minutes. Do not give it to anyone.",
    ),
    *_draft(
        MessageKind.BOOKED,
        vi="HenKham: Da dat lich kham {facility} {time} {date}. Ma {code}. Doi/huy: {link}",
        en="HenKham: Visit booked {facility} {time} {date}. Code {code}. Manage: {link}",
    ),
    *_draft(
        MessageKind.REMINDER_DAY,
        vi="HenKham: Nhac lich kham {facility} {time} mai {date}. Ma {code}. Doi/huy: {link}",
        en="HenKham: Visit tomorrow {facility} {time} {date}. Code {code}. Manage: {link}",
    ),
    *_draft(
        MessageKind.REMINDER_HOURS,
        # It may have been moved to the evening before, so it names no day but the date.
        vi="HenKham: Sap den gio kham {facility} {time} {date}. Ma {code}. Xem phieu: {link}",
        en="HenKham: Visit soon {facility} {time} {date}. Code {code}. Your slip: {link}",
    ),
    *_draft(
        MessageKind.MOVED,
        vi="HenKham: Da doi lich kham {facility} sang {time} {date}. Ma {code}. Xem: {link}",
        en="HenKham: Visit moved {facility} to {time} {date}. Code {code}. See: {link}",
    ),
    *_draft(
        MessageKind.CANCELLED,
        vi="HenKham: Da huy lich kham {facility} {time} {date}. Ma {code}. Dat lai: {link}",
        en="HenKham: Visit cancelled {facility} {time} {date}. Code {code}. See: {link}",
    ),
    *_draft(
        MessageKind.OFFER,
        vi="HenKham: Co cho {facility} {time} {date}, giu den {until}. Ma {code}. Nhan: {link}",
        en="HenKham: Free: {facility} {time} {date}, kept until {until}. Code {code}. {link}",
    ),
    *_draft(
        MessageKind.INVITATION,
        # It has no visit yet, so its code is the invitation's own.
        vi="HenKham: {facility} hen kham lai ngay {date}. Ma {code}. Dat lich: {link}",
        en="HenKham: {facility} invites you back on {date}. Code {code}. Book: {link}",
    ),
    *_draft(
        MessageKind.MOVED_BY_FACILITY,
        vi="HenKham: {facility} nghi kham, doi sang {time} {date}. Ma {code}. Xem: {link}",
        en="HenKham: {facility} closed, new time {time} {date}. Code {code}. See: {link}",
    ),
    *_draft(
        MessageKind.CANCELLED_BY_FACILITY,
        vi="HenKham: {facility} nghi kham, huy lich {time} {date}. Ma {code}. Dat lai: {link}",
        en="HenKham: {facility} closed, visit {time} {date} cancelled. Code {code}. {link}",
    ),
    *_draft(
        MessageKind.CHOOSE,
        vi="HenKham: {facility} nghi kham {time} {date}. Ma {code}. Chon gio khac: {link}",
        en="HenKham: {facility} closed {time} {date}. Code {code}. Choose a time: {link}",
    ),
]

TEMPLATES: Final[Mapping[tuple[MessageKind, str], Template]] = {(one.kind, one.language): one for one in _ALL}
"""Every kind in every language."""


def render(kind: MessageKind, language: str, facts: Mapping[str, str]) -> str:
    """The text of a kind, filled in. Facts are written without marks; those the text does not use are ignored.

    A fact longer than `LONGEST` is not cut: two segments are better than half a link.

    Raises:
        MissingFactError: the text needs a fact that was not given.
        KeyError: there is no text of this kind in this language.
    """
    text = TEMPLATES[kind, language].text
    for name in _names(text):
        if name not in facts:
            raise MissingFactError(name)
    return text.format_map({name: plain(facts[name]) for name in _names(text)})


def plain(value: str) -> str:
    """A value as GSM-7 without marks, case kept: "Thắng Nhì" becomes "Thang Nhi". What has no such form becomes "?"."""
    decomposed = unicodedata.normalize("NFD", clean(value).translate(_PLAIN))
    kept = (sign for sign in decomposed if not unicodedata.combining(sign))
    return "".join(sign if sign in GSM_BASIC or sign in GSM_EXTENSION else "?" for sign in kept)


def unapproved() -> list[Template]:
    """The texts that production must not send yet, for the sender and for /readyz."""
    return [one for one in _ALL if one.approval is not ApprovalState.APPROVED]


def may_send(kind: MessageKind, language: str, *, production: bool) -> bool:
    """Whether this text may go out here: in production only an approved one."""
    return not production or TEMPLATES[kind, language].approval is ApprovalState.APPROVED


def _names(text: str) -> list[str]:
    return [name for _, name, _, _ in Formatter().parse(text) if name]
