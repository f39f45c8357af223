"""Words by which headers and states are known, in Vietnamese and English, with accents or without.

They only propose: whatever the words say, the cells must look like it too, and whoever reads the draft decides.
"""

import re
from collections.abc import Mapping
from typing import Final

from booking.text import fold

_CAMEL: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")
_NO_WORD: Final = re.compile(r"[^a-z0-9]+")

STRONG_PERSONAL: Final = (
    "benh nhan", "bn", "nguoi benh", "patient", "patients", "khach hang", "customer", "phone", "dien thoai", "sdt",
    "so dt", "dt", "mobile", "tel", "telephone", "di dong", "cccd", "cmnd", "cmt", "can cuoc", "ho chieu",
    "passport", "mscn", "puid", "national id", "bhyt", "so the", "ma the", "insurance", "ngay sinh", "nam sinh",
    "sinh", "birth", "birthdate", "birthday", "dob", "ntns", "tuoi", "age", "gioi tinh", "sex", "gender", "phai",
    "dia chi", "address", "email", "mail", "ghi chu", "note", "notes", "comment", "comments", "remark", "remarks",
    "ly do", "reason", "chan doan", "diagnosis", "icd", "trieu chung", "symptom", "symptoms", "tinh trang suc khoe",
    "nghe nghiep", "than nhan", "nguoi nha", "guardian", "nguoi dat", "nguoi hen", "contact",
)  # fmt: skip
WEAK_PERSONAL: Final = ("ho ten", "ho va ten", "ho", "ten", "name", "full name", "fullname", "surname", "ten day du")
DOCTOR: Final = (
    "bac si", "bs", "bsi", "doctor", "dr", "practitioner", "physician", "provider", "health prof",
    "health professional", "healthprof", "healthprofessional", "bacsi", "tenbs", "chuyen gia y te", "thay thuoc",
    "nhan vien y te", "y bac si", "clinician", "resource", "bskham",
)  # fmt: skip
DOCTOR_CODE: Final = (
    "giay phep", "licence", "license", "cchn", "chung chi hanh nghe", "so cchn", "ma", "code", "id", "so hieu",
    "number", "no",
)  # fmt: skip
ROOM: Final = ("phong", "phong kham", "room", "ban kham", "buong", "buong kham", "so phong", "ten phong")
SPECIALTY: Final = ("chuyen khoa", "specialty", "speciality", "khoa", "department", "dich vu", "service", "ten khoa")
STATE: Final = ("trang thai", "tinh trang", "status", "state", "tt hen", "trang thai hen", "trangthai")
NO_STATE: Final = ("thanh toan", "payment", "cap bach", "urgency")
END: Final = ("ket thuc", "end", "ends", "finish", "until", "end time", "ket thuc luc", "gio ket thuc", "kt")
DURATION: Final = ("thoi luong", "duration", "so phut", "minutes", "phut", "length", "do dai")
OTHER_TIME: Final = (
    "tao", "created", "create", "dang ky", "cap nhat", "updated", "update", "edited", "modified", "check in",
    "checked in", "checkin", "ghi ten", "tiep nhan", "xac nhan", "ngay dat", "gio dat", "thoi gian dat", "dat luc",
    "booked at", "booked on", "huy", "cancelled at", "in phieu", "printed", "xuat", "export", "goi", "het han",
    "vao vien", "ra vien", "arrival", "arrived", "ngay lap", "lap phieu", "last", "nhap", "sua", "gio den",
    "thoi gian cho",
)  # fmt: skip
START_BEST: Final = (
    "bat dau", "start", "starts", "start time", "start date", "starts at", "begin", "begins", "tu gio", "bd",
)  # fmt: skip
START_GOOD: Final = (
    "hen", "ngay hen", "gio hen", "thoi gian hen", "ngay kham", "gio kham", "thoi gian kham", "lich kham",
    "appointment", "appt", "visit date", "visit time", "slot", "ngayhen", "giohen", "ngaykham", "giokham",
    "scheduled", "kham luc", "khung gio",
)  # fmt: skip
START_BARE: Final = (
    "ngay", "gio", "thoi gian", "date", "time", "datetime", "ngay gio", "luc", "tu", "from", "hour", "day", "when",
    "khi nao", "timestamp",
)  # fmt: skip
ID_FIRST: Final = ("ma", "id", "so", "code", "number", "no", "key")
ID_BEST: Final = ("id", "uid", "uuid", "guid", "ma", "key", "row id", "record id")
ID_OF: Final = (
    "lich", "lich hen", "hen", "dat lich", "dat kham", "phieu hen", "phieu", "lich kham", "appointment", "appt",
    "booking", "visit", "reservation", "schedule", "dat hen", "record", "dang ky", "luot kham", "cuoc hen",
    "ban ghi",
)  # fmt: skip
LINE_NUMBER: Final = ("stt", "so tt", "so thu tu", "thu tu", "row", "line", "no", "order", "tt")

