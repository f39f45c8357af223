"""`henkham places` as the terminal sees it; a part of `commands`."""

from typing import Annotated

import typer

from booking.cli.terminal import settings_or_exit

places_app = typer.Typer(help="Where the facilities stand: unknown until somebody enters it.", no_args_is_help=True)


@places_app.command("list")
def places_list(
    *, missing: Annotated[bool, typer.Option("--missing", help="Only those nobody has entered yet.")] = False
) -> None:
    """Print code, position and name of each facility, with tabs between. Exit code 1: there is none."""
    settings = settings_or_exit()
    from booking.cli import places

    raise typer.Exit(places.show(settings, missing=missing))


@places_app.command("locate")
def places_locate(
    facility: Annotated[str, typer.Argument(help="Its code.")],
    latitude: Annotated[float, typer.Argument(help="Degrees north, such as 10.351234.")],
    longitude: Annotated[float, typer.Argument(help="Degrees east, such as 107.081234.")],
) -> None:
    """Enter where a facility stands, once it is confirmed. Exit code 1: it was so already. 2: it cannot be."""
    settings = settings_or_exit()
    from booking.cli import places

    raise typer.Exit(places.locate(settings, facility=facility, latitude=latitude, longitude=longitude))


@places_app.command("forget")
def places_forget(facility: Annotated[str, typer.Argument(help="Its code.")]) -> None:
    """Take a wrong position away. Exit code 1: it was unknown. 2: there is no such facility."""
    settings = settings_or_exit()
    from booking.cli import places

    raise typer.Exit(places.forget(settings, facility=facility))
