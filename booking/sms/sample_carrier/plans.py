"""What the carrier does with one call. Each plan is data; the server carries it out."""

import json
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Plan:
    """One call's fate.

    Attributes:
        name: shows in the log.
        accepts: whether the message is taken (and logged as taken) before anything else happens.
        callbacks: receipts posted, and answered, before the answer to the call.
        stalls: hold the answer until `Carrier.release()`.
        accepts_late: take the message after the stall, when the client may long be gone.
        before, after: seconds it lets pass before it takes the message, and before it answers.
        closes: close the connection instead of answering.
        status, headers, body: the answer; body None is the message as JSON.
    """

    name: str
    accepts: bool
    callbacks: tuple[str, ...] = ()
    stalls: bool = False
    accepts_late: bool = False
    before: float = 0.0
    after: float = 0.0
    closes: bool = False
    status: int = 201
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None


def accept(*, callbacks: tuple[str, ...] = ()) -> Plan:
    """Take it and say so."""
    return Plan("accept", accepts=True, callbacks=callbacks)


def slow(before: float, after: float) -> Plan:
    """Take it after some seconds, and say so after some more."""
    return Plan("slow", accepts=True, before=before, after=after)


def refuse(status: int, code: int, headers: dict[str, str] | None = None) -> Plan:
    """Refuse it with a code."""
    body = {"code": code, "message": "refused by plan", "more_info": f"https://www.twilio.com/docs/errors/{code}"}
    answer = json.dumps(body | {"status": status}).encode()
    return Plan(f"refuse {status}/{code}", accepts=False, status=status, headers=headers or {}, body=answer)


def too_many(retry_after: str | None = "2") -> Plan:
    """Refuse it because of the rate."""
    return refuse(429, 20429, {} if retry_after is None else {"Retry-After": retry_after})


def bare(status: int, body: bytes = b"") -> Plan:
    """A status without the provider's body, as a proxy gives it."""
    return Plan(f"bare {status}", accepts=False, status=status, body=body)


def error_after_accepting(status: int = 500, *, callbacks: tuple[str, ...] = ()) -> Plan:
    """Take it and answer that something broke."""
    body = b'{"code": 20500, "message": "Internal Server Error", "status": 500}'
    return Plan(f"{status} after accepting", accepts=True, callbacks=callbacks, status=status, body=body)


def error_before_accepting(status: int = 500) -> Plan:
    """Something broke before it was taken."""
    return Plan(f"{status} before accepting", accepts=False, status=status, body=b"")


def stall_after_accepting(*, callbacks: tuple[str, ...] = ()) -> Plan:
    """Take it and say nothing for a long time."""
    return Plan("stall after accepting", accepts=True, stalls=True, callbacks=callbacks)


def stall_before_accepting(*, accepts_late: bool = False) -> Plan:
    """Say nothing for a long time; then perhaps take it."""
    return Plan("stall before accepting", accepts=False, stalls=True, accepts_late=accepts_late, status=503, body=b"")


def close_after_accepting() -> Plan:
    """Take it and hang up."""
    return Plan("close after accepting", accepts=True, closes=True)


def close_before_accepting() -> Plan:
    """Hang up."""
    return Plan("close before accepting", accepts=False, closes=True)


def answer_after_accepting(body: bytes, status: int = 201) -> Plan:
    """Take it and answer with something else."""
    return Plan("odd answer after accepting", accepts=True, status=status, body=body)


def broken_body() -> Plan:
    """Take it and answer with half a body."""
    return answer_after_accepting(b'{"sid": "SM')


def without_sid() -> Plan:
    """Take it and do not name it."""
    return answer_after_accepting(b'{"status": "queued"}')


def redirect(location: str, status: int = 307) -> Plan:
    """Send the caller elsewhere."""
    return Plan("redirect", accepts=False, status=status, headers={"Location": location}, body=b"")


def html_page(status: int = 200) -> Plan:
    """Answer with a page, as a proxy or a portal does."""
    headers = {"Content-Type": "text/html"}
    return Plan("HTML page", accepts=False, status=status, headers=headers, body=b"<html><body>Sign in</body></html>")
