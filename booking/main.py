"""create_app: mounts the doors; nothing else."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from booking import api, desk, keyed, mobile, sealed, web
from booking.db import Database
from booking.migrations.needed import head, is_behind
from booking.settings import Settings
from booking.web.dependencies import Tally
from booking.web.live import Relay, ending_on_signals


def create_app(settings: Settings, *, inbox: bool = False) -> FastAPI:
    """The web application.

    Args:
        settings: everything that differs between a laptop and the city's servers.
        inbox: also mount the page that shows each SMS; `henkham demo` only.
    """
    sealed.install(settings.keyring())
    database = Database(settings.database_url, pool=settings.database_pool, application="henkham-web")
    relay = Relay(database, most=settings.limit_streams, most_per_address=settings.limit_streams_per_address)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        comparing = asyncio.create_task(keyed.end_where_others(database, settings))
        with ending_on_signals(relay):
            yield
        comparing.cancel()
        await asyncio.wait({comparing})
        await relay.close()
        await database.close()

    app = FastAPI(
        title="Hẹn Khám",
        version="1",
        summary="Booking visits at the public health facilities of Vũng Tàu.",
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # such a redirect is built from the Host header, which anybody may write
        lifespan=lifespan,
        separate_input_output_schemas=False,
    )
    app.state.settings = settings
    app.state.db = database
    app.state.tally = Tally()
    app.state.relay = relay
    app.state.schema_needed, app.state.schema_is_behind = head(), is_behind
    api.install(app)
    web.install(app)
    mobile.install(app)
    desk.install(app)
    if inbox:
        from booking import inbox as sms_inbox

        app.include_router(sms_inbox.router)
    return app
