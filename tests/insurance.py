"""Files of the national insurance XML for tests: invented people, tables by their columns, plain or in base64."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

HOSPITAL = "77001"
CANARY = "CANARY-B20-HIV"
"""Stands in every diagnosis and in table 6: it may be found nowhere."""

PERSON = {
    "MA_LK": "LK-0001", "STT": "1", "MA_BN": "BN-77", "HO_TEN": "Nguyễn Thị Mẫu", "SO_CCCD": "077190000001",
    "NGAY_SINH": "199005170000", "GIOI_TINH": "2", "DIA_CHI": "Phường 7", "DIEN_THOAI": "0903000999",
    "MA_THE_BHYT": "GD4797912345678", "CHAN_DOAN_VAO": CANARY, "CHAN_DOAN_RV": CANARY, "MA_BENH_CHINH": CANARY,
    "MA_BENH_KT": CANARY, "MA_KHOA": "K03", "MA_CSKCB": HOSPITAL, "DU_PHONG": "",
}  # fmt: skip
SLIP = {
    "MA_LK": "LK-0001", "SO_GIAYHEN_KL": "2026/0917", "MA_CSKCB": HOSPITAL, "HO_TEN": "NGUYỄN THỊ MẪU",
    "NGAY_SINH": "199005170000", "GIOI_TINH": "2", "DIA_CHI": "Phường 7", "MA_THE_BHYT": "GD4797912345678",
    "GT_THE_DEN": "20271231", "NGAY_VAO": "202611160700", "NGAY_VAO_NOI_TRU": "", "NGAY_RA": "202611161030",
    "NGAY_HEN_KL": "20261130", "CHAN_DOAN_RV": CANARY, "MA_BENH_CHINH": CANARY, "MA_BENH_KT": CANARY,
    "MA_BENH_YHCT": "", "MA_DOITUONG_KCB": "1.11", "MA_BAC_SI": "004127/BRVT-CCHN", "MA_TTDV": "7716",
    "NGAY_CT": "20261116", "DU_PHONG": "",
}  # fmt: skip

FEED = f"""code = "phieu-hen"
facility = "BVVT"

[source]
format = "xml130"
folder = "phieu-hen"
pattern = "*.xml"

[slips]
hospital = "{HOSPITAL}"
"""


@dataclass(frozen=True)
class Visit:
    """One HOSO: table 1, table 14 (None: no slip), and others as (kind, text)."""

    person: Mapping[str, str] | None = field(default_factory=lambda: PERSON)
    slip: Mapping[str, str] | None = field(default_factory=lambda: SLIP)
    others: Sequence[tuple[str, str]] = (
        (
            "XML2",
            f"<CHITIEU_CHITIET_THUOC><MA_LK>LK-0001</MA_LK><TEN_THUOC>{CANARY}</TEN_THUOC></CHITIEU_CHITIET_THUOC>",
        ),
        ("XML6", f"<CHI_TIEU_HSBA_HIV><MA_LK>LK-0001</MA_LK><HO_TEN>{CANARY}</HO_TEN></CHI_TIEU_HSBA_HIV>"),
    )


def visit(number: int = 1, *, slip: Mapping[str, str] | None = None, **person: str) -> Visit:
    """A visit of its own number; `slip` changes columns of table 14, the rest columns of table 1."""
    key = {"MA_LK": f"LK-{number:04d}"}
    of_slip = {"SO_GIAYHEN_KL": f"2026/{number:04d}"}
    shared = {name: text for name, text in person.items() if name in ("HO_TEN", "NGAY_SINH", "MA_THE_BHYT", "MA_CSKCB")}
    return Visit(PERSON | key | person, SLIP | key | of_slip | shared | dict(slip or {}))


def element(name: str, columns: Mapping[str, str]) -> str:
    """A row as XML."""
    return f"<{name}>{''.join(f'<{key}>{escape(text)}</{key}>' for key, text in columns.items())}</{name}>"


def table(kind: str, text: str, *, coded: bool, encoding: str = "utf-8") -> str:
    """One FILEHOSO."""
    declared = f'<?xml version="1.0" encoding="{encoding}"?>{text}'.encode(encoding)
    inside = base64.b64encode(declared).decode() if coded else text
    return f"<FILEHOSO><LOAIHOSO>{kind}</LOAIHOSO><NOIDUNGFILE>{inside}</NOIDUNGFILE></FILEHOSO>"


def insurance_file(
    *visits: Visit,
    coded: bool = True,
    made: str = "20261120",
    hospital: str = HOSPITAL,
    encoding: str = "utf-8",
    inner: str = "utf-8",
    counted: int | None = None,
) -> bytes:
    """A whole file."""
    records = []
    for one in visits:
        tables = []
        if one.person is not None:
            tables.append(table("XML1", element("TONG_HOP", one.person), coded=coded, encoding=inner))
        tables += [table(kind, text, coded=coded, encoding=inner) for kind, text in one.others]
        if one.slip is not None:
            slip = element("CHI_TIEU_GIAYHEN_KHAMLAI", one.slip)
            tables.append(table("XML14", slip, coded=coded, encoding=inner))
        records.append(f"<HOSO>{''.join(tables)}</HOSO>")
    count = len(visits) if counted is None else counted
    said = f"<NGAYLAP>{made}</NGAYLAP><SOLUONGHOSO>{count}</SOLUONGHOSO>"
    whole = (
        f'<?xml version="1.0" encoding="{encoding}"?>\n<GIAMDINHHS><THONGTINDONVI><MACSKCB>{hospital}</MACSKCB>'
        f"</THONGTINDONVI><THONGTINHOSO>{said}<DANHSACHHOSO>{''.join(records)}</DANHSACHHOSO></THONGTINHOSO>"
        "<CHUKYDONVI/></GIAMDINHHS>\n"
    )
    return whole.encode(encoding)
