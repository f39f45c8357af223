"""What the report says of the words of a state: of a feed's first file nothing else tells whether they are right."""

from scheduler.exports.summary import summary
from tests.exports import read, small, small_file

FEED = small(
    ('closes = "busy"', 'closes = ["busy", "Đã đặt"]'), ('releases = "cancelled"', 'releases = ["cancelled", "Đã hủy"]')
)


def at(number: int, state: str) -> tuple[str, ...]:
    return (str(number), f"2026-11-23 {8 + number:02}:00", "", "Dr An", state)


ROWS = [at(1, "busy"), at(2, "BUSY"), at(3, "Đã huỷ"), at(4, "free"), at(5, "xong"), at(6, ""), at(7, "Da huy")]


def test_every_word_is_told_with_what_it_does() -> None:
    _, report = read(FEED, small_file(*ROWS))
    told = {each.state: (each.rows, each.does, each.named, each.near) for each in report.states}
    assert told == {
        "busy": (1, "closes", True, None), "BUSY": (1, "closes", True, None), "free": (1, "offers", True, None),
        "Đã huỷ": (1, "closes", False, "Đã hủy"), "Da huy": (1, "closes", False, "Đã hủy"),
        "xong": (1, "closes", False, None), "": (1, "closes", False, None),
    }  # fmt: skip
    assert report.unknown_states == {"Đã huỷ": 1, "xong": 1, "": 1, "Da huy": 1}
    assert report.closed_by_unknown_state == 4


def test_in_words_and_in_json() -> None:
    _, report = read(FEED, small_file(*ROWS))
    lines = summary(report)
    at_line = lines.index("States; 4 of 7 rows close only because the feed does not name their state:")
    assert "  Đã huỷ: 1 rows, closes, because the feed does not name it; is it Đã hủy?" in lines[at_line : at_line + 5]
    plain = report.as_json()
    assert plain["closed_by_unknown_state"] == 4
    assert {"state": "free", "rows": 1, "does": "offers", "named": True, "near": None} in plain["states"]  # type: ignore[operator]


def test_where_all_are_known_that_is_said_too() -> None:
    lines = summary(read(FEED, small_file(at(1, "busy"), at(2, "cancelled")))[1])
    assert "States:" in lines
    assert "  cancelled: 1 rows, releases" in lines


def test_without_a_column_of_states_there_is_nothing_to_say() -> None:
    feed = small(('state = "State"\n', ""), ('closes = "busy"\nreleases = "cancelled"\nfree = "free"\n', ""))
    _, report = read(feed, small_file(*ROWS))
    assert (report.states, report.closed_by_unknown_state) == ((), 0)
    assert not any(line.startswith("States") for line in summary(report))
