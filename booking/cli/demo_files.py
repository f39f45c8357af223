"""The demo's files beside its database: secrets, logs, the hospital's drop folder; and its environment."""

import json
import os
import shutil
import socket
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from booking import ids
from booking.availability.models import Slot
from booking.cli import demo_export, demo_slips
from booking.cli.terminal import say

_FIRST_PORT = 8000
_LAST_PORT = 8049
_BACKLOG = 512
_TAIL = 2000


@dataclass(frozen=True, slots=True)
class Folder:
    """Where the demo keeps what is not in its database."""

    home: Path

    @property
    def logs(self) -> Path:
        """Log files of the processes."""
        return self.home / "logs"

    @property
    def feeds(self) -> Path:
        """Feed TOML files."""
        return self.home / "feeds"

    @property
    def drop(self) -> Path:
        """Where the hospital's software puts its exports."""
        return self.home / "exports"

    def log(self, name: str) -> Path:
        """The log of one process."""
        return self.logs / f"{name}.log"

    def tail(self, name: str) -> str:
        """The end of that log."""
        return self.log(name).read_text(encoding="utf-8", errors="replace")[-_TAIL:]


def claim(home: Path, *, reset: bool) -> Folder:
    """Make the folder, readable by us alone; emptied when the demo begins again."""
    if reset and home.exists():
        shutil.rmtree(home)
    folder = Folder(home)
    for part in (home, folder.logs, folder.feeds, folder.drop):
        part.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def listen(host: str, wanted: int | None) -> socket.socket:
    """A listening socket on the port asked for, if it is free; else on the first free one from 8000.

    The web server inherits it, so that two demos started at once never agree on one port.
    """
    for port in [wanted] if wanted is not None else range(_FIRST_PORT, _LAST_PORT + 1):
        made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            made.bind((host, port))
            made.listen(_BACKLOG)
        except OSError:
            made.close()
            continue
        return made
    taken = f"Port {wanted} is" if wanted is not None else f"The ports {_FIRST_PORT} to {_LAST_PORT} are"
    say(f"{taken} not free on {host}; choose another with --port.")
    raise SystemExit(1)


def environment(files: Folder, database_url: str, *, host: str, port: int) -> dict[str, str]:
    """What the demo's processes run with. Its keys are made once and kept with its data."""
    shown = f"[{host}]" if ":" in host else host
    return {
        **_keys(files.home / "keys.json"),
        "DATABASE_URL": database_url,
        "PUBLIC_BASE_URL": f"http://{'127.0.0.1' if host == '0.0.0.0' else shown}:{port}",  # noqa: S104  compared only
        "HENKHAM_ENVIRONMENT": "demo",
        "HENKHAM_SMS_PROVIDER": "console",
        "HENKHAM_FEEDS_DIR": str(files.feeds),
        # On one machine everybody has one address.
        "HENKHAM_LIMIT_ADDRESS_PER_10_MINUTES": "1000000",
        "HENKHAM_LIMIT_HOLDS_PER_10_MINUTES": "1000000",
    }


def inherited() -> dict[str, str]:
    """The caller's environment without settings of a real installation, which must not reach the demo."""
    ours = ("HENKHAM_", "TWILIO_", "DATABASE_", "PUBLIC_BASE_URL", "PG")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


def hand_over_export(files: Folder, *, today: date) -> None:
    """Put the sample feeds and their files, shifted to the coming days, where the scheduler finds them."""
    demo_export.write(files.feeds, files.drop, today=today)
    demo_slips.write(files.feeds, files.drop, today=today)


async def count_slots(session: AsyncSession, *, now: datetime) -> int:
    """Slots that can be booked in the coming weeks."""
    found = await session.execute(select(func.count()).where(col(Slot.bookable_until) > now, col(Slot.open)))
    return int(found.scalar_one())


def _keys(path: Path) -> dict[str, str]:
    if not path.exists():
        made = {"HENKHAM_SEAL_KEY": ids.opaque_key(36), "HENKHAM_INDEX_KEY": ids.opaque_key(36)}
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(made, file)
    kept: dict[str, str] = json.loads(path.read_text())
    return kept
