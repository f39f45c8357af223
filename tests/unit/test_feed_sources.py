"""`[source.sftp]` and `[source.https]`: every mistake named by its key; how a file there stands, by what is known."""

from datetime import timedelta
from typing import Any

import pytest

from booking.exchange.errors import FeedError
from booking.exchange.fetching import pause
from booking.exchange.kinds import ServerProblem
from scheduler.exports.fetching.landing import may_land
from scheduler.exports.fetching.remote_folder import Entry, standing
from scheduler.exports.parts import definition_of
from scheduler.exports.servers import SftpServer
from scheduler.exports.sources import HttpsSource, SftpSource, name_in_pattern
from scheduler.exports.unreached import is_forbidden
from tests.exports import small
from tests.fetching import SOURCE, fetched
from tests.hospital_sftp import key

PRINT = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"
SFTP = {"host": "his.example", "user": "u", "key_file": "k", "host_keys": (PRINT,)}


def problems(lines: str) -> str:
    with pytest.raises(FeedError) as caught:
        fetched(lines)
    return str(caught.value)


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ('[source.sftp]\nhots = "x"', "source.sftp.hots: 'hots' is not known; did you mean 'host'?"),
        ('[source.sftp]\nuser = "u"', "source.sftp.host: is missing"),
        ('[source.sftp]\nhost = "sftp://x/y"\nuser = "u"', "source.sftp.host: is the name of the server alone"),
        ('[source.sftp]\nhost = "x y"\nuser = "u"', "source.sftp.host: is no name of a server"),
        ('[source.sftp]\nhost = "x"\nuser = "u"', "source.sftp.key_file: is missing"),
        ('[source.sftp]\nhost = "x"\nuser = "u"', "source.sftp.host_keys: is missing"),
        ('[source.sftp]\nhost = "x"\nuser = "u"\nhost_keys = "SHA256:abc"', "is no whole fingerprint"),
        ('[source.sftp]\nhost = "x"\nuser = "u"\nhost_keys = "ssh-rsa AAAA"', "is no whole public key"),
        ('[source.sftp]\nhost = "x"\nuser = "u"\nhost_keys = "md5"', "is neither a fingerprint"),
        ('[source.sftp]\nhost = "x"\nuser = "u"\nafterwards = "mvoe"', "did you mean 'move'?"),
        ('[source.sftp]\nhost = "x"\nuser = "u"\nport = 0', "source.sftp.port: "),
        ("every_mintues = 5", "source.every_mintues: 'every_mintues' is not known; did you mean 'every_minutes'?"),
        ('[source.https]\nurl = "http://x/"', "source.https.url: must begin with https://"),
        ('[source.https]\nurl = "https://u:p@x/"', "source.https.url: holds a user or a password"),
        ('[source.https]\nurl = "https://x/a b"', "source.https.url: holds signs"),
        ('[source.https]\nurl = "https:///x"', "source.https.url: "),
        ('[source.https]\nurl = "https://x/"\nuser = "u"', "password_file: user and password_file go together"),
        ('pattern = "a?.csv"\n[source.https]\nurl = "https://x/"', "source.pattern: may hold * only"),
    ],
)  # fmt: skip
def test_each_mistake_is_named_by_its_key(lines: str, told: str) -> None:
    assert told in problems(lines)


def test_what_is_fetched_needs_a_folder_and_one_way() -> None:
    with pytest.raises(FeedError, match=r"source.folder: is missing"):
        small((SOURCE, f'{SOURCE}\n[source.https]\nurl = "https://x/"'))
    sftp = f'[source.sftp]\nhost = "x"\nuser = "u"\nkey_file = "k"\nhost_keys = "{PRINT}"'
    both = f'[source.https]\nurl = "https://x/"\n{sftp}'
    assert "source.https: give either sftp or https" in problems(both)


def test_whole_public_keys_are_taken() -> None:
    for kind in ("ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256"):
        line = key("host", kind).export_public_key().decode().strip()
        assert SftpServer.model_validate(SFTP | {"host_keys": line}).host_keys == (line,)


