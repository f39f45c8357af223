"""Twilio, through its own SDK and an HTTP client of ours.

The SDK knows the API's fields; it has no base-URL setting, waits for ever by default and logs the numbers it asks
about. So the transport is ours (`bounded`), sent to the configured address: 1 s to connect, 10 s for an answer, one
try, no redirect. It also judges statuses before the SDK sees them, because the SDK cannot tell a refusal (certain)
from a failure after the post (unknown).
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from http import HTTPStatus
from typing import Any, Final

from twilio.base.version import Version
from twilio.http import HttpClient
from twilio.http.response import Response
from twilio.rest import Client

from booking import clock
from booking.settings import Settings
from booking.sms.bounded import Answer, BoundedSession, Limits, NotSentError, UnsureError, leaving
from booking.sms.gateway import (
    Accepted,
    Fault,
    Listed,
    ListingError,
    Outcome,
    Outgoing,
    Refused,
    Unknown,
    is_before_processing,
    seconds_in,
)
from booking.sms.twilio_told import FAULTS, fault_of, fault_told

_SDK_BASE = "https://api.twilio.com"
_VALID_LONGEST = 36_000  # the provider's maximum for ValidityPeriod, in seconds
_LIST_LIMIT = 1_000  # a number that got more texts than this since the one in doubt is not settled by counting
_SMALLEST_CODE = 1_000  # the SDK puts the HTTP status where the provider gave no code
_QUEUED = timedelta(days=1)  # longer than a text waits there, so the list is in order of taking but for so much
_PAGE_SIZE = 100  # texts on a page: ten times as many would be more bytes than we take
_DAY_LIMIT = 200_000  # texts of one day; more are not compared with ours


class RejectedError(Exception):
    """The provider, or something in front of it, answered with 4xx."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(str(answer.status))
        self.status = answer.status
        self.code = _code_in(answer.text)
        self.retry_after = seconds_in(answer.headers.get("Retry-After"))


class BoundedHttpClient(HttpClient):  # type: ignore[misc]  # the SDK is untyped
    """The SDK's transport. Safe to share between threads."""

    def __init__(self, base_url: str, limits: Limits) -> None:
        super().__init__(logger=None, is_async=False)
        self._base_url = base_url.rstrip("/")
        self._session = BoundedSession(limits)

    def request(
        self,
        method: str,
        uri: str,
        params: Any = None,
        data: Any = None,
        headers: Any = None,
        auth: Any = None,
        timeout: float | None = None,  # noqa: ARG002 - our limits apply, whatever the SDK would like
        allow_redirects: bool = False,  # noqa: ARG002, FBT001, FBT002 - never
    ) -> Response:
        """One exchange; returns only a 2xx.

        Raises:
            NotSentError: no connection was made.
            RejectedError: a 4xx.
            UnsureError: anything else.
        """
        if not uri.startswith(_SDK_BASE + "/"):
            raise NotSentError(Fault.CONFIGURATION)
        url = self._base_url + uri.removeprefix(_SDK_BASE)
        answer = self._session.exchange(method, url, params=params, data=data, headers=headers, auth=auth)
        if HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
            return Response(answer.status, answer.text, answer.headers)
        if HTTPStatus.BAD_REQUEST <= answer.status < HTTPStatus.INTERNAL_SERVER_ERROR:
            raise RejectedError(answer)
        raise UnsureError("redirect" if answer.status < HTTPStatus.BAD_REQUEST else f"status {answer.status}")

    def close(self) -> None:
        """Close pooled connections."""
        self._session.close()


