"""The words that lie beside a file which was not wholly applied: for the person who looks into the folder."""

from dataclasses import dataclass
from datetime import datetime

from booking.clock import ZONE
from booking.exchange.guarding import Verdict
from booking.exchange.kinds import UnreadableReason, VerdictKind
from booking.exchange.log_sign import log_sign
from scheduler.exports.wording import explain_guard, harmless

_UNREADABLE = (
    "Tệp không đọc được, chưa có gì được áp dụng; lịch vẫn như trước. Hãy sửa rồi xuất lại tệp.",
    "The file cannot be read; nothing was applied and the calendar is as it was. Put it right and export again.",
)
_HELD = (
    "Tệp bị giữ lại vì có dấu hiệu sai, chưa có gì được áp dụng. Hãy kiểm tra rồi xuất lại tệp.",
    "The file is held because something looks wrong; nothing was applied. Look at the reasons, then export again.",
)
_CLOSINGS = (
    "Chỉ đóng thêm khung giờ theo tệp này, chưa mở lại khung giờ nào. Hãy kiểm tra rồi xuất lại tệp.",
    "Only closings of this file were applied; nothing was opened. Look at the reasons, then export again.",
)
_NAME = (
    "Tên tệp có ký tự điều khiển nên tệp không được đọc. Hãy đổi tên rồi gửi lại.",
    "The file's name holds control signs, so it was not read. Rename it and hand it in again.",
)
_NO_FILE = (
    "Đây không phải là tệp thường (liên kết, ống dẫn hoặc thiết bị) nên không được mở. Hãy gửi chính tệp đó.",
    "This is no plain file (a link, a pipe or a device), so it was not opened. Hand in the file itself.",
)


@dataclass(frozen=True, slots=True)
class Slip:
    """What every report begins with."""

    feed: str
    file: str
    received: datetime

    @property
    def sign(self) -> str:
        """How the log names the file."""
        return log_sign(self.file)


def unreadable(slip: Slip, words: str) -> str:
    """For a file in quarantine."""
    return _written(slip, _UNREADABLE, words.splitlines())


def guarded(slip: Slip, verdict: Verdict) -> str:
    """For a file that a guard held, or let close only."""
    title = _HELD if verdict.kind is VerdictKind.HOLD else _CLOSINGS
    return _written(slip, title, [f"{reason}: {explain_guard(reason, facts)}" for reason, facts in verdict.reasons])


def bad_name(slip: Slip) -> str:
    """For a file that was not even opened."""
    return _written(slip, _NAME, [])


def no_file(slip: Slip, instead: str) -> str:
    """For what lay in the folder and is no file."""
    return _written(slip, _NO_FILE, [f"{UnreadableReason.NOT_A_FILE}: {instead}"])


def _written(slip: Slip, title: tuple[str, str], lines: list[str]) -> str:
    here = slip.received.astimezone(ZONE)
    named = [f"File: {slip.file} (in the log: {slip.sign})", f"Feed: {slip.feed}"]
    head = [*title, "", *named, f"Read: {here:%d/%m/%Y %H:%M:%S} (UTC+7)"]
    told = [*head, *(["", *lines] if lines else []), "", "Every reason is explained in docs/feeds.md.", ""]
    return "\n".join(map(harmless, told))
