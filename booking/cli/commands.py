"""What `henkham` can do, on one screen. Each command loads only what it needs."""

from pathlib import Path
from typing import Annotated

import typer

from booking.access.kinds import Role
from booking.cli.feed_commands import feed_app
from booking.cli.place_commands import places_app
from booking.cli.terminal import settings_or_exit
from booking.directory.kinds import WordKind

app = typer.Typer(
    help="Hẹn Khám: appointment booking for the public health facilities of Vũng Tàu.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # a traceback with local variables would print personal data
)
app.add_typer(feed_app, name="feed")
staff_app = typer.Typer(
    help="Accounts of those who work here; everything else about them is done on their pages.", no_args_is_help=True
)
app.add_typer(staff_app, name="staff")
audit_app = typer.Typer(help="The audit: whether it is as it was written.", no_args_is_help=True)
app.add_typer(audit_app, name="audit")
keys_app = typer.Typer(help="The keys of encrypted columns: in use, and exchanged.", no_args_is_help=True)
app.add_typer(keys_app, name="keys")
queue_app = typer.Typer(help="The queue: what its rule makes of a day.", no_args_is_help=True)
app.add_typer(queue_app, name="queue")
sms_app = typer.Typer(help="SMS: whether they go, and a storm against a sample carrier.", no_args_is_help=True)
app.add_typer(sms_app, name="sms")
words_app = typer.Typer(
    help="The plain words that search understands, and the words of an emergency.", no_args_is_help=True
)
app.add_typer(words_app, name="words")
app.add_typer(places_app, name="places")

Kind = Annotated[
    WordKind,
    typer.Argument(
        help="emergency: leads to 115. service: suggests one. paper: explains one. same: another word. "
        "nothing: hides shorter words in it."
    ),
]
Words = Annotated[str, typer.Argument(metavar="PHRASE", help="As people type it, with its accents.")]

Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int, typer.Option(help="Port to listen on.", min=0, max=65535)]


@app.command()
def demo(
    host: Host = "127.0.0.1",
    port: Annotated[
        int | None, typer.Option(help="Port of the pages; without it the first free one from 8000.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Folder of the demo's database; without it one beside the code.")
    ] = None,
    *,
    reset: Annotated[bool, typer.Option("--reset", help="Begin again with fresh sample data.")] = False,
) -> None:
    """Run everything on this machine with sample data: database, pages, API, scheduler, an SMS inbox.

    No SMS leaves the machine. Ctrl-C stops everything; the next start goes on with the same data.
    """
    from booking.cli import demo as running

    running.run(host=host, port=port, data=data, reset=reset)


@app.command()
def serve(
    host: Host = "127.0.0.1",
    port: Port = 8000,
    workers: Annotated[int, typer.Option(help="Web processes.", min=1, max=64)] = 1,
) -> None:
    """Run the web server: pages and API. Needs DATABASE_URL and the other settings of docs/operations.md."""
    settings = settings_or_exit()
    from booking.cli import serving

    serving.run(settings, host=host, port=port, workers=workers)


@app.command("serve-demo", hidden=True)
def serve_demo(socket: Annotated[int, typer.Option(help="A listening socket that was inherited.")]) -> None:
    """The demo's web server, started by `henkham demo`."""
    settings_or_exit()
    from booking.cli import serving

    serving.run_on(socket, "booking.cli.demo:application")


@app.command()
def scheduler() -> None:
    """Run the scheduler: SMS, reminders, slots, hospital exports. Several may run; each row is done once."""
    settings = settings_or_exit()
    from scheduler.__main__ import main

    main(settings)


@app.command()
def migrate(
    *,
    seed: Annotated[
        bool, typer.Option("--seed", help="Also add the city's facilities, services and holidays where missing.")
    ] = False,
    grant: Annotated[
        bool, typer.Option("--grant", help="Also give the roles of deploy/postgresql/roles.sql what each may do.")
    ] = False,
) -> None:
    """Bring the database's schema up to date. Safe to run twice, and by several at once."""
    settings = settings_or_exit()
    from booking.cli import migrating

    migrating.run(settings, seed=seed, grant=grant)


