"""Vietnamese first, English second: translations, dates, names of days.

The texts in code and templates are plain English; `locale/vi/*.po` holds the Vietnamese. English needs no catalogue.
The .po files are read when the process starts, so there is nothing to compile and nothing to forget to compile.
"""

from collections.abc import Mapping
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Final, Literal

from babel.messages.pofile import read_po

from booking.clock import ZONE

Language = Literal["vi", "en"]
LANGUAGES: Final[tuple[Language, ...]] = ("vi", "en")
FOLDER = Path(__file__).parent / "locale"

_DAYS_VI = ("Thứ Hai", "Thứ Ba", "Thứ Tư", "Thứ Năm", "Thứ Sáu", "Thứ Bảy", "Chủ Nhật")
_DAYS_EN = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS_EN = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


@cache
def catalogue(language: Language) -> Mapping[str, str]:
    """English text → text in the language; for plurals the form for one, and the plural text as a key of its own."""
    texts: dict[str, str] = {}
    for path in sorted((FOLDER / language).glob("*.po")):
        with path.open("rb") as file:
            for entry in read_po(file, locale=language):
                if not entry.id or entry.fuzzy:
                    continue
                english = [str(form) for form in (entry.id if isinstance(entry.id, (tuple, list)) else (entry.id,))]
                # Vietnamese nouns have no plural: one text serves both forms.
                text = entry.string[0] if isinstance(entry.string, (tuple, list)) else entry.string
                texts |= {form: str(text) for form in english if text}
    return texts


def translate(language: Language, english: str) -> str:
    """The text in the language; the English text itself where there is none (the checks see to it that there is)."""
    return english if language == "en" else catalogue(language).get(english, english)


def plural(language: Language, one: str, many: str, number: int) -> str:
    """`one` or `many` in the language."""
    return translate(language, one if number == 1 else many)


def marked(english: str) -> str:
    """Marks a text for translation where it is only written down; `translate` is called where it is shown."""
    return english


def preferred(header: str | None) -> Language:
    """The language of an Accept-Language header; Vietnamese unless English is asked for first."""
    for part in (header or "").split(","):
        tag = part.split(";")[0].strip().lower()
        if tag.startswith("vi"):
            return "vi"
        if tag.startswith("en"):
            return "en"
    return "vi"


def show_day(day: date, language: Language) -> str:
    """`Thứ Hai, 30/11/2026` or `Monday, 30 November 2026`."""
    if language == "vi":
        return f"{_DAYS_VI[day.weekday()]}, {day:%d/%m/%Y}"
    return f"{_DAYS_EN[day.weekday()]}, {day.day} {_MONTHS_EN[day.month - 1]} {day.year}"


def show_month(day: date, language: Language) -> str:
    """`Tháng 11 năm 2026` or `November 2026`."""
    return f"Tháng {day.month} năm {day.year}" if language == "vi" else f"{_MONTHS_EN[day.month - 1]} {day.year}"


def show_time(moment: datetime) -> str:
    """`07:30` on the facility's clock."""
    return f"{moment.astimezone(ZONE):%H:%M}"


def show_number(number: int, language: Language) -> str:
    """`12.500` in Vietnamese, `12,500` in English."""
    return f"{number:,}".replace(",", "." if language == "vi" else ",")
