"""The carrier's server and its receipts."""

import contextlib
import itertools
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import requests

from booking.clock import utc_now
from booking.sms.sample_carrier import plans
from booking.sms.sample_carrier.handler import CarrierHandler, CarrierServer
from booking.sms.sample_carrier.log import AcceptedMessage, CarrierLog
from booking.sms.sample_carrier.plans import Plan
from booking.sms.sample_carrier.signing import ACCOUNT_SID, AUTH_TOKEN, signature


class Carrier:
    """A context manager: listens on a free loopback port until it ends.

    Args:
        log_path: JSON lines of the log, written before each answer.
        per_second: how many calls it takes in any second; more get 429.
        public_base: receipts go to the address behind StatusCallback; where that begins with this public address...
        deliver_to: ...they are posted here instead, still signed for the public one.
        handler: how it is spoken to.
    """

    def __init__(
        self,
        *,
        log_path: Path | None = None,
        per_second: int | None = None,
        public_base: str | None = None,
        deliver_to: str | None = None,
        handler: type[CarrierHandler] = CarrierHandler,
    ) -> None:
        self.log = CarrierLog(log_path)
        self.decide: Callable[[dict[str, str]], Plan] | None = None  # asked where no plan is queued
        self.bad_numbers: dict[str, int] = {}  # number → code it is refused with
        self.problems: list[BaseException] = []  # of the server's own making; closing raises them
        self.statuses: dict[str, str] = {}  # sid → last status, for the list
        self.error_codes: dict[str, int] = {}  # sid → why it failed, likewise
        self.unsent: set[str] = set()  # sids of what waits in its own queue: taken, and not sent on any day
        self.page_most = 1_000  # messages on one page of the list
        self._per_second = per_second
        self._public_base = public_base
        self._deliver_to = deliver_to
        self._queue: deque[Plan] = deque()
        self._recent: deque[float] = deque()
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._released = threading.Event()
        self._stalled = threading.Semaphore(0)
        self._server = CarrierServer(("127.0.0.1", 0), handler)
        self._server.carrier = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        """For TWILIO_API_BASE_URL."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
        self._server.shutdown()
        self._thread.join()
        self._server.close_all()
        if problem is None and self.problems:
            raise self.problems[0]

    # What a test arranges

    def plan(self, *plan: Plan) -> None:
        """For the next calls, one each."""
        with self._lock:
            self._queue.extend(plan)

    def release(self) -> None:
        """Let everything that stalls, now or later, go on."""
        self._released.set()

    def hold(self) -> None:
        """Undo `release` for the stalls to come."""
        self._released.clear()

    def wait_for_stall(self, timeout: float = 30.0) -> bool:
        """Until one more call has come to its stall."""
        return self._stalled.acquire(timeout=timeout)

    def send_callbacks(self, sid: str, statuses: Sequence[str], *, error_code: int | None = None) -> list[int]:
        """Post signed receipts in the given order (repeat one to send it twice); the answers' statuses."""
        message = next(one for one in self.log.accepted if one.sid == sid)
        return [self._post_receipt(message, status, error_code) for status in statuses]

    # What the handler asks

    def plan_for(self, form: dict[str, str]) -> Plan:
        """The plan of this call."""
        if self._over_rate():
            return plans.too_many("1")
        if form["To"] in self.bad_numbers:
            return plans.refuse(400, self.bad_numbers[form["To"]])
        with self._lock:
            if self._queue:
                return self._queue.popleft()
        return self.decide(form) if self.decide else plans.accept()

    def take(self, form: dict[str, str]) -> AcceptedMessage:
        """Accept a message."""
        valid = form.get("ValidityPeriod")
        message = AcceptedMessage(
            at=utc_now(),
            sid=f"SM{next(self._numbers):032x}",
            to=form["To"],
            body=form["Body"],
            sender=form.get("MessagingServiceSid") or form["From"],
            callback_url=form.get("StatusCallback"),
            valid_seconds=None if valid is None else int(valid),
        )
        self.statuses[message.sid] = "queued"
        self.log.accept(message)
        return message

    def stall(self) -> None:
        """Hold until released."""
        self._stalled.release()
        self._released.wait(60)

    def _over_rate(self) -> bool:
        if self._per_second is None:
            return False
        with self._lock:
            now = time.monotonic()
            while self._recent and self._recent[0] <= now - 1:
                self._recent.popleft()
            if len(self._recent) >= self._per_second:
                return True
            self._recent.append(now)
            return False

    def _post_receipt(self, message: AcceptedMessage, status: str, error_code: int | None) -> int:
        if message.callback_url is None:
            raise ValueError("this message asked for no receipts")
        form = [
            ("AccountSid", ACCOUNT_SID),
            ("ApiVersion", "2010-04-01"),
            ("MessageSid", message.sid),
            ("MessageStatus", status),
            ("SmsSid", message.sid),
            ("SmsStatus", status),
            ("To", message.to),
            ("From", message.sender),
        ]
        if error_code is not None:
            form.append(("ErrorCode", str(error_code)))
        signed = signature(AUTH_TOKEN, message.callback_url, form)
        self.statuses[message.sid] = status
        answer = requests.post(
            self._address(message.callback_url),
            data=form,
            headers={"X-Twilio-Signature": signed, "User-Agent": "TwilioProxy/1.1"},
            timeout=10,
            allow_redirects=False,
        )
        return answer.status_code

    def _address(self, url: str) -> str:
        if self._public_base is not None and self._deliver_to is not None:
            return url.replace(self._public_base, self._deliver_to, 1)
        return url


def unused_port() -> int:
    """A loopback port nobody listens on."""
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
