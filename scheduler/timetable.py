"""Every job and its cadence. What is due is rows in our tables: a tick that is missed or comes twice does no harm."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

from booking.clock import utc_now
from booking.db import Database
from booking.messages.channel.queries import allowance_of
from booking.messages.outbox import Pace
from booking.messages.preparing import Channel
from booking.settings import Settings
from booking.sms.gateway import Gateway
from scheduler.exports.apart import reading_processes
from scheduler.exports.confinement import Limits
from scheduler.jobs import (
    apply_closures,
    check_invariants,
    disable_idle,
    end_leases,
    fetch_exports,
    follow_orders,
    housekeeping,
    lapse_invitations,
    make_offers,
    plan_reminders,
    publish_slots,
    read_exports,
    read_shown,
    reconcile_messages,
    release_holds,
    renew_training,
    say_alive,
    seal_audit,
    send_messages,
    settle_unknown,
    tell_invitations,
    try_again,
    write_bookings,
)
from scheduler.jobs.send_messages import Sender
from scheduler.soundness import Soundness


@dataclass(frozen=True, slots=True)
class Job:
    """One line of the timetable."""

    name: str
    every: timedelta
    work: Callable[[], Awaitable[object]]


def jobs(
    db: Database, gateway: Gateway, settings: Settings, stop: asyncio.Event, pace: Pace, sound: Soundness | None = None
) -> list[Job]:
    """All timed work; hospital exports only where a folder of feeds is set."""
    base = settings.public_base_url
    where = settings.environment
    channel = Channel(
        gateway.name,
        base,
        production=where == "production",
        shows_codes=where == "demo",
        allowance=allowance_of(settings),
        registered=settings.registered_texts,
    )
    codes = Sender(db, gateway, channel, lane="code", pace=pace)
    visits = Sender(db, gateway, channel, lane="visit", together=_together(settings), pace=pace)
    days, feeds = settings.horizon_days, settings.feeds_dir
    telling = write_bookings.Memory()
    limits = Limits(with_network=settings.read_exports_with_network)
    at_once = settings.read_exports_at_once
    reading_processes(at_once)
    memory, desk = read_exports.Memory(limits=limits, at_once=at_once), read_shown.Desk(feeds, limits=limits)
    always = [
        Job("send_codes", _s(0.25), lambda: send_messages.run(codes, stop=stop, poll=0.25)),
        Job("send_messages", _s(1), lambda: send_messages.run(visits, stop=stop)),
        Job("end_leases", pace.settle_every, lambda: end_leases.run(db)),
        Job("settle_unknown", pace.settle_every, lambda: settle_unknown.run(db, gateway, base_url=base, pace=pace)),
        Job("reconcile_messages", _s(600), lambda: reconcile_messages.run(db, gateway, base_url=base, now=utc_now())),
        Job("try_again", _s(60), lambda: try_again.run(db)),
        Job("release_holds", _s(15), lambda: release_holds.run(db)),
        Job("make_offers", _s(15), lambda: make_offers.run(db)),
        Job("apply_closures", _s(1), lambda: apply_closures.run(db)),
        Job("reach_on", _s(60), lambda: apply_closures.reach_on(db)),
        Job("follow_orders", _s(5), lambda: follow_orders.run(db, now=utc_now())),
        Job("read_shown", _s(2), lambda: read_shown.run(db, now=utc_now(), desk=desk)),
        Job("plan_reminders", _s(60), lambda: plan_reminders.run(db)),
        Job("seal_audit", _s(60), lambda: seal_audit.run(db)),
        Job("check_invariants", _s(60), lambda: check_invariants.run(db)),
        Job("say_alive", _s(15), lambda: say_alive.run(db, sound)),
        Job("housekeeping", _s(600), lambda: housekeeping.run(db, feeds_dir=feeds)),
        Job("renew_training", _s(600), lambda: renew_training.run(db)),
        Job("disable_idle", _s(3600), lambda: disable_idle.run(db)),
        Job("lapse_invitations", _s(3600), lambda: lapse_invitations.run(db)),
        Job("tell_invitations", _s(600), lambda: tell_invitations.run(db)),
        Job("publish_slots", _s(3600), lambda: publish_slots.run(db, now=utc_now(), horizon_days=days)),
    ]
    if feeds is None:
        return always
    fetching = fetch_exports.Fetching()
    return [
        *always,
        Job("fetch_exports", _s(5), lambda: fetch_exports.run(db, feeds, stop=stop, memory=fetching)),
        Job("read_exports", _s(10), lambda: read_exports.run(db, feeds, now=utc_now(), memory=memory)),
        Job("write_bookings", _s(15), lambda: write_bookings.run(db, feeds, now=utc_now(), memory=telling)),
    ]


def _together(settings: Settings) -> int:
    """Posts that are out at once: enough for the rate where a carrier takes a quarter of a second to answer."""
    return min(32, max(8, settings.sms_per_second // 4))


def _s(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)
