"""What each file of a feed changed, and what waits: kept small, so that it can be shown, released and taken back."""

import json
import zlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any, Final

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from booking.exchange.commands import ApplyExport, Content, Terms
from booking.exchange.guarding import Signs, Thresholds
from booking.exchange.models import FeedFile, FeedRun
from booking.exchange.rules import StagedRow, Trace

KEPT: Final = 20
"""So many of a feed's last runs can be taken back, and are shown."""

_ROW: Final = tuple(each.name for each in fields(StagedRow) if each.name != "marks")
_TRACE: Final = tuple(each.name for each in fields(Trace))
_MOMENTS: Final = frozenset({"starts_at", "ends_at"})


@dataclass(frozen=True, slots=True)
class Run:
    """What one file did, or would do, to the calendar.

    Attributes:
        closed: ids of the slots it closed.
        opened: ids of those it opened.
        would_close: ids of those it would close besides, were it applied wholly.
        would_open: likewise.
        waiting: the file, as long as it is held back wholly or in part.
        before: of each row it changed, the row before; None where there was none.
    """

    closed: Collection[int] = ()
    opened: Collection[int] = ()
    would_close: Collection[int] = ()
    would_open: Collection[int] = ()
    waiting: ApplyExport | None = None
    before: Mapping[str, StagedRow | None] | None = None


async def newest(session: AsyncSession, feed: str) -> FeedFile | None:
    """The feed's last record, whatever became of the file."""
    query = select(FeedFile).where(col(FeedFile.feed) == feed).order_by(col(FeedFile.id).desc())
    found: FeedFile | None = await session.scalar(query.limit(1))
    return found


async def all_obsolete(session: AsyncSession, feed: str) -> None:
    """What waited of earlier files waits no more: a newer one has spoken of all."""
    await session.execute(update(FeedRun).where(col(FeedRun.feed) == feed).values(waiting=None))


async def write(session: AsyncSession, file_id: int, feed: str, run: Run) -> None:
    """Keep a run beside its file. The oldest ways back end."""
    known = await session.get(FeedRun, file_id)
    kept = known or FeedRun(feed_file_id=file_id, feed=feed, closed=[], opened=[], would_close=[], would_open=[])
    kept.closed, kept.opened = sorted(run.closed), sorted(run.opened)
    kept.would_close, kept.would_open = sorted(run.would_close), sorted(run.would_open)
    kept.waiting = pack_command(run.waiting) if run.waiting else None
    kept.before = pack_rows(run.before) if run.before is not None else None
    session.add(kept)
    await session.flush()
    newest = (
        select(col(FeedRun.feed_file_id))
        .where(col(FeedRun.feed) == feed, col(FeedRun.before).is_not(None))
        .order_by(col(FeedRun.feed_file_id).desc())
        .limit(KEPT)
        .subquery()
    )
    oldest = select(func.min(newest.c.feed_file_id)).scalar_subquery()
    old = update(FeedRun).where(col(FeedRun.feed) == feed, col(FeedRun.feed_file_id) < oldest)
    await session.execute(old.where(col(FeedRun.before).is_not(None)).values(before=None))


def pack_rows(rows: Mapping[str, StagedRow | None]) -> bytes:
    """Rows by their keys, small."""
    return _pack({key: None if row is None else _plain(row) for key, row in rows.items()})


def unpack_rows(packed: bytes) -> dict[str, StagedRow | None]:
    """The other way round."""
    return {key: None if row is None else _row(row) for key, row in _unpack(packed).items()}


def pack_command(command: ApplyExport) -> bytes:
    """A file as it was read, small."""
    content = {**asdict(command.content), "sha256": command.content.sha256.hex()}
    return _pack(
        {
            "content": content,
            "rows": [_plain(row) for row in command.rows],
            "signs": command.signs.plain(),
            "limits": asdict(command.limits),
            "terms": command.terms.plain(),
            "traces": [_values(trace) for trace in command.traces],
        }
    )


def unpack_command(packed: bytes) -> ApplyExport:
    """The other way round."""
    kept = _unpack(packed)
    content = Content(**{**kept["content"], "sha256": bytes.fromhex(kept["content"]["sha256"])})
    return ApplyExport(
        content,
        tuple(_row(row) for row in kept["rows"]),
        Signs.from_plain(kept["signs"]),
        Thresholds(**kept["limits"]),
        Terms.from_plain(kept["terms"]),
        tuple(Trace(key, resource, start and datetime.fromisoformat(start), *rest)
              for key, resource, start, *rest in kept.get("traces", ())),
    )  # fmt: skip


def undone(packed: Iterable[bytes]) -> dict[str, StagedRow | None]:
    """The rows as they were before several runs, of which the newest comes first."""
    rows: dict[str, StagedRow | None] = {}
    for each in packed:
        rows |= unpack_rows(each)
    return rows


def _pack(plain: object) -> bytes:
    return zlib.compress(json.dumps(plain, ensure_ascii=False).encode(), 1)


def _unpack(packed: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(zlib.decompress(packed))
    return found


def _plain(row: StagedRow) -> list[object]:
    return _values(row, _ROW)


def _values(of: StagedRow | Trace, names: Iterable[str] = _TRACE) -> list[object]:
    values = (getattr(of, name) for name in names)
    return [value.isoformat() if isinstance(value, datetime) else value for value in values]


def _row(plain: list[Any]) -> StagedRow:
    given = dict(zip(_ROW, plain, strict=False))  # a column that came later has its default
    for name in _MOMENTS:
        given[name] = datetime.fromisoformat(given[name]) if given[name] else None
    return StagedRow(**given)
