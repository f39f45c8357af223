"""Which column holds what: by its header and by its cells; where two would do, neither is taken."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

from scheduler.exports.drafting import by_cells, dates
from scheduler.exports.drafting.picking import Picked
from scheduler.exports.drafting.who import MANY_ROWS, PERSONS, Examiners
from scheduler.exports.drafting.words import LINE_NUMBER, plain, sort_of_state
from scheduler.exports.feed import folded

_STATES: Final = 40
_LENGTH: Final = re.compile(r"\d{1,4}(?:[.,]0+)?|\d{1,2}:\d{2}(?::\d{2})?")
_STARTS: Final = {"start1": 1, "start2": 2, "start3": 3}
_NEAR_YEARS: Final = 3
_UNTIL: Final = ("den", "toi", "to", "till", "until")


class Chooser(Examiners):
    """Chooses columns of one table."""

    def choose(self) -> Picked:
        """Everything a feed can name, said or asked."""
        self._id()
        self._start()
        self._end()
        self._state()
        self._resource()
        used = set(self.picked.places.values())
        for place, header in enumerate(self.table.header):
            if place not in used and header:
                personal = self.roles.get(place) in ("personal", "state_perhaps")
                (self.findings.personal if personal else self.findings.unread).append(header)
        return self.picked

    # The id of a row

    def _id(self) -> None:
        sound = [place for place in self._of("id") if self._is_key(place)]
        best = [place for place in sound if plain(self.table.header[place]) == "id"] or sound
        for place in self._of("line_number"):
            self.findings.notes.append(
                f"{self.table.header[place]!r} counts lines and is no id: it names another row tomorrow"
            )
        if len(best) > 1:
            self._ask("id", best, "several columns are filled and different in every row")
        elif best:
            self._take_id(best[0])
        elif self._of("id"):
            names = ", ".join(repr(self.table.header[place]) for place in self._of("id"))
            self.findings.notes.append(f"no id is named: {names} is empty in some rows, or stands twice")

    def _take_id(self, place: int) -> None:
        values = [row[place] for row in self._visits]
        count = f"filled and different in all {len(values)} rows"
        if len(values) < len(self.table.rows):
            count += f" that have a date ({len(self.table.rows) - len(values)} have none)"
        counting = values == [str(number) for number in range(1, len(values) + 1)]
        if sum(PERSONS.fullmatch(value.replace(" ", "")) is not None for value in values) > 0.5 * len(values):
            self._ask("id", [place], f"{count}, but its values look like numbers of persons or phones")
        elif counting and (len(values) >= MANY_ROWS or plain(self.table.header[place]) in LINE_NUMBER):
            self._ask(
                "id",
                [place],
                f"{count}, but it counts 1, 2, 3, ...: a line number is no id. Without an id leave this key out",
            )
        else:
            self._take(
                "id",
                place,
                count,
                *(["it counts 1, 2, 3, ...: make sure that it is no line number"] if counting else []),
            )

    def _is_key(self, place: int) -> bool:
        values = [row[place] for row in self._visits if row[place]]
        return len(values) == len(self._visits) > 0 and len(set(map(folded, values))) == len(values)

    # Begin and end

    def _start(self) -> None:
        near = [place for place in self._of(*_STARTS) if self._near(place)]
        moments, days, clocks = (self._best(near, kind) for kind in ("moment", "day", "clock"))
        pair = max(days[0], clocks[0]) if days[1] and clocks[1] else 0
        if len(moments[1]) == 1 and moments[0] >= pair:
            self._take(
                "start", moments[1][0], f"{len(self.table.column(moments[1][0]))} cells, dates with a time of day"
            )
        elif pair > moments[0] and len(days[1]) == 1 and len(clocks[1]) == 1:
            self._take("start_date", days[1][0], f"{len(self.table.column(days[1][0]))} cells, days without a time")
            self._take("start_time", clocks[1][0], f"{len(self.table.column(clocks[1][0]))} cells, times of day")
        else:
            self._ask_start(moments[1], days[1], clocks[1])

    def _best(self, places: Sequence[int], kind: str) -> tuple[int, list[int]]:
        """How sure the surest headers of a kind of cells are, and their places."""
        fitting = [place for place in places if self.kinds[place] == kind]
        best = max((_STARTS[self.roles[place]] for place in fitting), default=0)
        return best, [place for place in fitting if _STARTS[self.roles[place]] == best]

    def _near(self, place: int) -> bool:
        """A bare "date" may be anybody's birthday: a column of appointments lies near today, by every reading."""
        shapes = [(value, dates.shape(value)) for value in self.table.column(place)[:200]]
        reads = [dates.parsed(found.formats()[0], value, self.today) for value, found in shapes if found]
        years = [read.day.year for read in reads if read and read.day]
        near = sum(abs(year - self.today.year) <= _NEAR_YEARS for year in years)
        return self.roles[place] != "start1" or not years or near > 0.8 * len(years)

    def _ask_start(self, moments: list[int], days: list[int], clocks: list[int]) -> None:
        ranges = [place for place in self._of(*_STARTS, "end") if self.kinds[place] == "range"]
        if ranges:
            self._ask(
                "start",
                [],
                f"{self.table.header[ranges[0]]!r} holds two times in one cell, which no format reads",
            )
        elif len(moments) > 1:
            self._ask(
                "start", moments, "each of these holds dates with a time of day, and no header says which is meant"
            )
        elif len(days) > 1 or len(clocks) > 1:
            self._ask(
                "start",
                [*days, *clocks],
                "several columns of days or of times of day, and no header says which is meant",
            )
        elif days:
            self._ask("start", days, "a column of days was found, and none with the time of day")
        else:
            dated = [
                place for place, kind in self.kinds.items() if kind in ("moment", "mixed") and not self._never(place)
            ]
            self._ask("start", dated, "no header says that its column is the begin of an appointment")

    def _never(self, place: int) -> bool:
        return self.roles[place] in ("personal", "other_time", "end")

    def _end(self) -> None:
        ends, lengths = self._of("end"), [place for place in self._of("duration") if self._is_length(place)]
        kinds = {kind: [place for place in ends if self.kinds[place] == kind] for kind in ("moment", "clock", "day")}
        found = kinds["moment"] or kinds["clock"]
        if len(found) > 1 or (not found and len(lengths) > 1):
            self._ask("end", found or lengths, "several columns say the end or the length")
        elif kinds["moment"]:
            self._take("end", found[0], f"{len(self.table.column(found[0]))} cells, dates with a time of day")
        elif found:
            self._take("end_time", found[0], f"{len(self.table.column(found[0]))} cells, times of day without a date")
            if len(kinds["day"]) == 1:
                self._take("end_date", kinds["day"][0], "days without a time")
        elif lengths:
            self._take("duration", lengths[0], "numbers of minutes, or hours and minutes")
        elif filled := [place for place in ends if self.table.column(place)]:
            self._ask(
                "end", filled, "its header says that it is the end, its cells are no dates or times that can be read"
            )
        elif not self._end_by_clocks():
            self._end_by_cells()

    def _end_by_clocks(self) -> bool:
        """Times of day that are not the begin's and lie after it: by a header such as `Đến giờ` the end, else asked."""
        taken = set(self.picked.places.values())
        start = self.picked.places.get("start", self.picked.places.get("start_time"))
        clocks = [
            place
            for place, found in self.roles.items()
            if found in ("", "line_number", *_STARTS) and self.kinds[place] == "clock" and place not in taken
        ]
        later = by_cells.clock_ends(self.table, start, clocks, self.today) if start is not None else []
        if len(later) == 1 and plain(self.table.header[later[0]]).split(" ")[0] in _UNTIL:
            count = len(self.table.column(later[0]))
            self._take("end_time", later[0], f"{count} cells, times of day that lie after the begin by a few lengths")
        elif later:
            why = "times of day that lie after the begin: the end, or when somebody came"
            self._ask("end_time", later, f"{why}. Where it is no end, leave this key out")
        return bool(later)

    def _end_by_cells(self) -> None:
        start = self.picked.places.get("start")
        nameless = [place for place in self._nameless() if self.kinds[place] == "moment" and place != start]
        if start is not None:
            nameless = by_cells.ends(self.table, start, nameless, self.today)
        if nameless and self.picked.places:
            why = "no header says that it is the end, but its cells are moments that may be it"
            self._ask("end", nameless, f"{why}. Where it is something else, leave this key out")

    def _is_length(self, place: int) -> bool:
        values = self.table.column(place)
        return bool(values) and sum(_LENGTH.fullmatch(value) is not None for value in values) > 0.9 * len(values)

    # State and who examines

    def _state(self) -> None:
        candidates: list[tuple[float, int]] = []
        for place in self._of("state", "state_perhaps"):
            words = Counter(self.table.column(place))
            known = sum(count for word, count in words.items() if sort_of_state(word) != "unknown")
            doubtful = self.roles[place] == "state_perhaps" or "tinh trang" in plain(self.table.header[place])
            if words and len(words) <= _STATES and (known or not doubtful):
                candidates.append((known / words.total(), place))
        if not candidates:
            self._state_by_cells()
            return
        share, place = max(candidates, key=lambda each: (each[0], -each[1]))
        if share == 0 and len(candidates) > 1:
            self._ask(
                "state",
                [each for _, each in candidates],
                "several columns are called a state, and none holds words known here",
            )
            return
        others = [self.table.header[each] for _, each in candidates if each != place]
        beside = [f"{', '.join(map(repr, others))} would do as well, with other words"] if others else []
        self._take("state", place, f"{share:.0%} of its cells are words known here", *beside)

    def _state_by_cells(self) -> None:
        if self._of("state"):
            self.findings.notes.append(
                "a column is called a state, but its cells are not words of a list: it is not used"
            )
        found = by_cells.states(self.table, self._nameless())
        if len(found) == 1:
            place, share = found[0]
            self._take(
                "state", place, f"its header says nothing known, but {share:.0%} of its cells are words of states"
            )
        elif found:
            self._ask("state", [place for place, _ in found], "several columns hold words of states")
        else:
            self.findings.notes.append("no column of states was found: every row takes its time, cancelled ones too")
