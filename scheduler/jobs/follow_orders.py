"""Carry out what managers ordered about files of feeds, and tell staff of clashes. Run every few seconds.

An order is one transaction of its own: what goes wrong with one stops no other, and it is tried again.
"""

import logging
from datetime import datetime

from booking.db import Database
from booking.exchange import noticing, orders
from booking.exchange.kinds import OrderState

log = logging.getLogger(__name__)


async def run(db: Database, *, now: datetime) -> list[OrderState]:
    """What became of each order that was waiting."""
    async with db.transaction() as session:
        waiting = await orders.waiting(session)
    done = []
    for order in waiting:
        try:
            state = await _one(db, order, now=now)
        except Exception:  # the order stays and is tried again
            log.exception("an order about a file could not be carried out", extra={"facts": {"order": order}})
            continue
        if state is not None:
            log.info("an order about a file was carried out", extra={"facts": {"order": order, "state": state.value}})
            done.append(state)
    await _notice(db, now=now)
    return done


async def _one(db: Database, order: int, *, now: datetime) -> OrderState | None:
    async def once() -> OrderState | None:
        async with db.transaction() as session:
            return await orders.carry_out(session, order, now=now)

    return await db.until_known(once)


async def _notice(db: Database, *, now: datetime) -> None:
    async with db.transaction() as session:
        told = await noticing.notice(session, now=now)
    for feed, number in told:
        log.warning("booked patients stand in times a feed takes", extra={"facts": {"feed": feed, "conflicts": number}})
