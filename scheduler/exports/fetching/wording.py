"""Why a server gave us nothing, in words for whoever connects it: what was found, then what to do."""

from collections.abc import Mapping

from booking.exchange.kinds import ServerProblem

_WORDS: dict[ServerProblem, str] = {
    ServerProblem.NO_SECRET: "The file {file} cannot be used: {why}.",
    ServerProblem.NAME_UNKNOWN: "No server is called {host}: is it mistyped, or unknown to the DNS of this machine?",
    ServerProblem.ADDRESS_FORBIDDEN: "{host} leads to a link-local address; no hospital's server is asked there.",
    ServerProblem.REFUSED: "{host} is there, and nothing answers at port {port}: is the port right, does it run?",
    ServerProblem.UNREACHABLE: "There is no way to {host} from this machine: a firewall, a VPN that is down?",
    ServerProblem.TIMED_OUT: "{host} (port {port}) does not answer in time: a firewall, or a server that hangs.",
    ServerProblem.TOO_SLOW: "The server was too slow. See source.fetch_seconds; an export of usual size takes seconds.",
    ServerProblem.BROKEN_OFF: "The line to {host} broke before all was there. Nothing half is kept; it is tried again.",
    ServerProblem.HOST_KEY_CHANGED: (
        "{host} shows another host key than the feed names, so nothing was sent to it.\n"
        "  shown:    {shown}\n  expected: {expected}\n"
        "Either its keys were renewed or somebody else answers in its place. Ask the hospital by telephone, and only"
        " then write the new fingerprint into source.sftp.host_keys."
    ),
    ServerProblem.HOST_KEY_UNKNOWN: "No host key is known for {host}: see source.sftp.host_keys and known_hosts.",
    ServerProblem.NO_COMMON_WAY: "{host} (port {port}) and we know no common way to encrypt: its software is too old.",
    ServerProblem.LOGIN_REFUSED: "{host} does not let us in: user, password, key or token are wrong or withdrawn.",
    ServerProblem.NO_SUCH_FOLDER: "{host} has no folder {folder}: see source.sftp.folder, from where the login leads.",
    ServerProblem.NOT_ALLOWED: "{host} lets us in, and not there: the user lacks the right to read it.",
    ServerProblem.TOO_MANY_FILES: "The folder {folder} holds more than {most} files: have it emptied, or name another.",
    ServerProblem.TOO_LARGE: "What is there is larger than limits.megabytes ({limit}): is it the right file?",
    ServerProblem.ODD_ANSWER: "{host} (port {port}) answers something we do not understand: is it the right port?",
    ServerProblem.NO_SUCH_PAGE: "{host} has nothing at this address ({status}): see source.https.url.",
    ServerProblem.HTTP_STATUS: "{host} answers with the status {status}, which gives no file.",
    ServerProblem.CERTIFICATE_EXPIRED: "The certificate of {host} is not valid today: the hospital must renew it.",
    ServerProblem.CERTIFICATE_UNTRUSTED: (
        "The certificate of {host} is signed by nobody we know ({why}). If the hospital signs itself, ask for its CA's"
        " certificate and name it in source.https.ca_file."
    ),
    ServerProblem.CERTIFICATE_OTHER_NAME: "The certificate of {host} speaks of another name: see source.https.url.",
    ServerProblem.REDIRECTED: "The server sends us elsewhere ({to}), and only its own addresses are followed.",
    ServerProblem.LENGTH_UNKNOWN: "{host} does not say how long its answer is: one that breaks off would look whole.",
    ServerProblem.NOT_TIDIED: "{file} was fetched, and could then not be moved or deleted there: {why}.",
    ServerProblem.NO_ROOM_HERE: "Our own folder {folder} cannot be written: {why}.",
    ServerProblem.FAILED: "Something failed that we have no words for ({error}).",
}


def explain(problem: ServerProblem, facts: Mapping[str, object]) -> str:
    """The sentence of a problem; what is not known of it shows as a question mark."""
    return _WORDS[problem].format_map(_Known(facts))


class _Known(dict[str, object]):
    def __missing__(self, key: str) -> str:
        return "?"
