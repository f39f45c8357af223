"""Twilio, through its own SDK and an HTTP client of ours.

The SDK knows the API's fields; it has no base-URL setting, waits for ever by default and logs the numbers it asks
about. So the transport is ours: it sends to the configured address, waits 1 s for a connection and 10 s for an answer,
tries once, follows no redirect, reads at most 256 KB and logs nothing. It also judges what the SDK cannot tell apart:
whether a failure happened before anything was sent (certain) or after (unknown).
"""

import ssl
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Final

import requests
from requests.adapters import HTTPAdapter
from twilio.base.exceptions import TwilioException
from twilio.http import HttpClient
from twilio.http.response import Response
from twilio.request_validator import RequestValidator
from twilio.rest import Client
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError

from booking.settings import Settings
from booking.sms.gateway import Accepted, Fault, Listed, ListingError, Outcome, Outgoing, Refused, Unknown, fault_of

_SDK_BASE = "https://api.twilio.com"
_VALID_LONGEST = 36_000  # the provider's maximum for ValidityPeriod, in seconds
_LIST_LIMIT = 1_000  # one page; a number that got more texts than this in two days is not settled by counting
_SMALLEST_CODE = 1_000  # the SDK puts the HTTP status where the provider gave no code
_CHUNK = 16_384


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds to wait for a connection, for an answer, and the most bytes an answer may have."""

    connect: float = 1.0
    read: float | None = 10.0
    answer_bytes: int = 256 * 1024


class _NotSent(Exception):
    """Nothing left this machine."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.value)
        self.fault = fault


class _Unsure(Exception):
    """It may have arrived; the text is a constant reason."""


class _Rejected(Exception):
    """The provider, or something in front of it, answered with 4xx."""

    def __init__(self, status: int, code: int | None, retry_after: float | None) -> None:
        super().__init__(str(status))
        self.status = status
        self.code = code
        self.retry_after = retry_after


class BoundedHttpClient(HttpClient):
    """The SDK's transport, with every limit stated. Safe to share between threads."""

    def __init__(self, base_url: str, limits: Limits = Limits()) -> None:
        super().__init__(logger=None, is_async=False)
        self.base_url = base_url.rstrip("/")
        self.limits = limits
        self.session = requests.Session()
        # Proxies, .netrc and certificates from the environment would send credentials where no setting says so.
        self.session.trust_env = False
        self.session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        for scheme in ("https://", "http://"):
            self.session.mount(scheme, HTTPAdapter(max_retries=0, pool_connections=2, pool_maxsize=32))

    def request(
        self,
        method: str,
        uri: str,
        params: Any = None,
        data: Any = None,
        headers: Any = None,
        auth: Any = None,
        timeout: float | None = None,  # noqa: ARG002 - ours apply, whatever the SDK would like
        allow_redirects: bool = False,  # noqa: ARG002, FBT001, FBT002 - the SDK's signature
    ) -> Response:
        """One exchange; returns only a 2xx.

        Raises:
            _NotSent: no connection was made.
            _Rejected: a 4xx.
            _Unsure: anything else.
        """
        try:
            with self._exchange(method, uri, params=params, data=data, headers=headers, auth=auth) as answer:
                text = self._read(answer)
        except requests.RequestException as problem:
            raise _judged(problem) from None
        except (HTTPError, OSError):
            raise _Unsure("connection lost") from None
        return self._only_success(answer, text)

    def _exchange(self, method: str, uri: str, **parts: Any) -> requests.Response:
        if not uri.startswith(_SDK_BASE + "/"):
            raise _NotSent(Fault.CONFIGURATION)
        wait = (self.limits.connect, self.limits.read)
        url = self.base_url + uri.removeprefix(_SDK_BASE)
        return self.session.request(method, url, timeout=wait, allow_redirects=False, stream=True, **parts)

    def _read(self, answer: requests.Response) -> str:
        """The body, within its size and within one more read time-out: a time-out alone starts anew with each byte."""
        until = None if self.limits.read is None else time.monotonic() + self.limits.read
        kept = bytearray()
        for chunk in _chunks(answer):
            kept += chunk
            if len(kept) > self.limits.answer_bytes:
                raise _Unsure("answer too large")
            if until is not None and time.monotonic() > until:
                raise _Unsure("answer too slow")
        return kept.decode("utf-8", errors="replace")

    def _only_success(self, answer: requests.Response, text: str) -> Response:
        status = answer.status_code
        if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            return Response(status, text, answer.headers)
        if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
            raise _Rejected(status, _code_in(text), _seconds(answer.headers.get("Retry-After")))
        raise _Unsure("redirect" if status < HTTPStatus.BAD_REQUEST else f"status {status}")

    def close(self) -> None:
        """Close pooled connections."""
        self.session.close()


