"""Status callbacks of the SMS provider: signed, late, twice and out of order."""

import logging
from functools import lru_cache
from pathlib import Path
from urllib.parse import parse_qsl
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from booking.messages import receipts
from booking.messages.errors import SignatureRefused
from booking.messages.receipts import Receipt
from booking.settings import Settings, SettingsError
from booking.sms import template as templates
from booking.sms import twilio_told
from booking.sms.brandname_told import callback_in
from booking.sms.gateway import Callback
from booking.sms.template import Template
from booking.sms.wording import UnreadableError
from booking.web.dependencies import Ask

router = APIRouter(prefix="/api/v1", tags=["sms"], include_in_schema=False)
log = logging.getLogger(__name__)

_FIELDS_MOST = 200
_WORD_LONGEST = 64


@router.post("/sms/status", status_code=204)
@router.post("/sms/status/{message_id}", status_code=204)
async def status(request: Request, asked: Ask, message_id: str = "") -> Response:
    """Keep what a provider says of a message: signed by the one, with a shared secret by the other.

    A believed callback about a message we do not have is answered like any other: an error would only make the provider
    try again and raise an alarm there, and a repeat would find no more than this one did. The log names it.

    Raises:
        SignatureRefused: not signed by the provider for this very address and these very fields, or without the secret.
    """
    body, settings = await request.body(), asked.settings
    # Both are heard, whichever sends now: what comes late, after another provider was chosen, is as true.
    if settings.brandname_template is not None and "x-twilio-signature" not in request.headers:
        receipt, named = _told(body, request, settings, settings.brandname_template, message_id)
    else:
        fields = _signed_fields(body, _signed_url(request, settings), request, settings)
        receipt, named = _receipt(twilio_told.callback_in(dict(fields)), "twilio"), None
    mine = _id(message_id) if message_id else named
    if receipt is None or mine is None:
        log.warning("receipt without sense", extra={"facts": {"message_id": mine}})
        return Response(status_code=204)

    async def work() -> bool:
        async with asked.db.transaction() as session:
            return await receipts.take(session, mine, receipt, now=asked.now)

    # Kept twice it does no harm (they come twice anyway); lost it would leave us in doubt.
    if not await asked.db.until_known(work):
        log.warning("receipt for an unknown message", extra={"facts": {"message_id": mine}})
    return Response(status_code=204)


@lru_cache(maxsize=4)
def _template(path: Path) -> Template:
    """Read once for each file: it is what a process was started with."""
    return templates.load(path)


def _told(
    body: bytes, request: Request, settings: Settings, path: Path, message_id: str
) -> tuple[Receipt | None, UUID | None]:
    """What a carrier's own gateway says, once it has shown the secret, and of which message."""
    secret = settings.brandname_receipt_secret
    try:
        rule = _template(path).receipt
    except SettingsError as problem:  # nobody sends by it any more, or the scheduler would not run
        log.warning("receipts cannot be read", extra={"facts": {"reason": str(problem)}})
        rule = None
    if rule is None or secret is None:
        raise SignatureRefused  # none was asked for
    try:
        said = callback_in(rule, secret.get_secret_value(), request.headers, body)
    except UnreadableError:
        return None, None
    if said is None:
        raise SignatureRefused
    return _receipt(said, "brandname", message_id[:_WORD_LONGEST]), said.message


def _signed_url(request: Request, settings: Settings) -> str:
    """The address the provider was given: ours from the settings. Host and forwarded headers have no say in it."""
    path: str = request.scope["raw_path"].decode("latin-1")
    query: str = request.scope["query_string"].decode("latin-1")
    return settings.public_base_url + path + (f"?{query}" if query else "")


def _signed_fields(body: bytes, url: str, request: Request, settings: Settings) -> list[tuple[str, str]]:
    """The form, repeated fields kept, once its signature fits."""
    if settings.twilio_auth_token is None:
        raise SignatureRefused  # nobody could have signed it
    # Loaded here: who sends by another provider needs no SDK of this one.
    from booking.sms.twilio_signed import signature_fits

    try:
        fields = parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=_FIELDS_MOST)
    except ValueError:  # no text, or too many fields
        raise SignatureRefused from None
    signature = request.headers.get("x-twilio-signature", "")
    if not signature_fits(settings.twilio_auth_token.get_secret_value(), url, fields, signature):
        raise SignatureRefused
    return fields


def _receipt(said: Callback | None, provider: str, otherwise: str = "") -> Receipt | None:
    """In words of ours; `otherwise` stands for a name the provider did not give."""
    if said is None:
        return None
    return Receipt(said.provider_sid or otherwise, said.status, said.error_code, said.fault, provider)


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
