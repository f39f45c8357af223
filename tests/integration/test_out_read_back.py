"""The circle: what we hand a hospital, handed back as its export and read by our own importer, changes nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from booking.db import Database
from booking.exchange import queries
from booking.exchange.kinds import VerdictKind
from booking.exchange.recognising import Known
from tests.feeds import Folders, book, closed_times, hospital_database, slot_id, two_days
from tests.postgres import Cluster
from tests.seeds import rows, run, value
from tests.telling import Desk, cancel, move

pytestmark = pytest.mark.anyio

COMMON = """
code = "back"
facility = "BVVT"
[absence]
meaning = "busy_list"
[resources.chau]
keys = ["BS01", "004127/BRVT-CCHN", "Practitioner/bs01"]
slot_minutes = 30
[guards]
shrink = 1
"""
TABLE = """
[source]
format = "{format}"
folder = "back"
pattern = "*"
[columns]
code = "Mã đặt khám"
{start}
[columns.resource]
doctor = ["Mã bác sĩ", "Bác sĩ"]
[times]
formats = ["%d/%m/%Y %H:%M"]
zone = "Asia/Ho_Chi_Minh"
"""
HL7 = """
[source]
format = "hl7"
folder = "back"
pattern = "*"
[columns]
id = "SCH-2.1"
code = "SCH-1.1"
start = "AIS-4"
end = "SCH-11.5"
state = "MSH-9.2"
[columns.resource]
doctor = "AIP-3.1"
[times]
formats = ["%Y%m%d%H%M%S%z"]
zone = "Asia/Ho_Chi_Minh"
[states]
closes = ["S12", "S13", "S14", "S26"]
releases = ["S15", "S17"]
"""
FHIR = """
[source]
format = "fhir"
folder = "back"
pattern = "*"
[columns]
id = "id"
code = "identifier|https://henkham.example/booking-code"
start = "start"
end = "end"
state = "status"
[columns.resource]
doctor = "practitioner"
[times]
formats = ["iso"]
zone = "UTC"
[states]
closes = ["booked", "arrived", "fulfilled", "noshow"]
releases = ["cancelled"]
"""
IN_TWO = 'start_date = "Ngày khám"\nstart_time = "Giờ khám"\nduration = "Số phút"\nstate = "Trạng thái"'
IN_ONE = 'start = "Bắt đầu"\nend = "Kết thúc"'
BACK = {
    "csv": TABLE.format(format="csv", start=IN_TWO) + '[states]\nreleases = ["Đã hủy"]\ncloses = ["Đã đặt"]\n',
    "xlsx": TABLE.format(format="xlsx", start=IN_ONE),
    "hl7": HL7,
    "fhir": FHIR,
    "ndjson": FHIR,
}
FILES = {"csv": "bookings-csv", "xlsx": "bookings-xlsx", "hl7": "bookings-hl7", "fhir": "bookings-fhir"}


@pytest.fixture
def database_url(cluster: Cluster) -> Iterator[str]:
    with hospital_database(cluster, two_days) as url:
        yield url


async def told(db: Database, home: Path, name: str) -> list[Path]:
    """Files about three visits: one moved and one cancelled between the first file and the second, then one missed."""
    desk = Desk(db, home)
    as_lines = [('format = "fhir"', 'format = "ndjson"')] if name == "ndjson" else []
    desk.add("fhir" if name == "ndjson" else name, *as_lines)
    one, two = await book(db, "08:00", number=1), await book(db, "09:00", number=2)
    three = await book(db, "11:00", number=3)
    await desk.tell()
    await move(db, one.code, await slot_id(db, "10:00"))
    await cancel(db, two.code)
    await desk.tell()
    await run(db, "UPDATE appointment SET state = 'noshow' WHERE code = :code", code=three.code)
    await desk.tell()
    return sorted((home / FILES.get(name, "bookings-fhir")).iterdir())


@pytest.mark.parametrize(("name", "seeing"), [*((name, True) for name in BACK), ("csv", False)])
async def test_read_back_our_own_files_change_nothing(
    db: Database, tmp_path: Path, name: str, *, seeing: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = await told(db, tmp_path / "out", name)
    assert files
    if not seeing:  # the control: what reads them back does take what they say for somebody's
        monkeypatch.setattr(queries, "recognise", lambda kept, _ours, _meaning: Known(kept))
    folders = Folders(tmp_path / "feeds")
    head, tables = COMMON.split("[absence]")
    drop = folders.write("back", f"{head}{BACK[name]}[absence]{tables}")
    for file in files:
        (drop / file.name).write_bytes(file.read_bytes())
        outcomes = await folders.look(db)
        assert [each.where for each in outcomes] == ["done"], file.name
        applied = outcomes[0].applied  # None: a whole file that says what the changes said is the same content
        assert applied is None or applied.verdict.kind is VerdictKind.APPLY
    found = len(await closed_times(db, "feed:back")), len(await rows(db, "SELECT id FROM conflict"))
    assert found == (0, 0) if seeing else found > (0, 0)
    refused = "SELECT sum((report->'refused'->>'total')::int) FROM feed_file"
    assert await value(db, refused) == 0