class TwilioGateway:
    """Sends through one account; the sender is a Messaging Service, or a name or number."""

    name = "twilio"

    def __init__(
        self,
        account_sid: str,
        auth_token: str,
        *,
        messaging_service_sid: str | None = None,
        from_: str | None = None,
        base_url: str = _SDK_BASE,
        limits: Limits = Limits(),
    ) -> None:
        self._door = BoundedHttpClient(base_url, limits)
        # A TWILIO_EDGE or TWILIO_REGION in the environment would change the host behind our back.
        client = Client(account_sid, auth_token, http_client=self._door, environment={"TWILIO_EDGE": ""})
        self._messages = client.api.v2010.account.messages
        self._sender = {"messaging_service_sid": messaging_service_sid} if messaging_service_sid else {"from_": from_}

    def send(self, outgoing: Outgoing) -> Outcome:
        """Post once; see `Gateway.send`."""
        wishes: dict[str, Any] = dict(self._sender)
        if outgoing.callback_url is not None:
            wishes["status_callback"] = outgoing.callback_url
        if outgoing.valid_seconds is not None:
            wishes["validity_period"] = min(max(outgoing.valid_seconds, 1), _VALID_LONGEST)
        try:
            made = self._messages.create(to=outgoing.to, body=outgoing.body, **wishes)
            sid, status = made.sid, made.status
        except _NotSent as problem:
            return Refused(None, problem.fault)
        except _Rejected as problem:
            return _refusal(problem)
        except _Unsure as problem:
            return Unknown(str(problem))
        except Exception:  # noqa: BLE001 - the SDK stumbles over broken bodies in many ways, and the post has left
            return Unknown("unreadable answer")
        if not isinstance(sid, str) or not sid:
            return Unknown("answer without sid")
        return Accepted(sid, status if isinstance(status, str) else "")

    def sent_to(self, to: str, since: datetime) -> Sequence[Listed]:
        """See `Gateway.sent_to`.

        The provider filters by the day (UTC) it sent the text, so the day before is asked for too and the moment is
        compared here, with the time it took the text: one still queued has no sending time to compare.
        """
        first_day = datetime.fromordinal(since.astimezone(UTC).toordinal() - 1).strftime("%Y-%m-%d")
        try:
            found: list[Any] = self._messages.list(to=to, date_sent_after=first_day, limit=_LIST_LIMIT)
            listed = [Listed(one.sid, one.body, one.date_created, str(one.status)) for one in found]
            recent = [one for one in listed if one.created >= since]
        except _NotSent:
            raise ListingError("no connection") from None
        except _Rejected as problem:
            raise ListingError(f"status {problem.status}") from None
        except _Unsure as problem:
            raise ListingError(str(problem)) from None
        except (TwilioException, ValueError, TypeError, AttributeError, KeyError):
            raise ListingError("unreadable answer") from None
        if len(found) >= _LIST_LIMIT:
            raise ListingError("list too long")
        return sorted(recent, key=lambda one: one.created, reverse=True)

    def close(self) -> None:
        """Close pooled connections."""
        self._door.close()


