"""When a hospital's server gives or takes nothing: one exception, its reason a code, its facts no secret."""

import errno
import socket
import ssl
from ipaddress import ip_address

from booking.exchange.kinds import ServerProblem


class Unreached(Exception):
    """Nothing was fetched or handed over. `facts` hold names and numbers for people, never a secret or a row."""

    def __init__(self, problem: ServerProblem, **facts: object) -> None:
        super().__init__(problem.value)
        self.problem = problem
        self.facts = facts


def is_forbidden(address: str) -> bool:
    """Whether an address is one where no hospital lives: a cloud tells its machines their secrets there."""
    return ip_address(address.partition("%")[0]).is_link_local or address == "fd00:ec2::254"


_UNREACHABLE = {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN, errno.EADDRNOTAVAIL}


def of_line(error: Exception, *, host: str, port: int) -> Unreached:
    """What a failure to connect, or a line that broke, means."""
    facts: dict[str, object] = {"host": host, "port": port}
    if isinstance(error, ssl.SSLError):
        return _of_certificate(error, facts)
    if isinstance(error, OSError):
        return Unreached(_of_system(error), **facts)
    return Unreached(ServerProblem.FAILED, **facts, error=type(error).__name__)


def _of_system(error: OSError) -> ServerProblem:
    if isinstance(error, TimeoutError):
        return ServerProblem.TIMED_OUT
    if isinstance(error, socket.gaierror):
        return ServerProblem.NAME_UNKNOWN
    # Where a name has several addresses, asyncio joins what each said into one text.
    if isinstance(error, ConnectionRefusedError) or (
        error.errno is None and f"[Errno {errno.ECONNREFUSED}]" in str(error)
    ):
        return ServerProblem.REFUSED
    return ServerProblem.UNREACHABLE if error.errno in _UNREACHABLE else ServerProblem.BROKEN_OFF


_EXPIRED, _NOT_YET = 10, 9  # OpenSSL's X509_V_ERR_CERT_HAS_EXPIRED, ..._NOT_YET_VALID
_OTHER_NAME = {62, 63, 64}  # ..._HOSTNAME_MISMATCH, ..._EMAIL_MISMATCH, ..._IP_ADDRESS_MISMATCH


def _of_certificate(error: ssl.SSLError, facts: dict[str, object]) -> Unreached:
    if not isinstance(error, ssl.SSLCertVerificationError):
        return Unreached(ServerProblem.NO_COMMON_WAY, **facts)
    if error.verify_code in {_EXPIRED, _NOT_YET}:
        return Unreached(ServerProblem.CERTIFICATE_EXPIRED, **facts)
    if error.verify_code in _OTHER_NAME:
        return Unreached(ServerProblem.CERTIFICATE_OTHER_NAME, **facts)
    return Unreached(ServerProblem.CERTIFICATE_UNTRUSTED, **facts, why=error.verify_message)
