"""A draft of what databases and spreadsheets leave behind: words of nothing, headers printed twice, swapped days."""

from datetime import date, timedelta

from scheduler.exports.drafting.words import role
from tests.unit.test_feed_draft import of
from tests.unit.test_feed_mixed_dates import swapped

DAYS = [date(2026, 11, 23) + timedelta(days=number) for number in range(20)]


def file(starts: list[str], *, null: str = "", again: bool = False) -> bytes:
    header = "id,start,healthprof_name,speciality,license_code,state"
    lines = [header]
    for number, start in enumerate(starts):
        licence = ("004/BV", null)[number % 2]
        lines.append(f"v{number}x,{start},{('An', 'Binh')[number % 2]},Mat,{licence},{('confirmed', null)[number % 2]}")
        lines += [header] if again and number == 9 else []
    return "".join(f"{line}\n" for line in lines).encode()


def test_the_doctors_name_is_no_patients_and_names_those_without_a_licence() -> None:
    assert (role("healthprof_name"), role("healthprof"), role("speciality")) == ("doctor", "doctor", "specialty")
    found = of(file([f"{day:%d/%m/%Y} 08:00" for day in DAYS]))
    assert found.findings.keys["resource_key.columns"].value == [["code"], ["name", "specialty"]]
    assert sorted(each.key for each in found.resources) == ["004/BV", "Binh | Mat"]


def test_the_word_of_null_is_proposed_and_is_nobody_and_a_header_is_no_state() -> None:
    found = of(file([f"{day:%d/%m/%Y} 08:00" for day in DAYS], null="\\N", again=True))
    assert found.findings.keys["csv.null"].value == ["\\N"]
    assert sorted(each.key for each in found.resources) == ["004/BV", "Binh | Mat"]
    assert "'state'" not in found.text.split("[states]")[-1].split("[absence]")[0]
    plain = of(file([f"{day:%d/%m/%Y} 08:00" for day in DAYS]))
    assert "csv.null" not in plain.findings.keys


def test_days_that_were_swapped_are_a_contradiction_that_is_asked() -> None:
    guess = of(file([swapped(day) for day in DAYS])).findings.keys["times.formats"]
    assert not guess.told
    assert "contradicts itself: 12 cells are real dates, all on days 1 to 12, and 8 are texts" in guess.evidence[0]
    told = of(file([swapped(day) for day in DAYS] + ["05/12/2026 08:00"])).findings.keys["times.formats"]
    assert told.value is not None