@app.command()
def check() -> None:
    """Say whether a process would start with these settings, and whether the database answers. Changes nothing.

    Exit code 78: a setting is at fault. 1: the database does not answer. 3: its schema is older than this version.
    """
    settings = settings_or_exit()
    from booking.cli import checking

    raise typer.Exit(checking.run(settings))


@keys_app.command("status")
def keys_status() -> None:
    """Say how many values are sealed under which key. Exit code 1: some under an earlier one."""
    settings = settings_or_exit()
    from booking.cli import keys

    raise typer.Exit(keys.status(settings))


@keys_app.command("rotate")
def keys_rotate() -> None:
    """Seal every encrypted value under the current key, while the service runs; may be stopped and begun again.

    Exit code 1: somebody held a row, run it again. 2: a value is under a key that is not given.
    """
    settings = settings_or_exit()
    from booking.cli import keys

    raise typer.Exit(keys.rotate(settings))


@app.command("after-restore")
def after_restore() -> None:
    """Tell the scheduler that the database was put back: no SMS that went meanwhile goes again.

    deploy/backup/restore.sh runs it, before the service starts.
    """
    settings = settings_or_exit()
    from booking.cli import restoring

    restoring.run(settings)


@app.command()
def publish(
    facility: Annotated[
        str | None, typer.Option(metavar="CODE", help="Only this facility, such as BVVT; else all.")
    ] = None,
    days: Annotated[
        int | None, typer.Option(metavar="N", help="How far ahead; else HENKHAM_HORIZON_DAYS.", min=1, max=365)
    ] = None,
) -> None:
    """Make the slots of the coming days from timetable and calendar, now rather than within the hour.

    Close those that are planned no longer, or that a hospital's export has taken. Safe to run twice, and beside the
    scheduler. Exit code 2: there is no such facility.
    """
    settings = settings_or_exit()
    from booking.cli import publishing

    raise typer.Exit(publishing.run(settings, facility=facility, days=days))


@staff_app.command("add")
def staff_add(
    username: Annotated[str, typer.Argument(metavar="USER", help="3 to 40 small letters, digits, dots or dashes.")],
    name: Annotated[str, typer.Option(help="The name colleagues know this person by.")],
    role: Annotated[Role, typer.Option(help="What the person works as.")],
    facility: Annotated[
        list[str] | None, typer.Option(metavar="CODE", help="Where; may be given several times. None for the city's.")
    ] = None,
    practitioner: Annotated[str | None, typer.Option(metavar="FACILITY/CODE", help="Who a doctor is.")] = None,
) -> None:
    """Make an account and print its first password, which must be changed at the first use.

    Exit code 2: it was refused, and nothing was written.
    """
    settings = settings_or_exit()
    from booking.access.commands import AddStaff
    from booking.cli import staff

    command = AddStaff(
        username=username, name=name, role=role, facilities=tuple(facility or ()), practitioner=practitioner
    )
    raise typer.Exit(staff.add(settings, command))


@staff_app.command("list")
def staff_list() -> None:
    """List all accounts with role and state."""
    settings = settings_or_exit()
    from booking.cli import staff

    raise typer.Exit(staff.show(settings))


@staff_app.command("reset")
def staff_reset(username: Annotated[str, typer.Argument(metavar="USER")]) -> None:
    """Give somebody a new first password and take the authenticator away, for whoever lost hers."""
    settings = settings_or_exit()
    from booking.cli import staff

    raise typer.Exit(staff.reset(settings, username))


@audit_app.command("verify")
def audit_verify() -> None:
    """Compute every seal of the audit anew. Exit code 1: something was changed, removed or added."""
    settings = settings_or_exit()
    from booking.cli import audit

    raise typer.Exit(audit.verify(settings))


