"""Twilio's signature, written from its documentation and not from its SDK: a second opinion on our check."""

import base64
import hmac
from collections.abc import Sequence
from hashlib import sha1

ACCOUNT_SID = "AC" + "0" * 32
AUTH_TOKEN = "t" * 32


def signature(auth_token: str, url: str, params: Sequence[tuple[str, str]]) -> str:
    """Base64 of HMAC-SHA1 over the URL and the form fields, sorted by name (and value), joined without anything."""
    text = url + "".join(name + value for name, value in sorted(set(params)))
    return base64.b64encode(hmac.digest(auth_token.encode(), text.encode(), sha1)).decode()
