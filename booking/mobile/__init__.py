"""Patients' pages: each step a plain GET with the answers so far in its address, or a form.

One folder for each thing a patient comes for: `finding`, `booking`, `slip`, `waiting`, `account`. Beside them stands
what all of them use: addresses, forms, readings, the switches of the frame, and errors as pages.
"""

from fastapi import FastAPI
from fastapi.routing import APIRoute

from booking.mobile import language, problem_pages
from booking.mobile.account import (
    agreeing,
    invitations,
    me,
    my_data,
    not_me,
    people,
    requesting,
    signing_in,
    signing_out,
    still_mine,
    told,
)
from booking.mobile.booking import checking, details, keeping, party
from booking.mobile.finding import near, searching, steps
from booking.mobile.slip import attending, calendar_file, closed, moving, offline, on_the_day, reminders, tickets
from booking.mobile.waiting import offering, waits
from booking.web import docs_page, static_files


def install(app: FastAPI) -> None:
    """Mount the pages; from now on an error on a page is a page."""
    for router in (
        static_files.router,
        docs_page.router,
        language.router,
        problem_pages.router,
        steps.router,
        searching.router,
        near.router,
        keeping.router,
        details.router,
        checking.router,
        party.router,
        tickets.router,
        moving.router,
        attending.router,
        closed.router,
        calendar_file.router,
        reminders.router,
        offline.router,
        on_the_day.router,
        waits.router,
        offering.router,
        signing_in.router,
        still_mine.router,
        signing_out.router,
        not_me.router,
        me.router,
        people.router,
        agreeing.router,
        requesting.router,
        my_data.router,
        invitations.router,
        told.router,
    ):
        for route in router.routes:
            if isinstance(route, APIRoute) and route.methods and "GET" in route.methods:
                route.methods.add("HEAD")  # the server leaves the body out
        app.include_router(router)
    app.state.boards = on_the_day.Boards()
    app.state.error_page = problem_pages.error_page
