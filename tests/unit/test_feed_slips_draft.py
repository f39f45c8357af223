"""A draft for a file of slips: what the file tells, what it does not, and nobody's name."""

from datetime import date

import pytest

from scheduler.exports.drafting import CannotTellError, Wishes, draft
from scheduler.exports.feed_file import parse_any
from scheduler.exports.slip_feed import SlipFeed
from tests.insurance import CANARY, Visit, insurance_file, visit

TODAY = date(2026, 11, 23)
KNOWN = Wishes({"code": "slips", "facility": "BVVT"})


@pytest.mark.parametrize("coded", [True, False])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_file_of_slips_is_recognised_whatever_its_name(encoding: str, *, coded: bool) -> None:
    data = insurance_file(visit(1), visit(2, MA_KHOA="K19;K03"), coded=coded, encoding=encoding)
    found = draft(data, "130.xml", today=TODAY, wishes=KNOWN)
    assert (found.complete, found.untold) == (True, ())
    feed = parse_any(found.text)
    assert isinstance(feed, SlipFeed)
    assert (feed.slips.hospital, feed.source.pattern) == (("77001",), "*.xml")
    assert '# K03 = "..."  # 2 slips' in found.text
    assert "read by this draft: 2 slips can be used; refused: none" in found.text
    for word in ("Mẫu", "MẪU", CANARY, "077190000001", "GD4797912345678", "LK-0001"):
        assert word not in found.text


def test_what_only_people_know_is_asked() -> None:
    found = draft(insurance_file(visit(1)), "130.xml", today=TODAY)
    assert found.untold == ("code", "facility")
    two = insurance_file(visit(1), visit(2, MA_CSKCB="77002"))
    found = draft(two, "130.xml", today=TODAY, wishes=KNOWN)
    assert found.untold == ("slips.hospital",)
    assert '# hospital = "77002"' in found.text
    assert "DU_PHONG is filled in 1 of 1 slips" in draft(
        insurance_file(visit(1, slip={"DU_PHONG": "Hủy cho bà Mẫu"})), "130.xml", today=TODAY, wishes=KNOWN
    ).text  # fmt: skip


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (insurance_file(Visit(slip=None)), "no re-examination slip"),
        (insurance_file(visit(1))[:-100], "cut_off"),
        (b"<!DOCTYPE GIAMDINHHS><GIAMDINHHS/>", "own_entities"),
    ],
)
def test_a_file_that_tells_nothing_says_why(data: bytes, why: str) -> None:
    with pytest.raises(CannotTellError, match=why):
        draft(data, "130.xml", today=TODAY)
