"""Who may open what at the desk: every route, every role, own and other facility, written down by hand.

The table is never derived from the guards it judges. A route that is missing from it fails the first test.
"""

import httpx
import pytest
from fastapi import FastAPI

from booking import clock
from booking.access import queries
from booking.access.kinds import Role
from booking.db import Database
from tests import calendars, clashing, closings, counters, places, requested, seeds, staff, told
from tests.places import OTHER, STATION
from tests.routes import routes

pytestmark = pytest.mark.anyio

CLERK, DOCTOR, MANAGER, ADMIN, AUDITOR = "clerk", "doctor", "manager", "city_admin", "auditor"
EVERYBODY = {CLERK, DOCTOR, MANAGER, ADMIN, AUDITOR}
LEADERS = {MANAGER, ADMIN}
BOOKERS = {CLERK, DOCTOR, MANAGER}
"""Who may book for a patient and read her record: a city administrator has no business with it."""
CALLERS = {CLERK, DOCTOR, MANAGER}
READERS = {MANAGER, ADMIN, AUDITOR}

OPEN = {
    ("GET", "/desk/sign-in"), ("POST", "/desk/sign-in"), ("POST", "/desk/sign-out"),
    ("GET", "/desk/sw.js"), ("GET", "/desk/lost"),
}  # fmt: skip
"""For whoever comes: the way in and out, and what a machine keeps that names nobody."""

