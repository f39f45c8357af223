"""SMS providers: one file each, and the registry. A provider's library is loaded only when it is asked for."""

from collections.abc import Callable, Mapping
from typing import Final

from booking.settings import Settings
from booking.sms.gateway import Gateway


def _console(settings: Settings) -> Gateway:  # noqa: ARG001 - factories share one shape
    from booking.sms.console import ConsoleGateway

    return ConsoleGateway()


def _twilio(settings: Settings) -> Gateway:
    from booking.sms.twilio import from_settings

    return from_settings(settings)


def _brandname(settings: Settings) -> Gateway:
    from booking.sms.brandname import from_settings

    return from_settings(settings)


GATEWAYS: Final[Mapping[str, Callable[[Settings], Gateway]]] = {
    "console": _console,
    "twilio": _twilio,
    "brandname": _brandname,
}


def open_gateway(settings: Settings) -> Gateway:
    """The gateway the settings name.

    Raises:
        SettingsError: its template cannot be used.
    """
    return GATEWAYS[settings.gateway_name](settings)
