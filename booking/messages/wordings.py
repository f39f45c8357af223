"""The words of every text that is ever sent, in one place. What fills them in and who may send them: `texts`.

Each is GSM-7, without marks, one segment with every variable at its longest, has the sender's name in it, carries its
booking code (all but the one-time code and the word that one was read out), and says nothing about why somebody sees a
doctor. Carriers register each text: whoever changes a letter raises its `version` and sets its `approval` to DRAFT.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from string import Formatter
from typing import Final

from booking.i18n import Language
from booking.messages.kinds import ApprovalState, MessageKind

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
    "ahead": "99",  # people before somebody in the line
    "late": "600",  # minutes a line runs late; a constraint of its table
    "count": "20",  # visits of one family on one morning
}
"""Each variable at its longest: what the one-segment rule is checked with."""


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
    def name(self) -> str:
        """What an operator calls it when the carriers have registered it: `booked.vi.1`."""
        return f"{self.kind.value}.{self.language}.{self.version}"

    @property
    def variables(self) -> Mapping[str, str]:
        """The variables of this text, each with its longest value."""
        return {name: LONGEST[name] for _, name, _, _ in Formatter().parse(self.text) if name}

    @property
    def longest(self) -> str:
        """The text with every variable at its longest."""
        return self.text.format_map(LONGEST)


def _draft(kind: MessageKind, vi: str, en: str) -> list[Template]:
    return [
        Template(kind, "vi", 1, ApprovalState.DRAFT, vi),
        Template(kind, "en", 1, ApprovalState.DRAFT, en),
    ]


ALL: Final = [
    *_draft(
        MessageKind.OTP,
        vi="HenKham: Ma xac nhan la {otp}, dung trong {minutes} phut. Khong dua ma nay cho bat ky ai.",
        en="HenKham: Your verification code is {otp}, valid for {minutes} minutes. Do not give it to anyone.",
    ),
    *_draft(
        MessageKind.CODE_READ_OUT,
        # It warns who holds the telephone, and leads nowhere: a link here is what deceivers would copy.
        vi="HenKham: {time} {date}, quay {facility} da doc ma xac nhan cua so nay. Khong phai ban? Bao ngay cho quay.",
        en="HenKham: {time} {date}, the desk of {facility} read out a code for this number."
        " Not you? Tell the desk now.",
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
        MessageKind.REMINDER_DAY_FAMILY,
        # One text for several visits; its code and link are those of the first.
        vi="HenKham: Nhac {count} lich kham mai {date} {facility}, tu {time}. Ma {code}. {link}",
        en="HenKham: {count} visits tomorrow {date} {facility}, from {time}. Code {code}. {link}",
    ),
    *_draft(
        MessageKind.REMINDER_HOURS_FAMILY,
        vi="HenKham: Sap den {count} lich kham {facility}, tu {time} {date}. Ma {code}. {link}",
        en="HenKham: {count} visits soon {facility}, from {time} {date}. Code {code}. {link}",
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
    *_draft(
        MessageKind.TURN_NEAR,
        vi="HenKham: Sap den luot kham {facility}, con {ahead} nguoi. Ma {code}. Xem: {link}",
        en="HenKham: Your turn is near {facility}, {ahead} people ahead. Code {code}. {link}",
    ),
    *_draft(
        MessageKind.RUNNING_LATE,
        vi="HenKham: {facility} kham tre {late} phut, lich {time} {date}. Ma {code}. {link}",
        en="HenKham: {facility} runs {late} min late, visit {time} {date}. Code {code}. {link}",
    ),
    *_draft(
        MessageKind.CONFLICT,
        # The hospital's own calendar has something else at that time.
        vi="HenKham: {facility} trung lich {time} {date}. Ma {code}. Chon gio khac: {link}",
        en="HenKham: {facility} cannot keep {time} {date}. Code {code}. Choose a time: {link}",
    ),
]
"""Every kind in every language."""
