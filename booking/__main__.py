"""The `henkham` command: `python -m booking` is the same."""

from booking.cli.commands import app


def main() -> None:
    """Run the command line."""
    app(prog_name="henkham")


if __name__ == "__main__":
    main()
