"""The address of the database as operators write it, and what of it our two ways to connect are told apart.

`sslmode` and `sslrootcert` mean what they mean to PostgreSQL's own programs (libpq, "SSL Mode Descriptions"); without
either, a connection is made as before: encrypted where the server offers it, and nobody's certificate is looked at.
"""

import ssl
from typing import Any, Final

from sqlalchemy import URL, make_url

_UNSEEN: Final = ("disable", "allow", "prefer", "require")
"""Modes in which no certificate is looked at; the driver knows them by these names."""
_SEEN: Final = ("verify-ca", "verify-full")
_KEYS: Final = ("sslmode", "sslrootcert")


def async_url(url: str) -> URL:
    """For the driver we use, without what `tls` says."""
    return make_url(url).set(drivername="postgresql+asyncpg").difference_update_query(_KEYS)


def plain_url(url: str) -> str:
    """Likewise, for the driver alone. It holds the password: never log it."""
    return async_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def tls(url: str) -> dict[str, Any]:
    """What a connection is given beside its address; nothing where the address says nothing of it.

    Raises:
        ValueError: with what is wrong, for the operator.
    """
    query = make_url(url).query
    mode, root = query.get("sslmode"), query.get("sslrootcert")
    if mode is None and root is None:
        return {}
    if mode is None or mode not in (*_UNSEEN, *_SEEN):
        raise ValueError(f"DATABASE_URL: sslmode is one of {', '.join((*_UNSEEN, *_SEEN))}")
    if mode in _UNSEEN and (root is None or mode != "require"):
        return {"ssl": mode}
    try:
        context = ssl.create_default_context(cafile=str(root) if root else None)
    except (OSError, ssl.SSLError):
        raise ValueError(f"DATABASE_URL: sslrootcert names {root}, which holds no certificate") from None
    context.check_hostname = mode == "verify-full"
    return {"ssl": context}
