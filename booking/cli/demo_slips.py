"""The demo's re-examination slips: a small insurance file of invented people, and the feed that reads it.

Whoever signs in, adds the first of them and agrees to be shown slips is invited, and told by a text in the inbox.
"""

import base64
import json
import os
from datetime import date, timedelta
from pathlib import Path
from typing import Final

NAME: Final = "Nguyễn Thị Mẫu"
BORN: Final = "17/05/1990"
CARD: Final = "077190000001"
"""Who is to be added: the first of the file."""

_HOSPITAL: Final = "77001"
_DUE_IN: Final = timedelta(days=5)
_PEOPLE: Final = (
    ("LK-9001", NAME, "199005170000", CARD, "GD4797912345678"),
    ("LK-9002", "Lê Bảo An Mẫu", "202009120000", "", "TE1797920000019"),
)
_FEED: Final = """# Re-examination slips of the demo. Every key: docs/feeds.md.
code = "demo-slips"
facility = "BVVT"

[source]
format = "xml130"
folder = {folder}
pattern = "*.xml"
old_minutes = 10080

[slips]
hospital = "{hospital}"
service = "kham-tim-mach"
"""


def write(feeds: Path, drop: Path, *, today: date) -> None:
    """Put the feed in force and today's file into the drop folder, complete; again on one day it is the same file."""
    folder = json.dumps(str(drop.absolute()), ensure_ascii=False)
    _put(feeds / "demo-slips.toml", _FEED.format(folder=folder, hospital=_HOSPITAL))
    name = f"phieu-hen-{today:%Y-%m-%d}.xml"
    _put(drop / name, _file(today))
    (drop / f"{name}.done").touch()


def _put(path: Path, content: str) -> None:
    """Whole or not at all: whoever looks meanwhile sees nothing by that name."""
    beside = path.with_name(f"{path.name}.part")
    beside.write_text(content, encoding="utf-8")
    os.replace(beside, path)  # noqa: PTH105  Path.replace would do the same and says less


def _file(today: date) -> str:
    records = "".join(_record(today + _DUE_IN, *person) for person in _PEOPLE)
    made = f"<NGAYLAP>{today:%Y%m%d}</NGAYLAP><SOLUONGHOSO>{len(_PEOPLE)}</SOLUONGHOSO>"
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        f"<GIAMDINHHS><THONGTINDONVI><MACSKCB>{_HOSPITAL}</MACSKCB></THONGTINDONVI>"
        f"<THONGTINHOSO>{made}<DANHSACHHOSO>{records}</DANHSACHHOSO></THONGTINHOSO></GIAMDINHHS>\n"
    )


def _record(due: date, visit: str, name: str, born: str, citizen: str, card: str) -> str:
    both = f"<MA_LK>{visit}</MA_LK><MA_CSKCB>{_HOSPITAL}</MA_CSKCB><HO_TEN>{name}</HO_TEN><NGAY_SINH>{born}</NGAY_SINH>"
    both += f"<MA_THE_BHYT>{card}</MA_THE_BHYT>"
    person = f"<TONG_HOP>{both}<SO_CCCD>{citizen}</SO_CCCD></TONG_HOP>"
    slip = f"{both}<SO_GIAYHEN_KL>{visit[-4:]}</SO_GIAYHEN_KL><NGAY_HEN_KL>{due:%Y%m%d}</NGAY_HEN_KL>"
    tables = (("XML1", person), ("XML14", f"<CHI_TIEU_GIAYHEN_KHAMLAI>{slip}</CHI_TIEU_GIAYHEN_KHAMLAI>"))
    return f"<HOSO>{''.join(_table(kind, text) for kind, text in tables)}</HOSO>"


def _table(kind: str, text: str) -> str:
    coded = base64.b64encode(text.encode()).decode()
    return f"<FILEHOSO><LOAIHOSO>{kind}</LOAIHOSO><NOIDUNGFILE>{coded}</NOIDUNGFILE></FILEHOSO>"
