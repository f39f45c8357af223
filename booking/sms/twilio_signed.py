"""Whether Twilio signed a callback. Sending (`twilio`) is apart: a web process only hears, and need not carry it."""

from collections.abc import Sequence

from twilio.request_validator import RequestValidator


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
        params: the form's fields, repeated names kept.
        signature: the X-Twilio-Signature header; empty when absent.
    """
    fields = _Repeated()
    for name, value in params:
        fields.setdefault(name, []).append(value)
    try:
        return bool(RequestValidator(auth_token).validate(url, fields, signature))
    except UnicodeEncodeError:  # a lone surrogate: nobody signed that
        return False
