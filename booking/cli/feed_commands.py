"""`henkham feed ...`: connecting a hospital's software. Each command loads only what it needs."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

feed_app = typer.Typer(
    help="Hospital exports: propose a feed, and try it on a file before it is used.", no_args_is_help=True
)


@feed_app.command("check")
def feed_check(
    feed: Annotated[
        Path,
        typer.Argument(metavar="FEED.toml", help="The feed, or NAME.out.toml: docs/feeds.md explains every key."),
    ],
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="An export of the hospital's software; with NAME.out.toml its answers."),
    ] = None,
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="For machines; with the closed times of each resource.")
    ] = False,
    today: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="The day a moving coverage is counted from; else today."
        ),
    ] = None,
) -> None:
    """Say what a file would do by a feed, and apply nothing. Where DATABASE_URL is set, the calendar is asked too.

    Without FILE only the feed is checked. NAME.out.toml is checked beside the feeds and other terms of its folder.
    Exit code 0: it would be applied. 1: a guard would hold it, wholly or in part. 2: the feed or the file cannot be
    read.
    """
    from booking.cli import feed as checking
    from booking.cli import feed_alone

    if file is None or feed_alone.is_terms(feed):
        raise typer.Exit(feed_alone.check(feed, file, as_json=as_json))
    raise typer.Exit(checking.check(feed, file, as_json=as_json, today=today.date() if today else None))


@feed_app.command("draft")
def feed_draft(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An export of the hospital's software.")],
    *,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", metavar="FEED.toml", help="Where to; else printed.")
    ] = None,
    code: Annotated[str | None, typer.Option(help="Name of the feed.")] = None,
    facility: Annotated[str | None, typer.Option(help="Our code of the facility, such as BVVT.")] = None,
    zone: Annotated[str | None, typer.Option(help="Zone of the times, where you know it.")] = None,
    absence: Annotated[
        str | None, typer.Option(help="busy_list, change_feed, full_snapshot or free_list, where you know it.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Propose a feed from a file, with the evidence of each guess and what the file does not tell.

    Where DATABASE_URL is set and the facility is named, our practitioners and rooms of like names are shown. No
    value of a patient is printed. Exit code 0: complete. 1: something is to be filled in. 2: nothing can be proposed.
    """
    from booking.cli import feed_draft as drafting

    known = {"code": code, "facility": facility, "times.zone": zone, "absence.meaning": absence}
    said = {key: value for key, value in known.items() if value is not None}
    raise typer.Exit(drafting.run(file, out=out, said=said, as_json=as_json))


@feed_app.command("fetch")
def feed_fetch(
    feed: Annotated[Path, typer.Argument(metavar="FEED.toml", help="A feed with [source.sftp] or [source.https].")],
    *,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", metavar="FILE", help="Where to put the newest file, for feed check.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Try the server of a feed and say what is wrong. Nothing there is moved or deleted, nothing here is applied.

    Exit code 0: something was fetched. 1: the server was reached, and there is nothing to fetch, or something is odd.
    2: the feed cannot be used or the server was not reached.
    """
    from booking.cli import feed_fetch as fetching

    raise typer.Exit(fetching.fetch(feed, out=out, as_json=as_json))


@feed_app.command("schema")
def feed_schema(
    *,
    out: Annotated[bool, typer.Option("--out", help="Of NAME.out.toml, by which our bookings go out.")] = False,
) -> None:
    """Print the JSON schema of feeds, for editors that know TOML. It is what docs/feed.schema.json holds.

    With --out that of terms by which our bookings go out: docs/out.schema.json.
    """
    from booking.cli import feed_schema as telling

    telling.run(out=out)


@feed_app.command("out")
def feed_out(
    terms: Annotated[
        Path, typer.Argument(metavar="TERMS.out.toml", help="What the hospital is told: docs/feeds.md explains it.")
    ],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say that nothing is to be written; needed.")] = False,
    full: Annotated[bool, typer.Option("--full", help="The whole file instead of the changes.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For machines; without the file itself.")] = False,
    out: Annotated[Path | None, typer.Option("-o", "--out", metavar="FILE", help="Where to; else printed.")] = None,
    today: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="The day windows are counted from; else today."),
    ] = None,
) -> None:
    """Print the file that a hospital's software would be handed now; the scheduler alone hands files over.

    DATABASE_URL is needed; where the terms tell of persons, the scheduler's settings too. Exit code 0: there is
    something to tell. 1: there is nothing. 2: the terms or the database cannot be used.
    """
    from booking.cli import feed_out as telling

    if not dry_run:
        raise typer.BadParameter("files are handed over by the scheduler alone: say --dry-run to see the next one")
    raise typer.Exit(telling.run(terms, full=full, as_json=as_json, out=out, today=today.date() if today else None))


@feed_app.command("end")
def feed_end(feed: Annotated[str, typer.Argument(metavar="CODE", help="The feed's `code`.")]) -> None:
    """Say that a feed is over, whose file was taken out of the folder: nobody waits for a file of it any more.

    What it closed stays closed. DATABASE_URL is needed. Exit code 0: it is over. 2: it cannot be ended.
    """
    from booking.cli import feed_end as ending

    raise typer.Exit(ending.run(feed))