MATRIX: dict[tuple[str, str], set[str]] = {
    ("GET", "/desk"): EVERYBODY,
    ("GET", "/desk/training"): EVERYBODY,
    ("POST", "/desk/training/anew"): EVERYBODY,
    ("GET", "/desk/account"): EVERYBODY,
    ("GET", "/desk/account/password"): EVERYBODY,
    ("POST", "/desk/account/password"): EVERYBODY,
    ("GET", "/desk/account/authenticator"): EVERYBODY,
    ("POST", "/desk/account/authenticator"): EVERYBODY,
    ("POST", "/desk/account/sessions/{which}/end"): EVERYBODY,
    ("GET", "/desk/staff"): LEADERS,
    ("GET", "/desk/staff/new"): LEADERS,
    ("POST", "/desk/staff/new"): LEADERS,
    ("GET", "/desk/staff/{staff}"): LEADERS,
    ("POST", "/desk/staff/{staff}"): LEADERS,
    ("POST", "/desk/staff/{staff}/disable"): LEADERS,
    ("POST", "/desk/staff/{staff}/enable"): LEADERS,
    ("POST", "/desk/staff/{staff}/password"): LEADERS,
    ("GET", "/desk/{facility}/calendar"): LEADERS,
    ("GET", "/desk/{facility}/calendar/off"): LEADERS,
    ("GET", "/desk/{facility}/calendar/inside"): LEADERS,
    ("GET", "/desk/{facility}/calendar/days/{day}"): LEADERS,
    ("GET", "/desk/{facility}/calendar/days/{day}/mark"): LEADERS,
    ("POST", "/desk/{facility}/calendar/days/{day}/mark"): LEADERS,
    ("GET", "/desk/{facility}/calendar/days/{day}/sessions/{weekly}"): LEADERS,
    ("POST", "/desk/{facility}/calendar/days/{day}/sessions/{weekly}"): LEADERS,
    ("GET", "/desk/{facility}/calendar/weekly"): LEADERS,
    ("GET", "/desk/{facility}/calendar/weekly/new"): LEADERS,
    ("POST", "/desk/{facility}/calendar/weekly/new"): LEADERS,
    ("GET", "/desk/{facility}/calendar/weekly/{weekly}"): LEADERS,
    ("POST", "/desk/{facility}/calendar/weekly/{weekly}"): LEADERS,
    ("GET", "/desk/{facility}/calendar/weekly/{weekly}/end"): LEADERS,
    ("POST", "/desk/{facility}/calendar/weekly/{weekly}/end"): LEADERS,
    ("GET", "/desk/{facility}/calendar/entries"): LEADERS,
    ("GET", "/desk/{facility}/calendar/services/new"): LEADERS,
    ("POST", "/desk/{facility}/calendar/services/new"): LEADERS,
    ("GET", "/desk/{facility}/calendar/services/{code}"): LEADERS,
    ("POST", "/desk/{facility}/calendar/services/{code}"): LEADERS,
    ("GET", "/desk/{facility}/calendar/practitioners/new"): LEADERS,
    ("POST", "/desk/{facility}/calendar/practitioners/new"): LEADERS,
    ("GET", "/desk/{facility}/calendar/practitioners/{code}"): LEADERS,
    ("POST", "/desk/{facility}/calendar/practitioners/{code}"): LEADERS,
    ("GET", "/desk/{facility}/calendar/rooms/new"): LEADERS,
    ("POST", "/desk/{facility}/calendar/rooms/new"): LEADERS,
    ("GET", "/desk/{facility}/calendar/rooms/{code}"): LEADERS,
    ("POST", "/desk/{facility}/calendar/rooms/{code}"): LEADERS,
    ("GET", "/desk/{facility}/calendar/notices"): LEADERS,
    ("GET", "/desk/{facility}/calendar/notices/new"): LEADERS,
    ("POST", "/desk/{facility}/calendar/notices/new"): LEADERS,
    ("GET", "/desk/{facility}/calendar/notices/{notice}"): LEADERS,
    ("POST", "/desk/{facility}/calendar/notices/{notice}"): LEADERS,
    ("POST", "/desk/{facility}/calendar/notices/{notice}/remove"): LEADERS,
    ("POST", "/desk/{facility}/calendar/state"): LEADERS,
    ("GET", "/desk/{facility}/book"): BOOKERS,
    ("POST", "/desk/{facility}/book"): BOOKERS,
    ("POST", "/desk/{facility}/visits"): BOOKERS,
    ("GET", "/desk/{facility}/appointments/{code}"): BOOKERS,
    ("GET", "/desk/{facility}/appointments/{code}/slip"): BOOKERS,
    ("GET", "/desk/{facility}/appointments/{code}/move"): BOOKERS,
    ("POST", "/desk/{facility}/appointments/{code}/move"): BOOKERS,
    ("GET", "/desk/{facility}/appointments/{code}/cancel"): BOOKERS,
    ("POST", "/desk/{facility}/appointments/{code}/cancel"): BOOKERS,
    ("GET", "/desk/{facility}/patients/new"): BOOKERS,
    ("POST", "/desk/{facility}/patients/new"): BOOKERS,
    ("GET", "/desk/{facility}/code"): BOOKERS,
    ("POST", "/desk/{facility}/code"): BOOKERS,
    ("GET", "/desk/{facility}/patients/{patient}/series"): BOOKERS,
    ("POST", "/desk/{facility}/patients/{patient}/series"): BOOKERS,
    ("POST", "/desk/{facility}/patients/{patient}/series/propose"): BOOKERS,
    ("GET", "/desk/{facility}/patients/{patient}/series/{which}"): BOOKERS,
    ("POST", "/desk/{facility}/patients/{patient}/series/{which}"): BOOKERS,
    ("GET", "/desk/{facility}/due"): BOOKERS,
    ("GET", "/desk/{facility}/patients/{patient}/record"): BOOKERS,
    ("POST", "/desk/{facility}/patients/{patient}/record"): BOOKERS,
    ("GET", "/desk/{facility}/patients/{patient}/number"): BOOKERS,
    ("POST", "/desk/{facility}/patients/{patient}/number"): BOOKERS,
    ("POST", "/desk/{facility}/patients/{patient}/number/vouch"): BOOKERS,
    ("POST", "/desk/{facility}/patients/{patient}/series/{which}/end"): BOOKERS,
    ("GET", "/desk/{facility}/duplicates"): BOOKERS,
    ("POST", "/desk/{facility}/duplicates"): BOOKERS,
    ("POST", "/desk/{facility}/duplicates/{merge}/undo"): BOOKERS,
    ("GET", "/desk/{facility}/closings"): {CLERK, MANAGER, ADMIN},
    ("GET", "/desk/{facility}/closings/new"): LEADERS,
    ("POST", "/desk/{facility}/closings/new"): LEADERS,
    ("GET", "/desk/{facility}/closings/{closing}"): {CLERK, MANAGER, ADMIN},
    ("POST", "/desk/{facility}/closings/{closing}/undo"): LEADERS,
    ("POST", "/desk/{facility}/closings/{closing}/end"): LEADERS,
    ("GET", "/desk/{facility}/closings/{closing}/calls"): {CLERK, MANAGER},
    ("POST", "/desk/{facility}/closings/{closing}/calls/{visit}"): {CLERK, MANAGER},
    ("GET", "/desk/{facility}/messages"): {CLERK, MANAGER, ADMIN},
    ("POST", "/desk/{facility}/messages"): {CLERK, MANAGER, ADMIN},
    ("GET", "/desk/{facility}/messages/calls"): {CLERK, MANAGER},
    ("POST", "/desk/{facility}/messages/calls/{visit}"): {CLERK, MANAGER},
    ("POST", "/desk/{facility}/messages/calls/{visit}/works"): {CLERK, MANAGER},
    ("POST", "/desk/{facility}/messages/calls/slips/{slip}"): {CLERK, MANAGER},
    ("POST", "/desk/{facility}/messages/calls/slips/{slip}/works"): {CLERK, MANAGER},
    ("GET", "/desk/{facility}/messages/channel"): {CLERK, MANAGER, ADMIN},
    ("POST", "/desk/{facility}/messages/channel"): {ADMIN},
    ("GET", "/desk/{facility}/messages/{message}"): {CLERK, MANAGER},
    ("POST", "/desk/{facility}/messages/{message}"): {CLERK, MANAGER},
    ("GET", "/desk/{facility}/conflicts"): BOOKERS,
    ("POST", "/desk/{facility}/conflicts/{conflict}"): BOOKERS,
    ("GET", "/desk/{facility}/show-file"): LEADERS,
    ("POST", "/desk/{facility}/show-file"): LEADERS,
    ("GET", "/desk/{facility}/show-file/{shown}"): LEADERS,
    ("GET", "/desk/{facility}/feeds"): LEADERS,
    ("GET", "/desk/{facility}/feeds/{feed}"): LEADERS,
    ("GET", "/desk/{facility}/feeds/{feed}/files/{file}"): LEADERS,
    ("POST", "/desk/{facility}/feeds/{feed}/files/{file}"): LEADERS,
    ("GET", "/desk/{facility}/outgoing/{feed}"): LEADERS,
    ("GET", "/desk/closings"): {ADMIN},
    ("GET", "/desk/closings/new"): {ADMIN},
    ("POST", "/desk/closings/new"): {ADMIN},
    ("GET", "/desk/closings/{closing}"): {ADMIN},
    ("POST", "/desk/closings/{closing}/undo"): {ADMIN},
    ("POST", "/desk/closings/{closing}/end"): {ADMIN},
    ("GET", "/desk/figures"): READERS,
    ("GET", "/desk/figures/all.csv"): READERS,
    ("GET", "/desk/figures/all.xlsx"): READERS,
    ("GET", "/desk/{facility}/figures"): READERS,
    ("GET", "/desk/{facility}/figures/tables/{table}.csv"): READERS,
    ("GET", "/desk/{facility}/figures/all.xlsx"): READERS,
    ("GET", "/desk/{facility}/figures/undelivered"): READERS,
    ("GET", "/desk/{facility}/requests"): {MANAGER},
    ("GET", "/desk/{facility}/requests/new"): BOOKERS,
    ("POST", "/desk/{facility}/requests/new"): BOOKERS,
    ("GET", "/desk/{facility}/requests/{request}"): {MANAGER},
    ("POST", "/desk/{facility}/requests/{request}"): {MANAGER},
    ("GET", "/desk/{facility}/suspicions"): {MANAGER},
    ("POST", "/desk/{facility}/suspicions/{flag}"): {MANAGER},
    ("GET", "/desk/reads"): {AUDITOR},
    ("GET", "/desk/reads/all.csv"): {AUDITOR},
    ("GET", "/desk/reads/all.xlsx"): {AUDITOR},
    ("GET", "/desk/{facility}/queue"): CALLERS,
    ("GET", "/desk/{facility}/queue/live"): CALLERS,
    ("POST", "/desk/{facility}/queue/scan"): CALLERS,
    ("POST", "/desk/{facility}/queue/walk-in"): CALLERS,
    ("POST", "/desk/{facility}/queue/call"): CALLERS,
    ("POST", "/desk/{facility}/queue/step/{step}"): CALLERS,
    ("POST", "/desk/{facility}/queue/emergency"): CALLERS,
    ("POST", "/desk/{facility}/queue/late"): CALLERS,
    ("POST", "/desk/{facility}/queue/no-show"): CALLERS,
    ("POST", "/desk/{facility}/queue/undo"): CALLERS,
    ("GET", "/desk/{facility}/queue/ticket/{ticket}"): CALLERS,
    ("GET", "/desk/{facility}/queue/ticket/{ticket}/paper"): CALLERS,
    ("GET", "/desk/{facility}/room/{room}"): CALLERS,
    ("GET", "/desk/{facility}/sheet"): CALLERS,
    ("GET", "/desk/{facility}/sheet/copy"): CALLERS,
    ("GET", "/desk/{facility}/sheet/entry"): CALLERS,
    ("POST", "/desk/{facility}/sheet/entry"): CALLERS,
    ("POST", "/desk/{facility}/sheet/entry/undo"): CALLERS,
    ("GET", "/desk/{facility}/displays"): CALLERS,
    ("POST", "/desk/{facility}/displays"): CALLERS,
    ("POST", "/desk/{facility}/displays/{display}/close"): CALLERS,
}
"""Method and route: the roles that may, within their own scope."""

