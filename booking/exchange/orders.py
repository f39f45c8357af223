"""What managers order about files of a feed, with a name and a reason: release one, or go back to the state before it.

A page only writes the order down. The scheduler carries it out, in one transaction, alone at the facility; an order
whose file is not the newest any more is obsolete, and then nothing happens.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Select, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from booking.actor import Actor, ActorKind
from booking.exchange import feed_rows, history, late, queries, service
from booking.exchange.commands import Content, Terms
from booking.exchange.errors import FeedFileUnknown, FileObsolete, OrderedAlready, ReasonMissing
from booking.exchange.following import Changes
from booking.exchange.guarding import Signs
from booking.exchange.history import Run
from booking.exchange.kinds import AbsenceMeaning, FileState, OrderKind, OrderState
from booking.exchange.models import FeedFile, FeedOrder, FeedRun
from booking.text import clean
from booking.trail.service import record

LONGEST_REASON: Final = 300
_LEAST: Final = 3


@dataclass(frozen=True, slots=True)
class Ordered:
    """An order as it is given.

    Attributes:
        kind: what to do.
        reason: in the manager's words.
        name: whose account it is.
    """

    kind: OrderKind
    reason: str
    name: str


async def file_at(session: AsyncSession, facility_id: int, file_id: int) -> tuple[FeedFile, FeedRun | None]:
    """A file of one of the facility's feeds, and what is kept of its run.

    Raises:
        FeedFileUnknown: there is none here.
    """
    query = select(FeedFile).where(col(FeedFile.id) == file_id, col(FeedFile.facility_id) == facility_id)
    found = await session.scalar(query)
    if found is None:
        raise FeedFileUnknown
    return found, await session.get(FeedRun, file_id, populate_existing=True)


async def give(
    session: AsyncSession, facility_id: int, file_id: int, order: Ordered, *, by: Actor, now: datetime
) -> None:
    """Write an order down; the same person's same order again changes nothing.

    Raises:
        FeedFileUnknown: no such file here.
        ReasonMissing: nobody says why.
        FileObsolete: a newer file came, or it is done already.
        OrderedAlready: somebody else was first.
    """
    file, run = await file_at(session, facility_id, file_id)
    reason = clean(order.reason)[:LONGEST_REASON]
    if len(reason) < _LEAST:
        raise ReasonMissing(field="reason")
    if not await may(session, order.kind, file, run):
        raise FileObsolete
    new = insert(FeedOrder).values(
        feed_file_id=file_id, kind=order.kind, reason=reason, ordered_by=by.id, name=order.name, ordered_at=now,
        state=OrderState.WAITING,
    )  # fmt: skip
    unless = new.on_conflict_do_nothing(index_elements=["feed_file_id"], index_where=col(FeedOrder.state) == "waiting")
    given = (await session.execute(unless.returning(col(FeedOrder.id)))).scalar_one_or_none()
    if given is None:
        first = await session.scalar(_waiting().where(col(FeedOrder.feed_file_id) == file_id))
        if first is not None and (first.ordered_by != by.id or first.kind is not order.kind):
            raise OrderedAlready(name=first.name)
        return
    record(
        session, "export.order", "feed_file", file_id, by=by, now=now,
        order=given, kind=order.kind.value, feed=file.feed, name=order.name, reason=reason,
    )  # fmt: skip


async def may(session: AsyncSession, kind: OrderKind, file: FeedFile, run: FeedRun | None) -> bool:
    """Whether such an order could be carried out now."""
    if run is None or file.id is None:
        return False
    if kind is OrderKind.RELEASE:
        return run.waiting is not None
    if file.state is not FileState.APPLIED or run.before is None:
        return False
    return all(one is not None for one in await _packed(session, file.feed, file.id))


def _waiting() -> Select[FeedOrder]:
    return select(FeedOrder).where(col(FeedOrder.state) == OrderState.WAITING)


async def waiting(session: AsyncSession) -> list[int]:
    """The orders still to be carried out, in their order."""
    query = select(col(FeedOrder.id)).where(col(FeedOrder.state) == OrderState.WAITING).order_by(col(FeedOrder.id))
    return [row_id for row_id in await session.scalars(query) if row_id is not None]


async def carry_out(session: AsyncSession, order_id: int, *, now: datetime) -> OrderState | None:
    """Do what was ordered, on behalf of who ordered it; None where another scheduler did meanwhile."""
    order = await session.get(FeedOrder, order_id)
    file = await session.get(FeedFile, order.feed_file_id) if order else None
    if order is None or file is None:
        return None
    await service.alone_at(session, file.report["facility"])
    await session.refresh(order, with_for_update=True)
    if order.state is not OrderState.WAITING:
        return None
    by = Actor(ActorKind.STAFF, id=order.ordered_by)
    run = await session.get(FeedRun, order.feed_file_id, populate_existing=True)
    if run is None or not await may(session, order.kind, file, run):
        order.state = OrderState.OBSOLETE
    else:
        do = _release if order.kind is OrderKind.RELEASE else _restore
        await do(session, order, file, run, by=by, now=now)
        order.state = OrderState.DONE
    order.ended_at = now
    record(
        session, "export.ordered", "feed_file", order.feed_file_id, by=by, now=now, order=order_id,
        kind=order.kind.value, state=order.state.value,
    )  # fmt: skip
    return order.state


def _said(order: FeedOrder) -> dict[str, Any]:
    return {"order": order.id, "name": order.name, "reason": order.reason}


async def _release(
    session: AsyncSession, order: FeedOrder, file: FeedFile, run: FeedRun, *, by: Actor, now: datetime
) -> None:
    assert run.waiting is not None
    assert file.id is not None
    command = history.unpack_command(run.waiting)
    since = late.first_of(file) if command.terms.meaning is AbsenceMeaning.CHANGE_FEED else None
    done = await service.apply_file(
        session, command, by=by, now=now, released=_said(order), received=file.received_at, since=since
    )
    new = await session.get(FeedFile, done.file_id, populate_existing=True)
    assert new is not None
    new.report = {**new.report, "released": {**_said(order), "file": file.id}}


async def _packed(session: AsyncSession, feed: str, file_id: int) -> list[bytes | None]:
    """The rows before each run from this one on, the newest run first; None where one is not kept any more."""
    query = (
        select(col(FeedRun.before))
        .select_from(FeedFile)
        .outerjoin(FeedRun, col(FeedRun.feed_file_id) == col(FeedFile.id))
        .where(col(FeedFile.feed) == feed, col(FeedFile.id) >= file_id, col(FeedFile.state) == FileState.APPLIED)
        .order_by(col(FeedFile.id).desc())
    )
    return list(await session.scalars(query))


async def _restore(
    session: AsyncSession, order: FeedOrder, file: FeedFile, run: FeedRun, *, by: Actor, now: datetime
) -> None:
    """Make the rows what they were before the file, and the calendar with them; a run like any other."""
    assert file.id is not None
    assert file.facility_id is not None
    packed = [one for one in await _packed(session, run.feed, file.id) if one is not None]
    rows = history.undone(packed)
    earlier = await queries.applied_before(session, run.feed, file.id)
    report = dict(earlier.report) if earlier else _nothing(file)
    meaning = AbsenceMeaning(report["terms"]["meaning"])
    kept = await feed_rows.kept(session, run.feed, meaning, now=now)
    put = {key: row for key, row in rows.items() if row is not None}
    changes = Changes(put, frozenset(key for key, row in rows.items() if row is None))
    report["restored"] = {**_said(order), "file": file.id}
    content = Content(
        run.feed, file.report["facility"], str(report["definition"]), earlier.file_name if earlier else file.file_name,
        earlier.sha256 if earlier else b"", earlier.size if earlier else 0, report,
    )  # fmt: skip
    new_id = await service.record_file(session, content, file.facility_id, FileState.APPLIED, report, now=now)
    await feed_rows.write(session, run.feed, changes, new_id)
    counts, settled = await service.settle_anew(session, run.feed, by=by, now=now)
    before = service.before_of(kept, changes)
    if meaning is not AbsenceMeaning.CHANGE_FEED:
        await history.all_obsolete(session, run.feed)
    await history.write(session, new_id, run.feed, Run(settled.closed, settled.opened, before=before))
    record(
        session, "export.restore", "feed_file", new_id, by=by, now=now, feed=run.feed, closed=counts.closed,
        opened=counts.opened, conflicts=counts.conflicts, **_said(order),
    )  # fmt: skip


def _nothing(file: FeedFile) -> dict[str, Any]:
    """The state before the first file: a feed that closes nothing."""
    return {
        "facility": file.report["facility"],
        "definition": "",
        "terms": Terms(AbsenceMeaning.BUSY_LIST, None, {}).plain(),
        "signs": Signs().plain(),
        "without_times": [],
        "verdict": {"kind": "apply", "reasons": []},
    }
