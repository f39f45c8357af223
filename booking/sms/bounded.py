"""One HTTP exchange with every limit stated, which tells "nothing left this machine" from "it may have arrived".

One try, no redirect followed, time-outs for connecting and for the answer, a cap on its size, nothing logged, and
nothing taken from the environment (a proxy or .netrc would get credentials where no setting says so).
"""

import ssl
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError

from booking.sms.gateway import Fault

_CHUNK = 16_384


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds to wait for a connection and for an answer, and the most bytes an answer may have."""

    connect: float = 1.0
    read: float | None = 10.0
    answer_bytes: int = 256 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whatever its status."""

    status: int
    text: str
    headers: Mapping[str, str]


class NotSentError(Exception):
    """Nothing left this machine; `fault` says what to do."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.value)
        self.fault = fault


class UnsureError(Exception):
    """It may have arrived; the text is a constant reason."""


class BoundedSession:
    """A pool of connections. Safe to share between threads."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, HTTPAdapter(max_retries=0, pool_connections=2, pool_maxsize=32))

    def exchange(self, method: str, url: str, **parts: Any) -> Answer:
        """Send one request (`parts` as requests takes them) and read its answer in full.

        Raises:
            NotSentError: no connection was made.
            UnsureError: the request may have arrived, but no whole answer came.
        """
        wait = (self.limits.connect, self.limits.read)
        try:
            with self._session.request(
                method, url, timeout=wait, allow_redirects=False, stream=True, **parts
            ) as response:
                return Answer(response.status_code, self._read(response), response.headers)
        except requests.RequestException as problem:
            raise _judged(problem) from None
        except UnicodeError:  # while writing the form: a lone surrogate in a text
            raise NotSentError(Fault.CONTENT) from None
        except (HTTPError, OSError):
            raise UnsureError("connection lost") from None

    def _read(self, response: requests.Response) -> str:
        """The body, within its size and one more read time-out: the time-out alone starts anew with each byte."""
        until = None if self.limits.read is None else time.monotonic() + self.limits.read
        kept = bytearray()
        # read1 comes back with whatever has arrived; iter_content would wait for a full chunk of a dripping answer.
        while chunk := response.raw.read1(_CHUNK, decode_content=True):
            kept += chunk
            if len(kept) > self.limits.answer_bytes:
                raise UnsureError("answer too large")
            if until is not None and time.monotonic() > until:
                raise UnsureError("answer too slow")
        return kept.decode("utf-8", errors="replace")

    def close(self) -> None:
        """Close pooled connections."""
        self._session.close()


def _judged(problem: requests.RequestException) -> Exception:
    """Whether a failed exchange can have reached the other side."""
    causes = list(_causes(problem))
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        return NotSentError(Fault.CONFIGURATION)  # the handshake failed: no request was written
    if any(isinstance(cause, NewConnectionError | ConnectTimeoutError) for cause in causes):
        return NotSentError(Fault.PASSING)
    if isinstance(problem, requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema):
        return NotSentError(Fault.CONFIGURATION)
    return UnsureError("no answer in time" if isinstance(problem, requests.Timeout) else "connection lost")


def _causes(problem: BaseException) -> Iterator[BaseException]:
    """The exception and all it wraps: requests and urllib3 keep the cause in `args` or `reason`."""
    yield problem
    for cause in [*problem.args, getattr(problem, "reason", None)]:
        if isinstance(cause, BaseException) and cause is not problem:
            yield from _causes(cause)
