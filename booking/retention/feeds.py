"""What hospitals' exports said: staged rows, slips, the history of files; and the files themselves, by their age."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from sqlalchemy import delete, func, literal, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlmodel import col

from booking.clock import local_day
from booking.exchange.history import KEPT as WAYS_BACK
from booking.exchange.models import FeedFile, FeedOrder, FeedRow, FeedRun
from booking.invitations.kinds import InvitationState
from booking.invitations.models import Invitation, InvitationCall
from booking.trail.forgetting import BATCH, remove

ROWS_KEPT: Final = timedelta(days=90)
"""After the time a row speaks of: a file no longer changes what is over."""

FILES_NOTED: Final = timedelta(days=365)
"""After a file came: a manager may ask who let it through."""

SLIPS_KEPT: Final = timedelta(days=180)
"""After the last day a re-examination slip was good for."""

FILES_KEPT: Final = {"done": timedelta(days=30), "held": timedelta(days=90), "quarantine": timedelta(days=90)}
"""By the folder a file was put away into; its report goes with it."""


async def forget_rows(session: AsyncSession, *, now: datetime, most: int = BATCH) -> int:
    """Remove rows whose time is longer ago than ROWS_KEPT; how many."""
    return await remove(session, FeedRow, col(FeedRow.starts_at) < now - ROWS_KEPT, most=most)


async def forget_files(session: AsyncSession, *, now: datetime, most: int = BATCH) -> int:
    """Remove what is noted of files that came before FILES_NOTED, with what they changed and was ordered; how many.

    The last ones of a feed stay whatever their age: they say what was applied last, and can be taken back.
    """
    newer = aliased(FeedFile)
    after = (
        select(func.count())
        .select_from(newer)
        .where(col(newer.feed) == col(FeedFile.feed), col(newer.id) > col(FeedFile.id))
    ).scalar_subquery()
    used = select(literal(1)).where(col(FeedRow.feed_file_id) == col(FeedFile.id))
    chosen = select(col(FeedFile.id)).where(
        col(FeedFile.received_at) < now - FILES_NOTED, after >= WAYS_BACK, ~used.correlate(FeedFile).exists()
    )
    old = list((await session.execute(chosen.limit(most).with_for_update(skip_locked=True))).scalars())
    for model in (FeedOrder, FeedRun):
        hanging = delete(model).where(col(model.feed_file_id).in_(old))
        await session.execute(hanging.execution_options(synchronize_session=False))
    return await remove(session, FeedFile, col(FeedFile.id).in_(old), most=most)


async def forget_slips(session: AsyncSession, *, now: datetime, most: int = BATCH) -> int:
    """Remove slips that were good until before SLIPS_KEPT; how many."""
    over = (col(Invitation.last_day) < local_day(now) - SLIPS_KEPT, col(Invitation.state) != InvitationState.OPEN)
    chosen = select(col(Invitation.id)).where(*over).limit(most).with_for_update(skip_locked=True)
    old = list((await session.execute(chosen)).scalars())
    calls = delete(InvitationCall).where(col(InvitationCall.invitation_id).in_(old))
    await session.execute(calls.execution_options(synchronize_session=False))
    return await remove(session, Invitation, col(Invitation.id).in_(old), most=most)


def old_files(folder: Path, *, now: datetime) -> Iterator[Path]:
    """Files put away in a drop folder for longer than FILES_KEPT; links and folders are none of ours.

    How long a file lies there is told by its inode's change: putting away renames it, and its own date is the
    hospital's.
    """
    for name, kept in FILES_KEPT.items():
        away = folder / name
        if away.is_symlink() or not away.is_dir():
            continue
        for path in sorted(away.iterdir()):
            if path.is_symlink() or not path.is_file():
                continue
            if path.stat().st_ctime < (now - kept).timestamp():
                yield path
