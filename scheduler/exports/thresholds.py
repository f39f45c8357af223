"""What a feed says of sizes and shares: how large a file may be, and when a guard speaks."""

from typing import Annotated

from pydantic import Field

from booking.exchange.guarding import Thresholds
from scheduler.exports.parts import Part

Share = Annotated[float, Field(ge=0, le=1, strict=False)]


class Limits(Part):
    """Beyond these a file is not read: it is not what the feed describes."""

    megabytes: Annotated[int, Field(ge=1, le=1000)] = 64
    rows: Annotated[int, Field(ge=1, le=5_000_000)] = 200_000
    line_characters: Annotated[int, Field(ge=100, le=10_000_000)] = 200_000
    field_characters: Annotated[int, Field(ge=100, le=131_072)] = 50_000


class Guards(Part):
    """Shares (0 to 1) above which a guard speaks, and what is too little to speak about."""

    shrink: Share = 0.2
    refused: Share = 0.05
    unmapped: Share = 0.05
    outside_period: Share = 0.5
    outside_hours: Share = 0.3
    without_resource: Share = 0.05
    without_start: Share = 0.05
    bad_ends: Share = 0.05
    worse: Share = 0.02
    full_day: Annotated[int, Field(ge=1, le=100_000)] = 5
    full_resource: Annotated[int, Field(ge=1, le=100_000)] = 5
    ends_early: Annotated[int, Field(ge=0, le=366)] = 366
    openings: Share = 0.5
    closings: Share = 0.75
    few_slots: Annotated[int, Field(ge=1, le=100_000)] = 10

    def thresholds(self) -> Thresholds:
        """As the rules take them."""
        return Thresholds(**self.model_dump())
