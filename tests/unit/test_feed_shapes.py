"""Other shapes of the same system: the same rows written otherwise, the same slots closed."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from scheduler.exports.feed_file import parse_feed
from tests.exports import (
    FEEDS,
    cells_of,
    closed_by,
    closed_by_report,
    grid,
    open_as_free_list,
    read,
    truth,
    written,
)

HERE = ZoneInfo("Asia/Ho_Chi_Minh")
RESOURCES = "[resources.chau]" + (FEEDS / "gnuhealth-url.toml").read_text().split("[resources.chau]")[1]
START, END, NAME, LICENCE, SPECIALTY, STATE, LABEL = 2, 3, 4, 5, 6, 12, 13
KEY = """
[columns.resource]
licence = "licence"
name = "name"
specialty = "specialty"
[resource_key]
columns = [["licence"], ["name", "specialty"]]
ignore = "000031/BRVT-CCHN"
"""
SNAPSHOT = """
[absence]
meaning = "full_snapshot"
[coverage]
first_day = 2026-11-16
last_day = 2026-12-31
"""
STATES = '[states]\nreleases = "user_cancelled"\nfree = "free"\n'
WHO = ("licence", "name", "specialty")


def body() -> list[list[str]]:
    return cells_of("gnuhealth-url")[1:]


def moment(text: str) -> datetime | None:
    return datetime.fromisoformat(text).replace(tzinfo=UTC) if text else None


def local(text: str, form: str) -> str:
    found = moment(text)
    return "" if found is None else found.astimezone(HERE).strftime(form)


def feed_text(
    columns: str, formats: str, *, zone: str = "Asia/Ho_Chi_Minh", csv: str = "", absence: str = SNAPSHOT
) -> str:
    head = f'code = "other"\nfacility = "BVVT"\n[source]\nformat = "csv"\n[csv]\n{csv}\n[columns]\n{columns}\n{KEY}'
    states = STATES if "state =" in columns else ""
    return f"{head}[times]\nformats = {formats}\nzone = {zone!r}\n{states}{absence}{RESOURCES}"


def who(row: Sequence[str]) -> tuple[str, str, str]:
    return row[LICENCE], row[NAME], row[SPECIALTY]


def twelve(found: datetime, late: tuple[str, str]) -> str:
    return f"{found:%d-%m-%Y} {found.hour % 12 or 12}:{found:%M}\u00a0{late[found.hour >= 12]}"


def serial(found: datetime | None) -> str:
    if found is None:
        return ""
    days = (found.astimezone(HERE).replace(tzinfo=None) - datetime(1899, 12, 30)) / timedelta(days=1)  # noqa: DTZ001
    return f"{days:.9f}"


def one_column(write: Callable[[datetime], str]) -> list[tuple[str, ...]]:
    """Rows with start and end each written by `write`."""

    def cell(text: str) -> str:
        found = moment(text)
        return "" if found is None else write(found.astimezone(HERE))

    rows = [(cell(row[START]), cell(row[END]), *who(row), row[STATE]) for row in body()]
    return [("start", "end", *WHO, "state"), *rows]


PLAIN = 'start = "start"\nend = "end"\nstate = "state"'


@pytest.mark.parametrize(
    ("write", "formats"),
    [
        (lambda found: found.isoformat(), '["iso"]'),
        (lambda found: found.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), '["iso"]'),
        (lambda found: found.astimezone(UTC).strftime("%a %d %b %Y %H:%M GMT"), '["%a %d %b %Y %H:%M %Z"]'),
        (lambda found: twelve(found, ("AM", "PM")), '["%d-%m-%Y %I:%M %p"]'),
        (lambda found: twelve(found, ("SA", "CH")), '["%d-%m-%Y %I:%M %p"]'),
        (lambda found: found.strftime("%m/%d/%y %H.%M"), '["%m/%d/%y %H.%M"]'),
        (lambda found: found.strftime("%Y%m%d%H%M"), '["%Y%m%d%H%M"]'),
        (serial, '["excel1900"]'),
    ],
    ids=["offset", "zulu", "gmt", "twelve-hour", "twelve-hour-vi", "american", "digits", "excel"],
)
def test_other_ways_to_write_a_time(write: Callable[[datetime], str], formats: str) -> None:
    rows, report = read(parse_feed(feed_text(PLAIN, formats)), written(one_column(write)))
    assert closed_by(rows) == truth() == closed_by_report(report)
    assert all(row.row_key is None for row in rows)


def test_date_and_time_in_columns_of_their_own() -> None:
    header = ("state", "from", "to", "day", *WHO)
    rows = [
        (row[STATE], local(row[START], "%H:%M"), local(row[END], "%H:%M"), local(row[START], "%d.%m.%Y"), *who(row))
        for row in body()
    ]
    columns = 'start_date = "day"\nstart_time = "from"\nend_time = "to"\nstate = "state"'
    data = written([header, *rows], delimiter="|", encoding="utf-16")
    feed = parse_feed(feed_text(columns, '["%d.%m.%Y %H:%M"]', csv='encoding = "utf-16"\ndelimiter = "|"'))
    assert closed_by(read(feed, data)[0]) == truth()


def test_an_end_that_is_only_a_time_of_day() -> None:
    header = ("start", "to", "state", *WHO)
    rows = [(local(row[START], "%d/%m/%Y %H:%M"), local(row[END], "%H:%M"), row[STATE], *who(row)) for row in body()]
    feed = parse_feed(feed_text('start = "start"\nend_time = "to"\nstate = "state"', '["%d/%m/%Y %H:%M", "%H:%M"]'))
    assert closed_by(read(feed, written([header, *rows]))[0]) == truth()


@pytest.mark.parametrize("clock", [False, True])
def test_a_length_instead_of_an_end(clock: bool) -> None:  # noqa: FBT001
    def length(row: Sequence[str]) -> str:
        start, end = moment(row[START]), moment(row[END])
        if start is None or end is None:
            return ""
        minutes = int((end - start) / timedelta(minutes=1))
        return f"{minutes // 60}:{minutes % 60:02}" if clock else str(minutes)

    header = ("start", "length", "state", *WHO)
    rows = [(local(row[START], "%d/%m/%Y %H:%M"), length(row), row[STATE], *who(row)) for row in body()]
    feed = parse_feed(feed_text('start = "start"\nduration = "length"\nstate = "state"', '["%d/%m/%Y %H:%M"]'))
    assert closed_by(read(feed, written([header, *rows]))[0]) == truth()


def test_only_busy_rows_without_a_state() -> None:
    header, *rows = one_column(lambda found: found.isoformat())
    busy = [row[:-1] for row in rows if row[-1] not in {"free", "user_cancelled"}]
    feed = parse_feed(
        feed_text('start = "start"\nend = "end"', '["iso"]', absence='[absence]\nmeaning = "busy_list"\n')
    )
    read_rows, report = read(feed, written([header[:-1], *busy]))
    assert closed_by(read_rows) == truth() == closed_by_report(report)


def test_only_free_rows_leave_open_what_they_cover() -> None:
    header, *rows = one_column(lambda found: found.isoformat())
    free = [row[:-1] for row in rows if row[-1] == "free"]
    text = feed_text('start = "start"\nend = "end"', '["iso"]', absence=SNAPSHOT.replace("full_snapshot", "free_list"))
    rows_read, report = read(parse_feed(text), written([header[:-1], *free]))
    left = {(slot.resource, slot.starts_at) for slot in grid()} - {busy[:2] for busy in closed_by_report(report)}
    # Without the taken rows nobody can know that some of what is offered is taken.
    assert left >= open_as_free_list()
    assert left <= {(row.resource, row.starts_at) for row in rows_read if row.offers}
    assert (report.offers, report.closes) == (len(rows_read), 0)


def test_labels_of_another_language_serve_as_states() -> None:
    header = ("start", "end", *WHO, "étiquette")
    rows = [(row[START], row[END], *who(row), row[LABEL]) for row in body()]
    text = feed_text('start = "start"\nend = "end"\nstate = "étiquette"', '["%Y-%m-%d %H:%M:%S"]', zone="UTC")
    text = text.replace('"user_cancelled"', '"Cancelled by patient"').replace('"free"', '"Free"')
    feed = parse_feed(text.replace("encoding", "encoding"))
    assert closed_by(read(feed, written([header, *rows]))[0]) == truth()


def test_windows_1258() -> None:
    header = ("start", "end", "Tên", "state")
    rows = [("2026-11-23T07:30", "", "Trần Văn Đ\u01b0\u0301c", "busy")]
    text = feed_text('start = "start"\nend = "end"\nstate = "state"', '["iso"]', csv='encoding = "windows-1258"')
    head, _, rest = text.partition("[columns.resource]")
    text = head + '[columns.resource]\ndoctor = "Tên"\n[times]' + rest.split("[times]")[1].split("[resources")[0]
    text += '[resources.duc]\nkeys = "Trần Văn Đức"\nslot_minutes = 15\n'
    data = written([header, *rows]).decode().replace("ầ", "\u00e2\u0300").replace("ê", "\u00ea").encode("cp1258")
    assert [row.resource for row in read(parse_feed(text), data)[0]] == ["duc"]