_CLOSES: Final = (
    "da dat", "da dat lich", "da dat cho", "dat truoc", "booked", "confirmed", "da xac nhan", "xac nhan", "da hen",
    "cho kham", "dang cho", "cho xac nhan", "chua kham", "chua den", "pending", "arrived", "da den", "da tiep nhan",
    "da ghi ten", "checked in", "checked_in", "checked-in", "dang kham", "in progress", "da kham", "da kham xong",
    "kham xong", "hoan thanh", "done", "completed", "fulfilled", "finished", "khong den", "benh nhan khong den",
    "benh nhan khong xuat hien", "vang mat", "no show", "no_show", "noshow", "no-show", "did not come", "waiting",
    "center_cancelled", "bi huy boi trung tam y te", "cancelled by healthcare center", "cancelled by health center",
    "bv huy", "benh vien huy", "bi huy boi benh vien", "bac si huy", "cancelled by hospital", "scheduled", "busy",
    "ban", "new", "moi", "reserved", "proposed", "waitlist", "tentative",
)  # fmt: skip
_FREE: Final = ("free", "trong", "con trong", "available", "san sang", "chua dat", "open", "vacant")
_RELEASES: Final = re.compile(
    r"(bi |da )?(huy|tu choi) (boi|do) (benh nhan|nguoi benh|bn|khach hang|khach|nguoi dung)"
    r"|(benh nhan|nguoi benh|bn|khach|khach hang) (da |bao |tu )?huy( hen| lich| lich hen)?"
    r"|(user|patient|client)[ _-]?cancell?ed|cancell?ed[ _-]by[ _-](the[ _-])?(patient|user|client)"
)
_CANCELLED: Final = re.compile(
    r"(da |bi )?huy( bo| hen| lich| lich hen)?|cancell?ed|void(ed)?|deleted|da xoa|xoa|revoked"
)


_TOTALS: Final = re.compile(r"(tong( cong| so)?|cong|(grand |sub ?)?totals?|sum)( .*)?")


def plain(header: str) -> str:
    """A header as small words without accents or signs: `Health Prof/LICENSE ID` is `health prof license id`."""
    return _NO_WORD.sub(" ", fold(_CAMEL.sub(" ", header))).strip()


def has(header: str, phrases: tuple[str, ...]) -> bool:
    """Whether a plain header holds one of the phrases as whole words."""
    return any(f" {phrase} " in f" {header} " for phrase in phrases)


def counts_rows(cell: str) -> bool:
    """Whether a cell begins as a line of totals does: `Tổng cộng: 120`, `Total`."""
    return _TOTALS.fullmatch(plain(cell)) is not None


def sort_of_state(word: str) -> str:
    """`closes`, `releases`, `free`; `cancelled` where it is not said by whom; `unknown` for all else."""
    folded = fold(word)
    if _RELEASES.fullmatch(folded):
        return "releases"
    if folded in _CLOSES:
        return "closes"
    if folded in _FREE:
        return "free"
    return "cancelled" if _CANCELLED.fullmatch(folded) else "unknown"


def role(header: str) -> str:
    """What a header says its column holds; empty when it says nothing known.

    One of `personal`, `state`, `doctor`, `doctor_code`, `room`, `specialty`, `duration`, `end`, `line_number`, `id`,
    `other_time`, `start3`, `start2`, `start1` (the surer the higher).
    """
    name = plain(header)
    if has(name, STRONG_PERSONAL):
        # "State of the patient" may be the state of the visit; its words decide.
        return "state_perhaps" if has(name, ("trang thai", "status", "state")) else "personal"
    if has(name, DOCTOR):
        return "doctor_code" if has(name.replace("record name", ""), DOCTOR_CODE) else "doctor"
    return _of_a_visit(name) or ("personal" if has(name, WEAK_PERSONAL) else "")


def _of_a_visit(name: str) -> str:
    if has(name, STATE):
        return "" if has(name, NO_STATE) else "state"
    if has(name, ("giay phep", "licence", "license", "cchn", "chung chi hanh nghe")):
        return "doctor_code"
    if has(name, DURATION):
        return "duration"
    if name in LINE_NUMBER:
        return "line_number"
    if name in ID_BEST or (has(name, ID_FIRST) and has(name, ID_OF)):
        return "id"
    found: Mapping[str, tuple[str, ...]] = {
        "other_time": OTHER_TIME, "end": END, "start3": START_BEST, "room": ROOM, "specialty": SPECIALTY,
        "start2": START_GOOD, "start1": START_BARE,
    }  # fmt: skip
    return next((word for word, phrases in found.items() if has(name, phrases)), "")
