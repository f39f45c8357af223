"""`henkham feed check` of a TOML file by itself, and of the terms by which our bookings go out."""

import json
import sys
from pathlib import Path

from booking.exchange.errors import FeedError
from scheduler.exports.feed_file import load_any
from scheduler.exports.feed_folder import OUT_ENDING
from scheduler.exports.wording import harmless
from scheduler.outgoing import answers
from scheduler.outgoing.answers import UnreadableAnswers
from scheduler.outgoing.terms import Outgoing
from scheduler.outgoing.terms_file import beside_others, load_terms, terms_beside

SOUND, REFUSALS, UNUSABLE = 0, 1, 2


def is_terms(path: Path) -> bool:
    """Whether a file holds terms of what goes out, by its name."""
    return path.name.endswith(OUT_ENDING)


def check(path: Path, file: Path | None, *, as_json: bool) -> int:
    """Print whether it can be used, and what a file of answers says by it; the exit code of the command."""
    try:
        plain, lines, code = _terms(path, file) if is_terms(path) else _feed(path)
    except FeedError as error:
        plain = {"usable": False, "problems": list(error.problems)}
        lines, code = [f"{path.name} cannot be used:", *(f"  {problem}" for problem in error.problems)], UNUSABLE
    text = json.dumps(plain, ensure_ascii=False, indent=1) if as_json else "\n".join(map(harmless, lines))
    # As bytes: a pipe on a machine without a UTF-8 locale would otherwise refuse Vietnamese.
    sys.stdout.buffer.write(f"{text}\n".encode())
    sys.stdout.flush()
    return code


def _feed(path: Path) -> tuple[dict[str, object], list[str], int]:
    feed = load_any(path)
    if problems := terms_beside(path, feed):
        raise FeedError(problems)
    told = f"{path.name} can be used. What a file would do by it: henkham feed check {path.name} FILE"
    return {"feed": feed.code, "facility": feed.facility, "usable": True}, [told], SOUND


def _terms(path: Path, file: Path | None) -> tuple[dict[str, object], list[str], int]:
    terms = load_terms(path)
    if problems := beside_others(path, terms):
        raise FeedError(problems)
    plain: dict[str, object] = {"feed": terms.code, "facility": terms.facility, "usable": True}
    lines = [f"{path.name} can be used. The next file: henkham feed out {path.name} --dry-run"]
    if file is None:
        return plain, lines, SOUND
    told, said, code = _answers(terms, file)
    return plain | {"answers": told}, lines + said, code


def _answers(terms: Outgoing, file: Path) -> tuple[dict[str, object], list[str], int]:
    """What a file of answers says by the terms; whether it names bookings of ours only the scheduler knows."""
    if terms.answers is None:
        raise FeedError(["answers: is missing: without it no file of answers is read"])
    try:
        found = answers.read(terms.answers, file.read_bytes())
    except (UnreadableAnswers, OSError) as error:
        why = error.strerror or "cannot be opened" if isinstance(error, OSError) else str(error)
        return {"readable": False, "problem": why}, [f"These answers cannot be read: {why}"], UNUSABLE
    refused = sum(not each.accepted for each in found)
    told: dict[str, object] = {"readable": True, "accepted": len(found) - refused, "refused": refused}
    return told, [f"Answers: {len(found) - refused} accepted, {refused} refused."], REFUSALS if refused else SOUND