ELSEWHERE = {path: {ADMIN} for method, path in MATRIX if "{staff}" in path or "{facility}" in path}
"""Routes that name an object of another facility: who may all the same. For everybody else it does not exist (404)."""

ELSEWHERE |= {path: {ADMIN, AUDITOR} for path in ELSEWHERE if "/figures" in path}  # an auditor's scope is the city


INSIDE = (
    "{weekly}",
    "{code}",
    "{notice}",
    "{closing}",
    "{ticket}",
    "{room}",
    "{display}",
    "{message}",
    "{slip}",
    "{conflict}",
    "{feed}",
    "{file}",
    "{shown}",
    "{request}",
)
"""What stands for an object of a facility behind the facility itself: another's is there for nobody."""


def _routes(app: FastAPI) -> set[tuple[str, str]]:
    found = [(method, path) for path, methods in routes(app) for method in methods if path.startswith("/desk")]
    return {(method, path) for method, path in found if method != "HEAD"}


def test_every_route_of_the_desk_is_in_the_table(app: FastAPI) -> None:
    assert _routes(app) == set(MATRIX) | OPEN


async def _sign_in_everybody(db: Database) -> dict[str, str]:
    tokens = {}
    for role in Role:
        scope = [] if role.value in (ADMIN, AUDITOR) else [STATION]
        await staff.add(db, f"{role.value.replace('_', '-')}.mau", role, scope)
        tokens[role.value] = await staff.sign_in(db, f"{role.value.replace('_', '-')}.mau") or ""
    return tokens


