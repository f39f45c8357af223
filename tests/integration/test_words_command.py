"""`henkham words`: the table of plain words by hand; what was removed stays removed when seeding comes again."""

import asyncio

import pytest

from booking.cli import words
from booking.clock import utc_now
from booking.db import Database
from booking.directory.kinds import WordKind
from booking.directory.seed_words import plain_words
from booking.directory.seeding import seed_directory
from booking.settings import Settings
from tests.seeds import rows

pytestmark = pytest.mark.postgres15
EMERGENCY, SERVICE = WordKind.EMERGENCY, WordKind.SERVICE


def seeded(settings: Settings) -> None:
    async def go() -> None:
        db = Database(settings.database_url, pool=1)
        async with db.transaction() as session:
            await seed_directory(session, utc_now())
        await db.close()

    asyncio.run(go())


def audited(settings: Settings) -> list[str]:
    async def go() -> list[str]:
        db = Database(settings.database_url, pool=1)
        found = await rows(db, "SELECT action FROM audit_event WHERE object_kind = 'search_word' ORDER BY id")
        await db.close()
        return [row["action"] for row in found]

    return asyncio.run(go())


def listed(settings: Settings, capsys: pytest.CaptureFixture[str], containing: str = "") -> list[str]:
    capsys.readouterr()
    words.show(settings, kind=None, containing=containing)
    return capsys.readouterr().out.splitlines()


def test_words_are_added_removed_and_stay_removed(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    seeded(settings)
    everything = listed(settings, capsys)
    assert len(everything) == len(plain_words().rows())
    assert "emergency\tco giật" in everything
    assert words.add(settings, kind=SERVICE, words="  Ấm   ĐẦU ", target="kham-nhi") == words.DONE
    assert words.add(settings, kind=SERVICE, words="ấm đầu", target="kham-nhi") == words.NOTHING_CHANGED
    assert words.remove(settings, kind=EMERGENCY, words="Co giật", target=None) == words.DONE
    assert words.remove(settings, kind=EMERGENCY, words="Co giật", target=None) == words.NOTHING_CHANGED
    assert words.remove(settings, kind=SERVICE, words="sốt", target="kham-nhi") == words.DONE
    seeded(settings)
    assert listed(settings, capsys, "co giật") == []
    assert listed(settings, capsys, "ẤM đầu") == ["service\tấm đầu\tkham-nhi"]
    left = [line for line in listed(settings, capsys, "sốt") if line.startswith("service\tsốt\t")]
    assert left == ["service\tsốt\tkham-tong-quat", "service\tsốt\tkham-noi-tong-quat"]
    assert words.add(settings, kind=EMERGENCY, words="co giật", target="") == words.DONE
    assert listed(settings, capsys, "co giật") == ["emergency\tco giật"]
    assert audited(settings) == [f"directory.word_{verb}" for verb in ("add", "remove", "remove", "add")]


@pytest.mark.parametrize(
    ("kind", "phrase", "target", "why"),
    [
        (SERVICE, "ấm đầu", "khong-co", "no facility has a service khong-co"),
        (SERVICE, "ấm đầu", "", "need a target"),
        (EMERGENCY, "!!!", "", "at least one word"),
        (WordKind.PAPER, "ấm đầu", "kham-nhi", "no such paper"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_changes(
    settings: Settings, capsys: pytest.CaptureFixture[str], kind: WordKind, phrase: str, target: str, why: str
) -> None:
    assert words.add(settings, kind=kind, words=phrase, target=target) == words.REFUSED
    assert why in capsys.readouterr().err
    assert words.remove(settings, kind=kind, words="!!!", target=None) == words.REFUSED
    assert listed(settings, capsys) == []
    assert audited(settings) == []
