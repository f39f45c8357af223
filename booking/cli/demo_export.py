"""The demo's sample export: a hospital's appointments of this week and the next, and the feed that reads them."""

import csv
import io
import json
import os
from datetime import date, datetime, timedelta
from pathlib import Path

from booking.availability.seeding import holiday_rows

_SAMPLE = Path(__file__).with_name("sample")
_MONDAY = date(2026, 11, 23)
"""The first day of the sample."""
_DAYS = 14
_TIMES = (1, 2)  # columns of start and end
_FORM = "%d/%m/%Y %H:%M:%S"


def write(feeds: Path, drop: Path, *, today: date) -> None:
    """Put the feed in force and its export into the drop folder, complete.

    All starts of the demo in one week write the same bytes, which the scheduler applies once.
    """
    monday = today - timedelta(days=today.weekday())
    _put(feeds / "demo-bvvt.toml", _feed(drop, monday).encode())
    name = f"lich-hen-{monday:%Y-%m-%d}.csv"
    _put(drop / name, _export(monday))
    (drop / f"{name}.done").touch()


def _put(path: Path, content: bytes) -> None:
    """Whole or not at all: whoever looks meanwhile sees nothing by that name."""
    beside = path.with_name(f"{path.name}.part")
    beside.write_bytes(content)
    os.replace(beside, path)  # noqa: PTH105  Path.replace would do the same and says less


def _feed(drop: Path, monday: date) -> str:
    text = (_SAMPLE / "feed.toml").read_text(encoding="utf-8")
    text = text.replace('"@folder@"', json.dumps(str(drop.absolute()), ensure_ascii=False))
    last = monday + timedelta(days=_DAYS - 1)
    return text.replace("0001-01-01", monday.isoformat()).replace("0001-01-14", last.isoformat())


def _export(monday: date) -> bytes:
    """The sample moved by whole weeks, without the days off: on those no hospital has appointments."""
    shift = monday - _MONDAY
    years = range(monday.year, (monday + timedelta(days=_DAYS)).year + 1)
    off = {row["day"] for row in holiday_rows(years)}
    with (_SAMPLE / "export.csv").open(encoding="utf-8-sig", newline="") as file:
        header, *rows = csv.reader(file, delimiter=";")
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerow(header)
    for row in rows:
        moved = [_moved(cell, shift) if place in _TIMES else cell for place, cell in enumerate(row)]
        if not moved[_TIMES[0]] or datetime.strptime(moved[_TIMES[0]], _FORM).date() not in off:  # noqa: DTZ007  local
            writer.writerow(moved)
    return out.getvalue().encode("utf-8-sig")


def _moved(cell: str, shift: timedelta) -> str:
    return (datetime.strptime(cell, _FORM) + shift).strftime(_FORM) if cell else cell  # noqa: DTZ007  local