async def _asked(client: httpx.AsyncClient, method: str, path: str, token: str) -> int:
    client.cookies.clear()
    if token:
        client.cookies.set("desk", token)
    headers = {"sec-fetch-site": "same-origin"}
    if path.endswith("/live"):
        method = "HEAD"  # a stream that is opened has no end; who may open it is asked all the same
    answer = await client.request(method, path, headers=headers, data={} if method == "POST" else None)
    if answer.headers.get("location", "").startswith("/desk/sign-in?"):
        return 401  # sent to sign in: not known
    return answer.status_code


async def test_who_may_open_what(client: httpx.AsyncClient, db: Database) -> None:
    client.event_hooks = {"response": []}  # the HTML of these pages is judged where they are walked
    async with db.transaction() as session:
        await places.make(session, clock.utc_now())
    tokens = await _sign_in_everybody(db)
    here = await staff.add(db, "here.mau", Role.CLERK, [STATION])
    there = await staff.add(db, "there.mau", Role.CLERK, [OTHER])
    mine, theirs = [
        await calendars.fill(db, place, f"{place}-mau")
        | await closings.closed_at(db, place)
        | await counters.fill(db, place)
        | await told.fill(db, place)
        | await clashing.fill(db, place)
        | await requested.fill(db, place)
        for place in (STATION, OTHER)
    ]
    wrong: list[tuple[object, ...]] = []
    for (method, path), may in MATRIX.items():
        own = path.format_map(
            {
                "staff": here.public_id,
                "which": here.public_id,
                "patient": here.public_id,
                "merge": here.public_id,
                "table": "hour",
                "flag": 1,
                **mine,
            }
        )
        other = path.format_map(
            {
                "staff": there.public_id,
                "which": there.public_id,
                "patient": there.public_id,
                "merge": there.public_id,
                "table": "hour",
                "flag": 1,
                **theirs,
            }
        )
        if await _asked(client, method, own, "") != 401:
            wrong.append((method, path, "nobody"))
        for role, token in tokens.items():
            status = await _asked(client, method, own, token)
            # 404 of a session that is nobody's, 422 of an empty form: the door was opened. 403 is the closed one.
            if (status in (403, 401)) != (role not in may):
                wrong.append((method, path, role, status))
            if path in ELSEWHERE and role in may:
                status = await _asked(client, method, other, token)
                if (status == 404) != (role not in ELSEWHERE[path]):
                    wrong.append((method, other, role, "elsewhere", status))
            if any(part in path for part in INSIDE) and role in may:
                strange = path.format_map({**theirs, "facility": STATION})
                if (status := await _asked(client, method, strange, token)) != 404:
                    wrong.append((method, strange, role, "another's", status))
    assert wrong == []
    left = await seeds.value(db, "SELECT state FROM staff WHERE username = 'there.mau'")
    assert left == "active"  # closed and opened again by the administrator, touched by nobody else


async def test_control_without_the_scope_a_foreign_account_is_open(
    client: httpx.AsyncClient, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with db.transaction() as session:
        await places.make(session, clock.utc_now())
    tokens = await _sign_in_everybody(db)
    there = await staff.add(db, "there.mau", Role.CLERK, [OTHER])
    assert await _asked(client, "GET", f"/desk/staff/{there.public_id}", tokens[MANAGER]) == 404
    monkeypatch.setattr(queries, "within", lambda *_: True)
    assert await _asked(client, "GET", f"/desk/staff/{there.public_id}", tokens[MANAGER]) == 200