@queue_app.command("simulate")
def queue_simulate(
    patients: Annotated[int, typer.Option(help="Expected on the day.", min=1, max=5000)] = 300,
    rooms: Annotated[int, typer.Option(help="Rooms that call from one line.", min=1, max=100)] = 6,
    seed: Annotated[int, typer.Option(help="The same one makes the same day.")] = 1,
    ageing: Annotated[
        int,
        typer.Option(help="Minutes after which priority passes nobody; try others.", min=0, max=1440),
    ] = 45,
) -> None:
    """Print who would wait how long on such a day. Needs no database. Exit code 1: somebody was left behind."""
    from booking.cli import queue_day

    raise typer.Exit(queue_day.run(patients=patients, rooms=rooms, seed=seed, ageing=ageing))


@words_app.command("list")
def words_list(
    kind: Annotated[WordKind | None, typer.Option(help="Only words of this kind.")] = None,
    containing: Annotated[str | None, typer.Option(metavar="TEXT", help="Only phrases with this text.")] = None,
) -> None:
    """Print kind, phrase and target of each word, with tabs between. Exit code 1: there is none."""
    settings = settings_or_exit()
    from booking.cli import words

    raise typer.Exit(words.show(settings, kind=kind, containing=containing))


@words_app.command("add")
def words_add(
    kind: Kind,
    phrase: Words,
    target: Annotated[
        str,
        typer.Argument(help="A service's code; referral, reexam_slip or insurance_card; or the other word."),
    ] = "",
) -> None:
    """Let a phrase lead somewhere. Search knows it at once. Exit code 1: it did already. 2: it cannot."""
    settings = settings_or_exit()
    from booking.cli import words

    raise typer.Exit(words.add(settings, kind=kind, words=phrase, target=target))


@words_app.command("remove")
def words_remove(
    kind: Kind,
    phrase: Words,
    target: Annotated[str | None, typer.Argument(help="Only this target; else all of the phrase.")] = None,
) -> None:
    """Let a phrase lead nowhere any more; seeding does not bring it back. Exit code 1: it led nowhere."""
    settings = settings_or_exit()
    from booking.cli import words

    raise typer.Exit(words.remove(settings, kind=kind, words=phrase, target=target))


@sms_app.command("standing")
def sms_standing() -> None:
    """Say whether SMS about visits go, or why they wait. Exit code 1: they wait."""
    settings = settings_or_exit()
    from booking.cli import sms

    raise typer.Exit(sms.show(settings))


@sms_app.command("texts")
def sms_texts() -> None:
    """Every text with its name, as carriers register it. Exit code 1: some may not go yet."""
    settings = settings_or_exit()
    from booking.cli import sms

    raise typer.Exit(sms.words(settings))


@sms_app.command("resume")
def sms_resume() -> None:
    """Let SMS go on at once: after a repair of the configuration, or in spite of budget and breaker, until midnight."""
    settings = settings_or_exit()
    from booking.cli import sms

    raise typer.Exit(sms.resume(settings))


@sms_app.command("simulate")
def sms_simulate(
    messages: Annotated[
        int,
        typer.Option(help="Texts, half of them due at one moment, the others within a minute.", min=1, max=1_000_000),
    ] = 5_000,
    per_second: Annotated[int, typer.Option(help="What the sample carrier takes.", min=2, max=1_000)] = 200,
    kills: Annotated[int, typer.Option(help="How many times a scheduler is killed with -9.", min=0)] = 0,
    *,
    full: Annotated[bool, typer.Option("--full", help="50,000 texts.")] = False,
) -> None:
    """Run a storm of texts on this machine, against a sample carrier, and print the figures.

    It makes a database of its own, reads no setting and sends nothing to anybody. Exit code 1: one was lost or doubled.
    """
    from booking.cli import sms
    from booking.cli.sms_storm import Storm, reminders_go

    number, most = 50_000 if full else messages, max(1, per_second * 9 // 10)
    storm = Storm(number, per_second, most, kills=kills, reminders=reminders_go(number / most))
    raise typer.Exit(sms.simulate(storm))
