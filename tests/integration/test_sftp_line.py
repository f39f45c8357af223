"""A line to an SFTP server: known by its host key or not spoken to, wrong secrets told apart."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from booking.exchange.kinds import ServerProblem
from scheduler.exports import host_keys, sftp
from scheduler.exports.servers import SftpServer
from scheduler.exports.sftp import connected
from scheduler.exports.unreached import Unreached
from tests.hospital_sftp import Hospital, hospital_sftp, key

pytestmark = pytest.mark.anyio


@pytest.fixture
async def hospital(tmp_path: Path) -> AsyncIterator[Hospital]:
    async with hospital_sftp(tmp_path / "there") as found:
        yield found


async def problem(server: SftpServer, home: Path) -> Unreached:
    with pytest.raises(Unreached) as caught:
        async with connected(server, home=home):
            pass
    return caught.value


async def test_another_host_key_is_refused_before_any_secret_is_sent(
    hospital: Hospital, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = key("another")
    server = hospital.server(tmp_path, host_keys=(other.get_fingerprint(),))
    found = await problem(server, tmp_path)
    assert found.problem is ServerProblem.HOST_KEY_CHANGED
    assert found.facts["shown"] == hospital.host_key.get_fingerprint()
    assert found.facts["expected"] == other.get_fingerprint()
    # The control: with the look at the key taken away, any server is believed.
    monkeypatch.setattr(host_keys, "is_ours", lambda *_: True)
    async with connected(server, home=tmp_path):
        pass


async def test_the_right_key_is_asked_for_where_a_server_has_several(tmp_path: Path) -> None:
    kinds = ("ssh-rsa", "ecdsa-sha2-nistp256", "ssh-ed25519")
    async with hospital_sftp(tmp_path / "there", host_keys=kinds) as hospital:
        for kind in kinds:
            mine = key("host", kind)
            whole = mine.export_public_key().decode().strip()
            known = tmp_path / "known_hosts"
            known.write_text(f"[127.0.0.1]:{hospital.port} {whole}\n")
            for named in ({"host_keys": (mine.get_fingerprint(),)}, {"host_keys": (whole,)},
                          {"host_keys": (), "known_hosts": "known_hosts"}):  # fmt: skip
                async with connected(hospital.server(tmp_path, **named), home=tmp_path) as line:
                    assert line.shown == mine.get_fingerprint()


async def test_a_file_of_known_hosts_that_does_not_know_this_one(hospital: Hospital, tmp_path: Path) -> None:
    (tmp_path / "known_hosts").write_text(f"elsewhere {hospital.host_key.export_public_key().decode()}")
    server = hospital.server(tmp_path, host_keys=(), known_hosts="known_hosts")
    assert (await problem(server, tmp_path)).problem is ServerProblem.HOST_KEY_UNKNOWN


async def test_keys_and_passwords_come_from_files(hospital: Hospital, tmp_path: Path) -> None:
    key("client").write_private_key(str(tmp_path / "open"))
    (tmp_path / "locked").write_bytes(key("client").export_private_key("pkcs8-pem", "a passphrase"))
    (tmp_path / "words").write_text("a passphrase\n")
    server = hospital.server(tmp_path, password_file=None, key_file="open")
    async with connected(server, home=tmp_path):
        pass
    locked = server.model_copy(update={"key_file": "locked"})
    found = await problem(locked, tmp_path)
    assert (found.problem, found.facts["file"]) == (ServerProblem.NO_SECRET, "locked")
    async with connected(locked.model_copy(update={"key_passphrase_file": "words"}), home=tmp_path):
        pass
    for name, text in (("password", "wrong"), ("password", "\n"), ("open", "no key")):
        (tmp_path / name).write_text(text)
    assert (await problem(server, tmp_path)).problem is ServerProblem.NO_SECRET


async def test_each_way_not_to_get_in_is_told_apart(hospital: Hospital, tmp_path: Path) -> None:
    server = hospital.server(tmp_path)
    (tmp_path / "password").write_text("wrong")
    found = await problem(server, tmp_path)
    assert found.problem is ServerProblem.LOGIN_REFUSED
    assert "wrong" not in repr(found.facts) + str(found)
    for changed, expected in (
        ({"port": 1}, ServerProblem.REFUSED),
        ({"password_file": "absent"}, ServerProblem.NO_SECRET),
    ):
        assert (await problem(server.model_copy(update=changed), tmp_path)).problem is expected


async def test_what_is_no_ssh_server_is_left(
    hospital: Hospital, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = asyncio.Event()

    async def silent(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await over.wait()
        writer.close()

    async def web(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 999)
        writer.close()

    async def endless(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while not writer.is_closing():
                writer.write(b"welcome\r\n" * 9_999)
                await writer.drain()
        writer.close()

    monkeypatch.setattr(sftp, "CONNECT", 0.5)
    expected = {ServerProblem.TIMED_OUT, ServerProblem.BROKEN_OFF, ServerProblem.ODD_ANSWER}
    for behaviour in (silent, web, endless):
        server = await asyncio.start_server(behaviour, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        assert (await problem(hospital.server(tmp_path, port=port), tmp_path)).problem in expected, behaviour
        server.close()
    over.set()
