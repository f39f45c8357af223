"""The sample export of the demo: placeholder until the feed of the sample hospital is written."""

from datetime import date
from pathlib import Path


def write(feeds: Path, drop: Path, *, today: date) -> None:
    """Put feed and export in place."""
