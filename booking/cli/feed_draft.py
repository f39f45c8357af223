"""`henkham feed draft`: a feed proposed from a file, for whoever connects a hospital."""

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from sqlmodel import select

from booking import clock
from booking.db import Database
from booking.directory.models import Facility, Practitioner, Room
from scheduler.exports.drafting import CannotTellError, Draft, Wishes, draft

COMPLETE, TO_FILL_IN, NOTHING = 0, 1, 2
_PATIENCE = 10  # seconds for the database


def run(file: Path, *, out: Path | None, said: Mapping[str, str], as_json: bool) -> int:
    """Print or write the draft; the exit code of the command."""
    try:
        data = file.read_bytes()
    except OSError as error:
        return _nothing(f"{file.name} cannot be opened: {error.strerror}", as_json=as_json)
    ours, problem = _ours(said.get("facility"))
    try:
        found = draft(data, file.name, today=clock.local_day(clock.utc_now()), wishes=Wishes(said, ours))
    except CannotTellError as error:
        return _nothing(f"{file.name}: nothing can be proposed: {error}", as_json=as_json)
    if out is not None:
        try:
            # Never over a feed that somebody has filled in.
            with out.open("x", encoding="utf-8", newline="\n") as written:
                written.write(found.text)
        except OSError as error:
            return _nothing(f"{out.name} cannot be written: {error.strerror}", as_json=as_json)
    _tell(found, out, problem, as_json=as_json)
    return COMPLETE if found.complete else TO_FILL_IN


def _nothing(why: str, *, as_json: bool) -> int:
    if as_json:
        _print(json.dumps({"draft": None, "complete": False, "problem": why}, ensure_ascii=False, indent=1))
    else:
        sys.stderr.buffer.write(f"{why}\n".encode())
    return NOTHING


def _tell(found: Draft, out: Path | None, problem: str | None, *, as_json: bool) -> None:
    if as_json:
        keys = {
            key: {"value": guess.value, "evidence": list(guess.evidence), "choices": list(guess.choices)}
            for key, guess in found.findings.keys.items()
        }
        resources = [{"key": each.key, "rows": each.rows, "minutes": each.minutes} for each in found.resources]
        told = {"draft": found.text, "complete": found.complete, "to_fill_in": list(found.untold), "keys": keys}
        _print(json.dumps(told | {"resources": resources}, ensure_ascii=False, indent=1))
        return
    if out is None:
        _print(found.text.rstrip("\n"))
    left = f"To fill in: {', '.join(found.untold)}." if found.untold else "Complete. Try it with: henkham feed check"
    for line in filter(None, (problem, left)):
        sys.stderr.buffer.write(f"{line}\n".encode())


def _print(text: str) -> None:
    # As bytes: a pipe on a machine without a UTF-8 locale would otherwise refuse Vietnamese.
    sys.stdout.buffer.write(f"{text}\n".encode())
    sys.stdout.flush()


def _ours(facility: str | None) -> tuple[list[tuple[str, str]], str | None]:
    """Codes and names of our practitioners and rooms, where a database can be asked; else why not."""
    url = os.environ.get("DATABASE_URL")
    if not url or not facility:
        return [], None
    try:
        return asyncio.run(asyncio.wait_for(_asked(url, facility), _PATIENCE)), None
    except Exception as error:  # noqa: BLE001  whatever is wrong there, the draft goes on without names
        return [], f"The database of DATABASE_URL does not answer: {type(error).__name__}; no names of ours are shown."


async def _asked(url: str, facility: str) -> list[tuple[str, str]]:
    database = Database(url, pool=1, application="henkham-feed-draft")
    try:
        async with database.transaction() as session:
            found: list[tuple[str, str]] = []
            kinds: tuple[type[Practitioner | Room], ...] = (Practitioner, Room)
            for kind in kinds:
                names = select(kind.code, kind.name).join(Facility).where(Facility.code == facility)
                found += [(code, name) for code, name in await session.execute(names)]
            return found
    finally:
        await database.close()
