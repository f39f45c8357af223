"""Vietnamese first, English second: translations, dates, names of days.

The texts in code and templates are plain English; `locale/vi/*.po` holds the Vietnamese. English needs no catalogue.
The .po files are read when the process starts, so there is nothing to compile and nothing to forget to compile. They
are read here and not by Babel, which would stay in the memory of each process; the tests hold one against the other.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Final, Literal

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


_QUOTED: Final = re.compile(r'(?:(msgid|msgid_plural|msgstr|msgstr\[\d\])\s+)?"((?:[^"\\]|\\.)*)"')
_ESCAPED: Final = re.compile(r"\\(.)")
_SIGNS: Final = {"n": "\n", "t": "\t"}


@cache
def catalogue(language: Language) -> Mapping[str, str]:
    """English text → text in the language; for plurals the form for one, and the plural text as a key of its own."""
    texts: dict[str, str] = {}
    for path in sorted((FOLDER / language).glob("*.po")):
        for entry in read_po(path.read_text("utf-8")):
            # Vietnamese nouns have no plural: one text serves both forms.
            text = entry.get("msgstr") or entry.get("msgstr[0]")
            texts |= {entry[form]: text for form in ("msgid", "msgid_plural") if text and entry.get(form)}
    return texts


def read_po(content: str) -> Iterator[dict[str, str]]:
    """The entries of a .po file, each by keyword; without those a translator was not sure of (fuzzy).

    Raises:
        ValueError: a line is none of a .po file as we write them: without contexts.
    """
    entry: dict[str, str] = {}
    keyword, fuzzy, next_fuzzy = "", False, False
    for line in content.splitlines():
        if not line.strip() or line.startswith("#"):
            next_fuzzy |= line.startswith("#,") and "fuzzy" in line
            continue
        found = _QUOTED.fullmatch(line.strip())
        if found is None:
            raise ValueError(f"no line of a .po file: {line}")
        keyword = found[1] or keyword
        if found[1] == "msgid":
            if entry and not fuzzy:
                yield entry
            entry, fuzzy, next_fuzzy = {}, next_fuzzy, False
        entry[keyword] = entry.get(keyword, "") + _ESCAPED.sub(lambda sign: _SIGNS.get(sign[1], sign[1]), found[2])
    if entry and not fuzzy:
        yield entry


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