def test_addresses_for_people_hold_no_secret() -> None:
    assert SftpSource.model_validate(SFTP | {"port": 2222, "folder": "/out"}).place == "sftp://his.example:2222/out"
    assert HttpsSource(url="https://his.example:8443/export?key=secret").place == "https://his.example:8443/export"


@pytest.mark.parametrize("folder", ["../x", "a/b", "..", ".", "a\n"])
def test_the_folder_of_taken_files_is_inside(folder: str) -> None:
    with pytest.raises(ValueError, match="taken_folder"):
        SftpSource.model_validate(SFTP | {"taken_folder": folder})


def test_a_name_of_ours_fits_the_pattern() -> None:
    assert name_in_pattern("*.csv", "x") == "x.csv"
    assert name_in_pattern("export.csv", "x") == "export.csv"
    assert name_in_pattern("a*b*.csv", "x") == "axb.csv"
    assert name_in_pattern("a[0-9].csv", "x") is None
    assert name_in_pattern("../*.csv", "x") is None


@pytest.mark.parametrize(
    "name", ["", ".", "..", ".hidden.csv", "a/b", "a\\b", "done", "held", "quarantine", "a\nb", "a.part", "a.done",
             "\x1b[2J", "\udcff.csv", "n" * 181]
)  # fmt: skip
def test_names_that_may_not_land(name: str) -> None:
    assert not may_land(name)
    assert may_land("lịch hẹn 23.11.csv")


KNOWN: dict[str, Any] = {"taken": {"a": [1, 100]}, "newest": 100, "seen": {"b": [5, 100], "c": [5, 101]}}


@pytest.mark.parametrize(
    ("entry", "complete", "marked", "expected"),
    [
        (Entry("a", 1, 100), "unchanged", False, "done"),
        (Entry("a", 2, 100), "unchanged", False, "waiting"),
        (Entry("b", 5, 100), "unchanged", False, "new"),
        (Entry("b", 6, 100), "unchanged", False, "waiting"),
        (Entry("b", 6, 100), "unchanged", True, "new"),
        (Entry("b", 6, 100), "renamed", False, "new"),
        (Entry("b", 5, 100), "marker", False, "waiting"),
        (Entry("z", 5, 99), "renamed", True, "older"),
        (Entry("c", 11, 101), "renamed", False, "too_large"),
    ],
)
def test_how_a_file_there_stands(entry: Entry, complete: str, marked: bool, expected: str) -> None:  # noqa: FBT001
    source = SftpSource.model_validate(SFTP | {"complete": complete})
    assert standing(entry, KNOWN, source, marked=marked, limit=10) == expected


def test_how_a_feed_is_fetched_is_no_part_of_what_it_says() -> None:
    """So that no content is applied once more because a password's file was renamed."""
    plain = small((SOURCE, f'{SOURCE}\nfolder = "small"'))
    over = fetched('every_minutes = 9\n[source.https]\nurl = "https://x/"')
    assert definition_of(plain) == definition_of(over)
    assert definition_of(plain) != definition_of(fetched("old_minutes = 60"))


def test_link_local_addresses_are_nobodys() -> None:
    assert all(map(is_forbidden, ("169.254.169.254", "fe80::1%eth0", "fd00:ec2::254")))
    assert not any(map(is_forbidden, ("127.0.0.1", "10.0.0.1", "192.168.1.1", "203.0.113.7", "fd12::1", "::1")))


def test_pauses_grow_to_an_hour_and_are_careful_with_logins() -> None:
    five, day = timedelta(minutes=5), timedelta(days=1)
    minute = timedelta(minutes=1)
    for failures, problem, low, high in (
        (0, None, 4.7, 5.3), (1, ServerProblem.REFUSED, 8, 12), (3, ServerProblem.REFUSED, 32, 48),
        (99, ServerProblem.REFUSED, 48, 72), (1, ServerProblem.LOGIN_REFUSED, 12, 18),
        (1, ServerProblem.HOST_KEY_CHANGED, 12, 18),
    ):  # fmt: skip
        assert low * minute <= pause(five, failures, problem) <= high * minute
    assert 0.8 * day <= pause(day, 3, ServerProblem.REFUSED) <= 1.2 * day
