"""Staff pages: one desk for clerks, doctors, managers and the city's administrators."""

from fastapi import FastAPI
from fastapi.routing import APIRoute

from booking.desk import (
    account,
    calendar,
    closings,
    display,
    feeds,
    figures,
    home,
    messages,
    queue,
    requests,
    signing_in,
    staff,
    training,
)
from booking.desk.booking import routers as booking_for_others
from booking.desk.queue.parts import Sheets
from booking.desk.sheet import routers as day_sheet


def install(app: FastAPI) -> None:
    """Mount the pages of the desk."""
    for router in (
        signing_in.router,
        home.router,
        training.router,
        account.router,
        staff.router,
        *calendar.routers,
        *closings.routers,
        *messages.routers,
        *queue.routers,
        *day_sheet,
        *booking_for_others,
        *feeds.routers,
        requests.router,
        display.router,
        *figures.routers,
    ):
        for route in router.routes:
            if isinstance(route, APIRoute) and route.methods and "GET" in route.methods:
                route.methods.add("HEAD")  # the server leaves the body out
        app.include_router(router)
    app.state.sheets = Sheets()
    app.state.screens = display.Screens()