class TwilioGateway:
    """Sends through one account; the sender is a Messaging Service, or a name or number."""

    name = "twilio"
    keeps_list = True

    def __init__(
        self,
        account_sid: str,
        auth_token: str,
        *,
        messaging_service_sid: str | None = None,
        from_: str | None = None,
        base_url: str = _SDK_BASE,
        limits: Limits | None = None,
    ) -> None:
        self._door = BoundedHttpClient(base_url, limits or Limits())
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
            with leaving(outgoing.leave_by):
                made = self._messages.create(to=outgoing.to, body=outgoing.body, **wishes)
        except NotSentError as problem:
            return problem.outcome
        except RejectedError as problem:
            return _refusal(problem)
        except UnsureError as problem:
            return Unknown(str(problem))
        except Exception:  # noqa: BLE001 - the SDK stumbles over broken bodies in many ways, and the post has left
            return Unknown("unreadable answer")
        if not isinstance(made.sid, str) or not made.sid:
            return Unknown("answer without sid")
        return Accepted(made.sid, made.status if isinstance(made.status, str) else "")

    def sent_to(self, to: str, since: datetime) -> Sequence[Listed]:
        """See `Gateway.sent_to`.

        By the number only: a text that is still queued has no sending day, so no filter by days shows it. The moment
        is compared here, with the time it took the text (whole seconds).
        """
        found = self._read(_LIST_LIMIT, until=since - _QUEUED, to=to)
        return sorted((one for one in found if one.created >= _whole(since)), key=_created, reverse=True)

    def taken_on(self, day: date) -> Sequence[Listed]:
        """See `Gateway.taken_on`; the provider's days are UTC and of sending, ours are neither: three are read."""
        start, end = clock.day_bounds(day)
        days: dict[str, Any] = {
            "date_sent_after": (start.astimezone(UTC) - timedelta(days=1)).strftime("%Y-%m-%d"),
            "date_sent_before": (end + timedelta(days=1)).astimezone(UTC).strftime("%Y-%m-%d"),
        }
        found = self._read(_DAY_LIMIT, **days)
        return sorted((one for one in reversed(found) if start <= one.created < end), key=_created)

    def _read(self, limit: int, *, until: datetime | None = None, **wanted: Any) -> list[Listed]:
        """The list, newest first; no further than to the first text that was taken before `until`.

        A text that is taken while it is read pushes others on to the next page: none may count twice.
        """
        found: dict[str, Listed] = {}
        try:
            for one in self._messages.stream(limit=limit, page_size=_PAGE_SIZE, **wanted):
                if until is not None and one.date_created < until:
                    return list(found.values())
                found.setdefault(one.sid, _listed(one))
        except NotSentError:
            raise ListingError("no connection") from None
        except RejectedError as problem:
            raise ListingError(f"status {problem.status}") from None
        except UnsureError as problem:
            raise ListingError(str(problem)) from None
        except Exception:  # noqa: BLE001 - likewise; a list half understood settles nothing
            raise ListingError("unreadable answer") from None
        if len(found) >= limit:
            raise ListingError("list too long")
        return list(found.values())

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


_DAILY_LIMIT: Final = 63038
"""The account has sent as many texts as it may in a day (Twilio's error dictionary)."""
_OVER_ITS_DAYS: Final = 60.0
"""Seconds until another text is tried then: nobody says when the day is over."""


def _refusal(problem: RejectedError) -> Outcome:
    """What a 4xx means.

    With a code of the provider's, or as a status that whatever stands in front of it gives without passing the
    request on, it was not processed. Any other 4xx without a code (a proxy's 408, say) does not tell.
    """
    if problem.code is not None:
        fault = fault_of(problem.code, problem.status)
        after = problem.retry_after
        if problem.code == _DAILY_LIMIT and after is None:
            after = _OVER_ITS_DAYS
        return Refused(problem.code, fault, after, met=problem.code in FAULTS)
    if problem.status == HTTPStatus.TOO_MANY_REQUESTS:
        return Refused(None, Fault.PASSING, problem.retry_after)
    if is_before_processing(problem.status):
        return Refused(None, Fault.CONFIGURATION)
    return Unknown(f"status {problem.status} without a code")


def _code_in(text: str) -> int | None:
    """The provider's code in a refusal, in the SDK's reading of both its shapes; None when there is none."""
    code = getattr(Version.exception("POST", "", Response(0, text), ""), "code", None)
    return code if type(code) is int and code >= _SMALLEST_CODE else None


def _listed(one: Any) -> Listed:
    code = one.error_code if type(one.error_code) is int and one.error_code > 0 else None
    return Listed(one.sid, one.body, one.date_created, str(one.status), str(one.to), code, fault_told(code))


def _whole(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)


def _created(listed: Listed) -> datetime:
    return listed.created
