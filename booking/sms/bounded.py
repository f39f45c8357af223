"""One HTTP exchange with every limit stated, which tells "nothing left this machine" from "it may have arrived".

One try, no redirect followed, time-outs for connecting and for the answer, a cap on its size, nothing logged, and
nothing taken from the environment (a proxy or .netrc would get credentials where no setting says so). Connecting is a
step of its own (`leaving`): names may be looked up slowly and handshakes take their time, and what a text says may be
true no more by then. So the last look at the clock is after the connection stands and before the request is written.
"""

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from time import monotonic
from typing import Any, Final

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection
from urllib3.exceptions import EmptyPoolError, HTTPError, LocationValueError

from booking.sms.gateway import STALE, Fault, Refused

_CHUNK = 16_384

_leave_by: ContextVar[float | None] = ContextVar("leave_by", default=None)
_connect_within: ContextVar[float] = ContextVar("connect_within", default=1.0)


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds to wait for a connection (to each address of a name) and for an answer; the most bytes of an answer."""

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

    @property
    def outcome(self) -> Refused:
        """What a gateway says of it."""
        return Refused(None, self.fault)


class TooLateError(NotSentError):
    """The connection stood only when the request should have left; it stands for the next one."""

    def __init__(self) -> None:
        super().__init__(Fault.PASSING)

    @property
    def outcome(self) -> Refused:
        """A refusal of its own: it is looked at again."""
        return STALE


class UnsureError(Exception):
    """It may have arrived; the text is a constant reason."""


@contextmanager
def leaving(by: float | None) -> Iterator[None]:
    """What this thread exchanges within leaves by then, as `time.monotonic` counts, or not at all; None: whenever."""
    token = _leave_by.set(by)
    try:
        yield
    finally:
        _leave_by.reset(token)


class _NotConnectedError(EmptyPoolError):
    """No connection to be had; of this kind, because pools hand it on and touch no connection for it."""

    def __init__(self, pool: HTTPConnectionPool, answer: NotSentError) -> None:
        super().__init__(pool, "no connection")
        self.answer = answer


class _ConnectedFirst:
    """A pool that gives out a connection only once it stands and there is still time to use it."""

    def _get_conn(self, timeout: float | None = None) -> Any:
        pool: Any = self
        conn: HTTPConnection = super()._get_conn(timeout)  # type: ignore[misc]
        if conn.is_closed:
            conn.timeout = _connect_within.get()
            try:
                conn.connect()
            except Exception as problem:
                conn.close()
                pool._put_conn(conn)  # noqa: SLF001  of ourselves
                raise _NotConnectedError(pool, NotSentError(_fault_of(problem))) from problem
        by = _leave_by.get()
        if by is not None and monotonic() > by:
            pool._put_conn(conn)  # noqa: SLF001  it stands: the next request leaves at once
            raise _NotConnectedError(pool, TooLateError())
        return conn


class _HttpPool(_ConnectedFirst, HTTPConnectionPool):
    pass


class _HttpsPool(_ConnectedFirst, HTTPSConnectionPool):
    pass


_POOLS: Final = {"http": _HttpPool, "https": _HttpsPool}


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **more: Any) -> None:
        super().init_poolmanager(*args, **more)
        self.poolmanager.pool_classes_by_scheme = _POOLS


class BoundedSession:
    """A pool of connections. Safe to share between threads."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, _Adapter(max_retries=0, pool_connections=2, pool_maxsize=32))

    def exchange(self, method: str, url: str, **parts: Any) -> Answer:
        """Send one request (`parts` as requests takes them) and read its answer in full.

        Raises:
            NotSentError: no connection was made; TooLateError: not in time (`leaving`).
            UnsureError: the request may have arrived, but no whole answer came.
        """
        wait = (self.limits.connect, self.limits.read)
        token = _connect_within.set(self.limits.connect)
        try:
            with self._session.request(
                method, url, timeout=wait, allow_redirects=False, stream=True, **parts
            ) as response:
                return Answer(response.status_code, self._read(response), response.headers)
        except _NotConnectedError as problem:
            raise problem.answer from None
        except requests.RequestException as problem:
            raise _judged(problem) from None
        except UnicodeError:  # while writing the form: a lone surrogate in a text
            raise NotSentError(Fault.CONTENT) from None
        except (HTTPError, OSError):
            raise UnsureError("connection lost") from None
        finally:
            _connect_within.reset(token)

    def _read(self, response: requests.Response) -> str:
        """The body, within its size and one more read time-out: the time-out alone starts anew with each byte."""
        until = None if self.limits.read is None else monotonic() + self.limits.read
        kept = bytearray()
        # read1 comes back with whatever has arrived; iter_content would wait for a full chunk of a dripping answer.
        while chunk := response.raw.read1(_CHUNK, decode_content=True):
            kept += chunk
            if len(kept) > self.limits.answer_bytes:
                raise UnsureError("answer too large")
            if until is not None and monotonic() > until:
                raise UnsureError("answer too slow")
        return kept.decode("utf-8", errors="replace")

    def close(self) -> None:
        """Close pooled connections."""
        self._session.close()


def _fault_of(problem: Exception) -> Fault:
    """Whose fault it is that no connection stands: a certificate or a name that cannot be one is our configuration."""
    causes = list(_causes(problem))
    ours = any(isinstance(cause, ssl.SSLCertVerificationError | LocationValueError) for cause in causes)
    return Fault.CONFIGURATION if ours else Fault.PASSING


def _judged(problem: requests.RequestException) -> Exception:
    """Whether an exchange that failed once a connection stood, or before one was tried, can have arrived."""
    if isinstance(problem, requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema):
        return NotSentError(Fault.CONFIGURATION)
    return UnsureError("no answer in time" if isinstance(problem, requests.Timeout) else "connection lost")


def _causes(problem: BaseException) -> Iterator[BaseException]:
    """The exception and all it wraps: urllib3 keeps the cause in `args` or `reason`, Python in `__cause__`."""
    yield problem
    for cause in [*problem.args, getattr(problem, "reason", None), problem.__cause__]:
        if isinstance(cause, BaseException) and cause is not problem:
            yield from _causes(cause)
