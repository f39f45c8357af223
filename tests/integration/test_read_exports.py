"""The drop folder and its job, with real files: the truth closed, each content once, nothing broken stops the rest."""

import asyncio
import csv
import os
import shutil
from pathlib import Path

import pytest

from booking.availability.service import close_slots
from booking.db import Database
from booking.exchange.kinds import FileState, VerdictKind
from booking.exchange.models import Conflict, FeedFile, FeedRow
from scheduler.exports.arrivals import PATIENCE, QUARANTINE, Sights
from scheduler.jobs.read_exports import Memory
from tests.exports import HIS, SHAPES, cells_of, shape, truth, written
from tests.feeds import BY, NOW, Folders, closed_times, names, publish_sample, slot_id
from tests.seeds import rows, value

pytestmark = pytest.mark.anyio
URL = "gnuhealth-url"
SAMPLE = SHAPES[URL]


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders(tmp_path / "feeds")


@pytest.mark.parametrize("name", SHAPES)
async def test_each_shape_closes_exactly_the_true_slots(db: Database, folders: Folders, name: str) -> None:
    await publish_sample(db)
    drop = folders.add(name)
    shutil.copy(HIS / SHAPES[name], drop)
    [outcome] = await folders.look(db)
    assert outcome.applied is not None
    assert outcome.applied.verdict.kind is VerdictKind.APPLY
    assert await closed_times(db) == truth() == await closed_times(db, f"feed:{shape(name)[0].code}")
    assert (names(drop), names(drop / "done")) == ([], [SHAPES[name]])