def from_settings(settings: Settings) -> TwilioGateway:
    """The gateway of the configured account; settings refuse to be half-set."""
    if settings.twilio_account_sid is None or settings.twilio_auth_token is None:
        raise ValueError("TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN are not set")
    return TwilioGateway(
        settings.twilio_account_sid,
        settings.twilio_auth_token.get_secret_value(),
        messaging_service_sid=settings.twilio_messaging_service_sid,
        from_=settings.twilio_from,
        base_url=settings.twilio_api_base_url,
    )


class _Repeated(dict[str, list[str]]):
    """Form fields the way the validator asks for repeated ones."""

    def getlist(self, name: str) -> list[str]:
        """All values of one field."""
        return self[name]


def signature_fits(auth_token: str, url: str, params: Sequence[tuple[str, str]], signature: str) -> bool:
    """Whether the provider signed this form for exactly this URL, by the provider's own validator.

    Args:
        auth_token: the account's token, the shared secret.
        url: our public URL as the provider was told it, query included; never one built from request headers.
        params: the form's fields in order, repeated names kept.
        signature: the X-Twilio-Signature header; empty when absent.
    """
    fields = _Repeated()
    for name, value in params:
        fields.setdefault(name, []).append(value)
    try:
        return bool(RequestValidator(auth_token).validate(url, fields, signature))
    except UnicodeEncodeError:  # a lone surrogate: nobody signed that
        return False


def _judged(problem: requests.RequestException) -> Exception:
    """Whether a failed exchange can have reached the provider."""
    causes = list(_causes(problem))
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        return _NotSent(Fault.CONFIGURATION)  # the handshake failed: no request was written
    if any(isinstance(cause, NewConnectionError | ConnectTimeoutError) for cause in causes):
        return _NotSent(Fault.PASSING)
    if isinstance(problem, requests.exceptions.InvalidURL | requests.exceptions.MissingSchema):
        return _NotSent(Fault.CONFIGURATION)
    return _Unsure("no answer in time" if isinstance(problem, requests.Timeout) else "connection lost")


def _causes(problem: BaseException) -> Iterator[BaseException]:
    """The exception and all it wraps: requests and urllib3 keep the cause in `args` or `reason`."""
    yield problem
    inner = [*problem.args, getattr(problem, "reason", None)]
    for cause in inner:
        if isinstance(cause, BaseException) and cause is not problem:
            yield from _causes(cause)


def _refusal(problem: _Rejected) -> Outcome:
    """What a 4xx means.

    With a code of the provider's, or as a 401, 403, 404, 405, 407 or 429 from whatever stands in front of it, it was
    refused before being processed. Any other 4xx without a code (a proxy's 408, say) does not tell.
    """
    closed = {
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.METHOD_NOT_ALLOWED,
        HTTPStatus.PROXY_AUTHENTICATION_REQUIRED,
    }
    if problem.code is not None:
        return Refused(problem.code, fault_of(problem.code, problem.status), problem.retry_after)
    if problem.status == HTTPStatus.TOO_MANY_REQUESTS:
        return Refused(None, Fault.PASSING, problem.retry_after)
    if problem.status in closed:
        return Refused(None, Fault.CONFIGURATION)
    return Unknown(f"status {problem.status} without a code")


def _code_in(text: str) -> int | None:
    """The provider's code in a refusal, in the SDK's reading of both its shapes; None when there is none."""
    from twilio.base.version import Version

    code = getattr(Version.exception("POST", "", Response(0, text), ""), "code", None)
    return code if isinstance(code, int) and not isinstance(code, bool) and code >= _SMALLEST_CODE else None


def _seconds(header: str | None) -> float | None:
    """Retry-After in seconds, at most an hour; None for a date or nonsense (the caller backs off by itself)."""
    try:
        seconds = float(header or "")
    except ValueError:
        return None
    return min(seconds, 3600.0) if seconds >= 0 else None


def _chunks(answer: requests.Response) -> Iterator[bytes]:
    yield from answer.iter_content(_CHUNK)
