"""`henkham sms`: how the channel stands, letting it go on, and a storm against the sample carrier."""

import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from booking import embedded, ids, sealed
from booking.actor import system
from booking.cli import sms_storm
from booking.cli.sms_storm import Figures, Storm
from booking.cli.terminal import say
from booking.clock import ZONE, utc_now
from booking.db import Database
from booking.messages import texts, wordings
from booking.messages.channel import queries, service
from booking.messages.channel.queries import ChannelView
from booking.migrations import upgrading
from booking.settings import Settings, load


def show(settings: Settings) -> int:
    """Print how the channel stands. Exit code 1: texts about visits wait."""
    view = asyncio.run(_standing(settings))
    say(f"{settings.gateway_name}: {view.state}")
    if view.since is not None and view.silent:
        say(f"several texts in a row got no answer since {view.since.astimezone(ZONE):%d/%m %H:%M}")
    elif view.since is not None:
        say(f"our configuration is refused with {view.code} since {view.since.astimezone(ZONE):%d/%m %H:%M}")
    if view.until is not None:
        say(f"until {view.until.astimezone(ZONE):%d/%m %H:%M:%S}")
    say(
        f"today {view.day_posts} of {view.day_most} texts about visits, this hour {view.hour_posts} of {view.hour_most}"
    )
    return 0 if view.state == "open" else 1


def resume(settings: Settings) -> int:
    """Let texts go on at once."""

    async def go_on() -> None:
        database = Database(settings.database_url, pool=1, application="henkham-sms")
        try:
            async with database.transaction() as session:
                await service.resume(session, settings.gateway_name, by=system("command line"), now=utc_now())
        finally:
            await database.close()

    asyncio.run(go_on())
    say("Texts go on. Budget and breaker stay aside until midnight.")
    return 0


def words(settings: Settings) -> int:
    """Print each text with every variable at its longest, as carriers ask for it. Exit code 1: some may not go yet."""
    registered = settings.registered_texts
    waiting = {one.name for one in texts.unapproved(registered)}
    for one in wordings.ALL:
        say(f"{'waits     ' if one.name in waiting else 'registered'}  {one.name}\n            {one.text}")
        say(f"            at its longest: {one.longest}")
    for name in texts.unknown(registered):
        say(f"HENKHAM_SMS_REGISTERED names {name}, which is no text of this version")
    return 1 if waiting or texts.unknown(registered) else 0


async def _standing(settings: Settings) -> ChannelView:
    database = Database(settings.database_url, pool=1, application="henkham-sms")
    try:
        async with database.transaction() as session:
            return await queries.standing(session, settings.gateway_name, queries.allowance_of(settings), now=utc_now())
    finally:
        await database.close()


def simulate(storm: Storm) -> int:
    """Run a storm on a database made for it, and print the figures. Exit code 1: a text was lost or went twice."""
    with tempfile.TemporaryDirectory(prefix="henkham-storm-", dir=_roomy()) as folder:
        Path(folder).chmod(0o711)  # root's PostgreSQL runs as somebody else
        with embedded.running(Path(folder) / "data") as server:
            server.create_database("storm")
            url = server.url("storm")
            upgrading.migrate(url)
            variables = {
                "DATABASE_URL": url, "PUBLIC_BASE_URL": sms_storm.BASE, "HENKHAM_ENVIRONMENT": "test",
                "HENKHAM_SMS_PROVIDER": "console", "HENKHAM_SEAL_KEY": ids.opaque_key(48),
                "HENKHAM_INDEX_KEY": ids.opaque_key(48), "HENKHAM_DATABASE_POOL": "16",
            }  # fmt: skip
            sealed.install(load(variables).keyring())

            def start(settings: Mapping[str, str]) -> "subprocess.Popen[Any]":
                kept = {"PATH": os.environ.get("PATH", "")}
                return subprocess.Popen(
                    [sys.executable, "-m", "booking", "scheduler"], env=kept | variables | dict(settings)
                )

            figures = sms_storm.run(url, storm, start, say=say)
    report(storm, figures)
    return 0 if figures.lost == figures.doubled == 0 else 1


def _roomy() -> str:
    return "/var/tmp" if Path("/var/tmp").is_dir() else tempfile.gettempdir()  # noqa: S108  a folder of its own in it


def report(storm: Storm, figures: Figures) -> None:
    """The figures, one a line."""
    rows = {
        "texts": f"{storm.messages:,}, half of them due at one moment, all within {storm.within:.0f} s",
        "reminders and families": "yes" if storm.reminders else "none: it is night, they wait for the morning",
        "schedulers, killed with -9": f"{storm.schedulers}, {figures.killed} times",
        "sent": f"{figures.sent:,}; {figures.shared:,} more visits stand in the text of another of the family",
        "lost": f"{figures.lost:,}",
        "doubled": f"{figures.doubled:,}",
        "the last one left after": f"{figures.took:.1f} s",
        "due to POST, p50 and p99": f"{figures.p50:.1f} s and {figures.p99:.1f} s",
        "codes beside them, p99": f"{figures.codes_p99:.2f} s ({figures.codes:,} codes)",
        "busiest second": f"{figures.busiest_second} (the carrier takes {storm.carrier_per_second})",
        "answered with 429": f"{figures.too_many:,}",
        "out of the order of visits, mean": f"{figures.displaced:.2%} of the line",
        "states afterwards": ", ".join(f"{state} {number:,}" for state, number in figures.states.most_common()),
    }
    for name, value in rows.items():
        say(f"{name:34}{value}")
