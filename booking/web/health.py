"""Is the process there, and can it work?"""

from fastapi import APIRouter, Request
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import JSONResponse

from booking.messages import texts
from booking.settings import Settings
from booking.trail import key_signs

router = APIRouter(include_in_schema=False)


@router.get("/healthz")
async def healthz() -> JSONResponse:
    """The process answers; nothing more is asked."""
    return JSONResponse({"status": "ok"}, headers={"Cache-Control": "no-store"})


@router.get("/readyz")
async def readyz(request: Request) -> JSONResponse:
    """The database answers, has the schema this code needs or a newer one, and is written with our keys.

    A newer one is what an upgrade looks like to the version that still serves: were it not ready, everybody would be
    turned away until the first process of the new version is up. Revisions are numbers of one width, so they compare.

    Texts the carriers have not approved are named but do not make us unready: a booking page without its SMS is worth
    more than none.
    """
    checks = {"database": "ok", "migrations": "ok", "keys": "ok"}
    try:
        async with request.app.state.db.transaction() as session:
            found = await _revision(session)
            behind = request.app.state.schema_is_behind(found)
            other = [] if behind else await key_signs.compare(session, request.app.state.settings.keyring())
    except Exception as problem:  # noqa: BLE001  whatever it is, we are not ready, and the type says why
        checks = {"database": type(problem).__name__, "migrations": "unknown"}
    else:
        if other:  # what it took down nobody could read, and nobody would be told
            checks["keys"] = "; ".join(other)
        if behind:
            checks["migrations"] = f"the database has {found}, this version needs {request.app.state.schema_needed}"
    ready = all(value == "ok" for value in checks.values())
    checks |= _texts(request.app.state.settings)
    return JSONResponse(
        {"status": "ok" if ready else "not ready", "checks": checks},
        200 if ready else 503,
        {"Cache-Control": "no-store"},
    )


def _texts(settings: Settings) -> dict[str, str]:
    """Where SMS go to people: which texts the carriers have not approved; they wait."""
    if settings.environment != "production" or settings.gateway_name == "console":
        return {}
    registered = settings.registered_texts
    waiting = sorted(f"{one.kind} ({one.language})" for one in texts.unapproved(registered))
    said = {"texts": f"not approved: {', '.join(waiting)}" if waiting else "ok"}
    unknown = texts.unknown(registered)
    return said | ({"texts_unknown": ", ".join(unknown)} if unknown else {})


async def _revision(session: AsyncSession) -> str | None:
    there = await session.execute(text("SELECT to_regclass('alembic_version') IS NOT NULL"))
    if not there.scalar():
        return None
    found: str | None = (await session.execute(text("SELECT version_num FROM alembic_version"))).scalar()
    return found
