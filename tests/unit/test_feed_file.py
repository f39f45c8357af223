"""What is wrong with a feed is said at once, by key, with the nearest right spelling."""

from pathlib import Path

import pytest

from booking.exchange.errors import FeedError
from scheduler.exports.feed_file import load_feed, parse_feed
from tests.exports import SMALL, small


def problems(*changes: tuple[str, str], more: str = "") -> list[str]:
    with pytest.raises(FeedError) as caught:
        small(*changes, more=more)
    return caught.value.problems


def test_all_problems_come_in_one_go_with_the_nearest_spelling() -> None:
    found = problems(
        ('start = "Start"', 'strat = "Start"'),
        ("Asia/Ho_Chi_Minh", "Asia/Ho_Chi_Min"),
        ('"busy_list"', '"bussy_list"'),
        ("slot_minutes = 30", 'slot_minutes = "30"'),
        ('format = "csv"', 'format = "cvs"'),
        ('facility = "BVVT"\n', ""),
    )
    told = "\n".join(found)
    assert "facility: is missing" in told
    assert "columns.strat: 'strat' is not known; did you mean 'start'?" in told
    assert "times.zone: 'Asia/Ho_Chi_Min' is not known; did you mean 'Asia/Ho_Chi_Minh'?" in told
    assert "absence.meaning: 'bussy_list' is not known; did you mean 'busy_list'?" in told
    assert "free_list, full_snapshot" in told
    assert "source.format: 'cvs' is not known; did you mean 'csv'?" in told
    assert "resources.an.slot_minutes: must be a whole number" in told


def test_a_zone_has_no_default() -> None:
    assert problems(('zone = "Asia/Ho_Chi_Minh"', "")) == ["times.zone: is missing"]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('start = "Start"', "", "columns.start: give either"),
        ('start = "Start"', 'start = "S"\nstart_date = "D"', "columns.start: give either"),
        ('start = "Start"', 'start_date = "D"', "columns.start_time: start_date and start_time"),
        ('end = "End"', 'end = "End"\nduration = "D"', "columns.end: give only one"),
        ('end = "End"', 'end_date = "End"', "columns.end_date: needs end_time"),
        ('end = "End"', 'end = ""', "columns.end.0: is empty"),
        ('state = "State"\n', "", "columns.state: is missing, while"),
        ('releases = "cancelled"', 'releases = "Busy"', "states.releases: 'Busy' stands in closes too"),
        ('"%Y-%m-%d %H:%M"', '"%Y-%m-%d %Q"', "times.formats: '%Y-%m-%d %Q': unknown %Q"),
        ('"%Y-%m-%d %H:%M"', '"%Y-%m-%d %I:%M"', "12-hour %I"),
        ('"%Y-%m-%d %H:%M"', '"%m-%d %H:%M"', "a date needs year"),
        ('"%Y-%m-%d %H:%M"', '"%H:%M"', "times.formats: none of them reads a date"),
        ('"%Y-%m-%d %H:%M"', '"%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M"', "read the same text as different times"),
        ('"%Y-%m-%d %H:%M"', '"excel1900", "excel1904"', "read the same text as different times"),
        ('"%Y-%m-%d %H:%M"', "", "times.formats: must not be empty"),
        ("Asia/Ho_Chi_Minh", "../../etc/passwd", "times.zone: '../../etc/passwd' is not known"),
        ('meaning = "busy_list"', 'meaning = "full_snapshot"', "coverage: is missing"),
        ('format = "csv"', 'format = "csv"\n[csv]\nencoding = "utf-9"', "csv.encoding: 'utf-9' is not known"),
        ('format = "csv"', 'format = "csv"\n[csv]\ndelimiter = ";;"', "csv.delimiter: is one character"),
        ('format = "csv"', 'format = "csv"\n[csv]\nquote = ","', "csv.quote: is one character other"),
        ('doctor = "Doctor"', 'doctor = "Doctor"\n[resource_key]\ncolumns = ["docter"]', "did you mean 'doctor'?"),
        ('doctor = "Doctor"', 'doctor = "D"\n[resource_key]\nignore = ["DR  AN"]', "'DR  AN' is a key of an"),
    ],
)
def test_each_contradiction_is_told_by_its_key(old: str, new: str, told: str) -> None:
    assert any(told in problem for problem in problems((old, new)))


def test_tables_added_at_the_end_are_checked_too() -> None:
    assert problems(more='[resources.binh]\nkeys = "dr an"\nslot_minutes = 5') == [
        "resources.binh.keys: 'dr an' belongs to an too"
    ]
    assert problems(more="[coverage]\ndays_ahead = 3") == [
        "coverage.days_ahead: give either days_behind and days_ahead, or first_day and last_day"
    ]
    assert "resources.an.hours.0.days.0: 'son' is not known" in "".join(
        problems(more='[[resources.an.hours]]\ndays = ["son"]\nstart = "07:00"\nend = "08:00"\nslot_minutes = 10')
    )
    late = '[[resources.an.hours]]\nstart = "09:00"\nend = "08:00"\nslot_minutes = 10'
    assert problems(more=late) == ["resources.an.hours.0.end: is not after start"]
    early = '[[resources.an.hours]]\nstart = "9"\nend = "10:00"\nslot_minutes = 10'
    assert problems(more=early) == ['resources.an.hours.0.start: must be a time such as "07:30"']


def test_what_is_no_toml_or_no_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(FeedError, match="not valid TOML"):
        parse_feed(SMALL + "\n[broken")
    with pytest.raises(FeedError, match="cannot be opened"):
        load_feed(tmp_path / "absent.toml")
    (tmp_path / "latin.toml").write_bytes("code = 'é'".encode("latin-1"))
    with pytest.raises(FeedError, match="not UTF-8"):
        load_feed(tmp_path / "latin.toml")
    (tmp_path / "marked.toml").write_text(SMALL, encoding="utf-8-sig")
    assert load_feed(tmp_path / "marked.toml").code == "small"
