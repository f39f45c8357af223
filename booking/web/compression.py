"""Pages leave compressed: a page is a quarter of its size then, and many a patient's line is slow.

Only what `pages.page` renders is compressed here, whole, before it is sent; static files are compressed once
(static_files.py). A stream of events is never held back by it, and the JSON door pays nothing.

BREACH: whoever can make a browser ask for a page that holds a secret and repeats what the attacker chose learns the
secret from the length, byte by byte. The language switch repeats a page's address, so a page that shows somebody's
visit is compressed only where its address has no query. What a form posts cannot come from another site (origin.py),
and an address that holds a secret in its path is not known to whoever is after it.
"""

import gzip

from fastapi import Request

SMALLEST = 1024
"""Bytes; below that compressing saves no packet."""
_LEVEL = 5


def squeezed(request: Request, body: bytes, *, secret: bool) -> tuple[bytes, dict[str, str]]:
    """The body as it is sent, and the headers that say so.

    Args:
        request: the request answered.
        body: of the page.
        secret: whether the page shows what only its reader may know.
    """
    headers = {"Vary": "Accept-Encoding"}
    wanted = "gzip" in request.headers.get("accept-encoding", "")
    if not wanted or len(body) < SMALLEST or (secret and request.url.query):
        return body, headers
    return gzip.compress(body, _LEVEL, mtime=0), headers | {"Content-Encoding": "gzip"}
