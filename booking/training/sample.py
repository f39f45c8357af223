"""What there is at the place to practise. Pure: all of it invented, and everybody's name says so.

The telephones begin with 0950 000: a prefix whose network is gone (S-Fone, 2012) and that nobody has been given since.
They are never sent to whoever holds them: see `messages.practising`.
"""

from dataclasses import dataclass
from datetime import date, time
from typing import Any, Final

from booking.directory.kinds import Payment
from booking.patients.kinds import PriorityClass, Sex

CODE: Final = "TAP-DUOT"
NAME: Final = "Trạm tập dượt"
NAME_EN: Final = "Practice station"

STARTS, ENDS, MINUTES, PLACES = time(6), time(20), 30, 3
"""Hours of each day of the week, the length of a time in minutes, places of each."""

DAYS: Final = 7
"""Days ahead that have times."""

EXAMINATION, VACCINATION = "kham", "tiem"

SERVICES: Final[tuple[dict[str, Any], ...]] = (
    {
        "code": EXAMINATION, "name": "Khám bệnh (tập dượt)", "name_en": "Examination (practice)",
        "bring": "Thẻ BHYT mẫu.", "bring_en": "A sample insurance card.", "payment": Payment.INSURANCE,
    },
    {
        "code": VACCINATION, "name": "Tiêm chủng (tập dượt)", "name_en": "Vaccination (practice)",
        "bring": "Sổ tiêm chủng mẫu.", "bring_en": "A sample vaccination book.", "payment": Payment.FREE,
    },
)  # fmt: skip

ROOMS: Final = (("p1", "Phòng số 1"), ("p2", "Phòng số 2"), ("p3", "Phòng tiêm"))

PRACTITIONERS: Final = (("bs-hanh", "BS. Trần Thị Hạnh Mẫu"), ("bs-phuc", "BS. Lê Văn Phúc Mẫu"))

SESSIONS: Final = (
    (EXAMINATION, "bs-hanh", "p1"),
    (EXAMINATION, "bs-phuc", "p2"),
    (VACCINATION, None, "p3"),
)
"""Service, practitioner and room of the sessions of every day."""


@dataclass(frozen=True, slots=True)
class Invented:
    """Somebody who does not exist.

    Attributes:
        name: ends in "Mẫu".
        birth: a day, or a year where only that is known.
        visit: the service booked for today; None where she comes without booking.
        at: minutes from now to the visit's time.
        came: minutes ago she came to the desk; None where she has not yet.
        step: how far she is: "" waiting, called, done.
    """

    name: str
    birth: date | int
    sex: Sex
    visit: str | None
    at: int = 0
    came: int | None = None
    step: str = ""
    priority: PriorityClass | None = None


_F, _M = Sex.FEMALE, Sex.MALE
_MERIT = PriorityClass.MERITORIOUS

BOOKED: Final = (
    Invented("Nguyễn Thị Sen Mẫu", date(1968, 3, 12), _F, EXAMINATION, -60, 58, "done"),
    Invented("Trần Văn Bình Mẫu", date(1975, 11, 2), _M, EXAMINATION, -60, 55, "done"),
    Invented("Lê Thị Hoa Mẫu", 1954, _F, EXAMINATION, -30, 41, "called"),
    Invented("Phạm Minh Khôi Mẫu", date(1990, 7, 21), _M, EXAMINATION, -30, 33),
    Invented("Võ Thị Thu Mẫu", date(1948, 5, 9), _F, EXAMINATION, -30, 30, priority=_MERIT),
    Invented("Đặng Quốc Huy Mẫu", date(2001, 1, 30), _M, EXAMINATION, -30),
    Invented("Hoàng Thị Lan Mẫu", date(1983, 9, 14), _F, EXAMINATION, 0, 12),
    Invented("Bùi Văn Tâm Mẫu", date(1962, 4, 4), _M, EXAMINATION, 0),
    Invented("Đỗ Thị Mai Mẫu", date(1995, 12, 25), _F, EXAMINATION, 0),
    Invented("Ngô Gia Bảo Mẫu", date(2021, 8, 8), _M, VACCINATION, -30, 28),
    Invented("Dương Thị Yến Mẫu", date(1996, 2, 17), _F, VACCINATION, 0),
    Invented("Lý Hồng Anh Mẫu", date(2023, 6, 1), _F, VACCINATION, 30),
    Invented("Phan Văn Sơn Mẫu", date(1959, 10, 10), _M, EXAMINATION, 30),
    Invented("Trương Thị Ngọc Mẫu", date(1987, 3, 3), _F, EXAMINATION, 30),
    Invented("Hồ Đức Trí Mẫu", date(1978, 6, 19), _M, EXAMINATION, 60),
    Invented("Vũ Thị Kim Mẫu", date(1966, 8, 28), _F, EXAMINATION, 60),
    Invented("Tô Thanh Bình Mẫu", date(1992, 5, 15), _F, VACCINATION, 60),
    Invented("Mai Văn Lộc Mẫu", date(1950, 9, 2), _M, EXAMINATION, 90),
    Invented("Cao Thị Diệp Mẫu", date(1999, 4, 23), _F, EXAMINATION, 90),
    Invented("Đinh Công Thành Mẫu", date(1971, 7, 7), _M, EXAMINATION, 120),
)

WALK_INS: Final = (
    Invented("Châu Thị Bé Mẫu", 1944, _F, EXAMINATION, came=26, priority=PriorityClass.OVER_75),
    Invented("Lâm Văn Út Mẫu", 1980, _M, EXAMINATION, came=18),
    Invented("Thái Thị Gái Mẫu", 1972, _F, EXAMINATION, came=9),
)


def phone_of(number: int) -> str:
    """The telephone of the sample of this number, from 1."""
    return f"0950000{number:03d}"


def card_of(number: int, one: Invented) -> str:
    """A citizen ID that fits sex and birth; its last six digits are the sample's number."""
    year = one.birth if isinstance(one.birth, int) else one.birth.year
    century = (0 if year < 2000 else 2) + (0 if one.sex is _M else 1)  # noqa: PLR2004  as the card counts them
    return f"077{century}{year % 100:02d}{number:06d}"


@dataclass(frozen=True, slots=True)
class Exercises:
    """Whom the page of exercises names, with telephones (E.164)."""

    arriving: str
    arriving_phone: str
    known: str
    known_phone: str
    moving: str
    moving_phone: str


def exercises() -> Exercises:
    """People of the sample who have not come yet, so that the exercises can be done."""
    numbered = {one.name: "+84" + phone_of(number)[1:] for number, one in enumerate(BOOKED, start=1)}
    arriving, known, moving = BOOKED[7].name, BOOKED[5].name, BOOKED[17].name
    return Exercises(arriving, numbered[arriving], known, numbered[known], moving, numbered[moving])
