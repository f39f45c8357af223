"""Files are put into a hospital's folder whole and over nothing, also where two put at once or one was killed."""

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from asyncssh import SFTPClient

from booking.exchange.kinds import ServerProblem
from scheduler.exports import putting
from scheduler.exports.putting import NameTaken, passing_names, put_whole
from scheduler.exports.sftp import connected
from scheduler.exports.unreached import Unreached
from scheduler.outgoing import delivery
from tests.feeds import names
from tests.hospital_sftp import Hospital, hospital_sftp

pytestmark = pytest.mark.anyio

NAME = "bookings-000001-changes.csv"


@pytest.fixture
async def hospital(tmp_path: Path) -> AsyncIterator[Hospital]:
    async with hospital_sftp(tmp_path / "there") as found:
        yield found


@pytest.fixture
def folder(hospital: Hospital) -> Path:
    return hospital.folder / "out"


async def put(hospital: Hospital, home: Path, data: bytes, name: str = NAME) -> None:
    server = hospital.server(home)
    async with connected(server, home=home) as line:
        await put_whole(line, server, name, data)


def lying(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


async def test_a_file_is_put_whole_and_once_more_changes_nothing(
    hospital: Hospital, folder: Path, tmp_path: Path
) -> None:
    for data in (b"x" * 3_000_001, b""):
        name = f"{len(data)}.csv"
        await put(hospital, tmp_path, data, name)
        before = (folder / name).stat()
        await put(hospital, tmp_path, data, name)  # whoever was killed puts it once more
        assert (folder / name).read_bytes() == data
        assert (folder / name).stat().st_ino == before.st_ino
    assert sorted(lying(folder)) == ["0.csv", "3000001.csv"]


@pytest.mark.parametrize("theirs", [b"theirs", b"NEW", b""])
async def test_what_is_not_ours_is_left_as_it_is(
    hospital: Hospital, folder: Path, tmp_path: Path, theirs: bytes
) -> None:
    (folder / NAME).write_bytes(theirs)
    with pytest.raises(NameTaken):
        await put(hospital, tmp_path, b"new")
    assert lying(folder) == {NAME: theirs}


async def test_a_link_a_folder_and_what_may_not_be_read_are_not_ours(
    hospital: Hospital, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "same").write_bytes(b"new")
    (folder / "link").symlink_to("same")
    (folder / "folder").mkdir()
    (folder / "nowhere").symlink_to("absent")
    for name in ("link", "folder", "nowhere"):
        with pytest.raises(NameTaken):
            await put(hospital, tmp_path, b"new", name)

    async def forbidden(*_: object) -> bytes:
        raise asyncssh.SFTPPermissionDenied("no")

    monkeypatch.setattr(putting, "_read", forbidden)
    with pytest.raises(NameTaken):
        await put(hospital, tmp_path, b"new", "same")
    assert names(folder) == ["link", "nowhere", "same"]


async def test_over_a_file_that_comes_meanwhile_nothing_is_renamed(
    hospital: Hospital, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: the rename of POSIX, which was used before, goes over it."""
    rename = SFTPClient.rename

    async def late(self: SFTPClient, old: Any, new: Any) -> None:
        (folder / NAME).write_bytes(b"theirs")
        await rename(self, old, new)

    with monkeypatch.context() as patch:
        patch.setattr(SFTPClient, "rename", late)
        with pytest.raises(NameTaken):
            await put(hospital, tmp_path, b"new")
        assert lying(folder) == {NAME: b"theirs"}
    (folder / NAME).unlink()

    async def over(self: SFTPClient, old: Any, new: Any) -> None:
        (folder / NAME).write_bytes(b"theirs")
        await self.posix_rename(old, new)

    monkeypatch.setattr(SFTPClient, "rename", over)
    await put(hospital, tmp_path, b"new")
    assert lying(folder) == {NAME: b"new"}


async def test_what_one_who_was_killed_left_is_in_nobodys_way(hospital: Hospital, folder: Path, tmp_path: Path) -> None:
    first, second, third = passing_names(NAME)
    (folder / first).symlink_to(tmp_path / "elsewhere")
    (folder / second).write_bytes(b"ne")
    await put(hospital, tmp_path, b"new")
    assert lying(folder) == {NAME: b"new"}
    (folder / NAME).unlink()
    for name in (first, second, third):
        (folder / name).write_bytes(b"n")
    await put(hospital, tmp_path, b"newer")
    assert lying(folder) == {NAME: b"newer"}
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("way", ["line", "folder"])
async def test_of_two_who_put_one_file_at_once_neither_shows_half_of_it(
    hospital: Hospital, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """The second comes while the first has written and not yet named; it finishes first and tidies up."""
    data, seen = b"x" * 100_000, list[dict[str, int]]()
    if way == "line":
        written = putting._written

        async def slow(line: Any, path: bytes, file: Any, content: bytes) -> None:
            await written(line, path, file, content)
            monkeypatch.setattr(putting, "_written", written)
            await put(hospital, tmp_path, data)
            seen.append({name: len(content) for name, content in lying(folder).items()})

        monkeypatch.setattr(putting, "_written", slow)
        await put(hospital, tmp_path, data)
    else:
        sync = os.fsync

        def slow_disk(handle: int) -> None:
            sync(handle)
            monkeypatch.setattr(os, "fsync", sync)
            delivery.lay(folder, NAME, data)
            seen.append({name: len(content) for name, content in lying(folder).items()})

        monkeypatch.setattr(os, "fsync", slow_disk)
        delivery.lay(folder, NAME, data)
    assert seen == [{NAME: len(data)}]
    assert lying(folder) == {NAME: data}


async def test_what_is_refused_leaves_nothing(hospital: Hospital, folder: Path, tmp_path: Path) -> None:
    hospital.faults.refuse_rename = True
    with pytest.raises(Unreached) as caught:
        await put(hospital, tmp_path, b"new")
    assert caught.value.problem is ServerProblem.NOT_ALLOWED
    assert lying(folder) == {}
