"""A patient nobody can mistake, every spelling of what is hers, and a server that logs as deploy/ configures it.

canary.needles({"phone": canary.PHONE, ...})      # name → every way it may be spelt
canary.found(needles, text)                       # the names whose spelling stands in a text
"""

import base64
import re
import subprocess
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from booking import embedded
from booking.text import fold
from tests.postgres import scratch

NAME = "Hoàng Yến Chim Lạ Mẫu"
PHONE = "0987 654 321"
CITIZEN_ID = "077190987612"
INSURANCE = "DN4790123498765"

CONFIGURATION = Path(__file__).parents[1] / "deploy" / "postgresql" / "henkham.conf"
_LOGGING = re.compile(r"^(log_\w+)\s*=\s*'?([^'\n]+?)'?\s*$", re.MULTILINE)


def needles(secrets: Mapping[str, str]) -> dict[str, set[str]]:
    """Every spelling of each secret: as people and programs write it, escaped, in hex (of a bytea) and in base64."""
    found = {}
    for name, value in secrets.items():
        plain = {value, unicodedata.normalize("NFD", value), fold(value), value.replace(" ", "")}
        digits = re.sub(r"[ +]", "", value)
        if re.fullmatch(r"0\d{9}", digits):  # a telephone number, with whatever stands before it
            plain |= {digits, digits[1:], f"{digits[:4]} {digits[4:7]} {digits[7:]}"}
        spelt = set(plain)
        for one in plain:
            spelt |= {one.encode().hex(), quote(one), one.encode("unicode_escape").decode(), *_base64(one)}
        found[name] = {each for each in spelt if len(each) > 5}
    return found


def _base64(value: str) -> Iterator[str]:
    """What of a value's base64 does not hang on what stands before and after it, at each of the three places."""
    for shift in range(3):
        coded = base64.b64encode(b"\0" * shift + value.encode()).decode().rstrip("=")
        yield coded[(0, 2, 3)[shift] : len(coded) - 1]


def found(wanted: Mapping[str, set[str]], text: str) -> set[str]:
    """The names of what stands in a text; digits only where no other digit stands beside them."""
    lower = text.casefold()
    return {name for name, spelt in wanted.items() if any(_stands(one.casefold(), lower) for one in spelt)}


def _stands(needle: str, text: str) -> bool:
    if needle.isdecimal() and len(needle) == 6:
        return re.search(rf"(?<![\d.]){needle}(?![\d.])", text) is not None
    return needle in text


class Logged:
    """A server and the log it writes."""

    def __init__(self, server: embedded.Server, log: Path) -> None:
        self.server, self._log = server, log

    def url(self, name: str) -> str:
        """Of a database."""
        return self.server.url(name)

    def text(self) -> str:
        """What was logged until now."""
        return self._log.read_text("utf-8", errors="replace")

    def configure(self, **other: str) -> None:
        """Log as deploy/postgresql/henkham.conf says, but every statement as if it were slow; `other` differs."""
        told = dict(_LOGGING.findall(CONFIGURATION.read_text("utf-8")))
        assert "log_min_error_statement" in told
        for name, value in (told | {"log_min_duration_statement": "0"} | other).items():
            self.server.sql(f"ALTER SYSTEM SET {name} = '{value}'")
        self.server.sql("SELECT pg_reload_conf()")

    def dump(self, name: str) -> str:
        """The whole database, as a thief would have it."""
        programs = embedded.wheel_binaries()
        command = [str(programs / "pg_dump"), "--dbname", self.url(name)]
        return subprocess.run(command, capture_output=True, check=True).stdout.decode()


@contextmanager
def logged() -> Iterator[Logged]:
    """A server of one's own."""
    with scratch() as folder, embedded.running(folder / "data", durable=False) as server:
        log = next((folder / "data").rglob("server.log"))
        made = Logged(server, log)
        made.configure()
        yield made
