"""Patients' pages: each step a plain GET with the answers so far in its address, or a form."""

from fastapi import FastAPI
from fastapi.routing import APIRoute

from booking.mobile import (
    agreeing,
    attending,
    calendar_file,
    checking,
    closed,
    details,
    finding,
    invitations,
    keeping,
    language,
    me,
    moving,
    my_data,
    near,
    not_me,
    offering,
    offline,
    on_the_day,
    party,
    people,
    problem_pages,
    searching,
    signing_in,
    signing_out,
    still_mine,
    tickets,
    waiting,
)
from booking.web import docs_page, static_files


def install(app: FastAPI) -> None:
    """Mount the pages; from now on an error on a page is a page."""
    for router in (
        static_files.router,
        docs_page.router,
        language.router,
        problem_pages.router,
        finding.router,
        searching.router,
        near.router,
        keeping.router,
        details.router,
        checking.router,
        tickets.router,
        moving.router,
        attending.router,
        closed.router,
        calendar_file.router,
        offering.router,
        offline.router,
        on_the_day.router,
        party.router,
        signing_in.router,
        still_mine.router,
        signing_out.router,
        not_me.router,
        waiting.router,
        me.router,
        people.router,
        agreeing.router,
        my_data.router,
        invitations.router,
    ):
        for route in router.routes:
            if isinstance(route, APIRoute) and route.methods and "GET" in route.methods:
                route.methods.add("HEAD")  # the server leaves the body out
        app.include_router(router)
    app.state.boards = on_the_day.Boards()
    app.state.error_page = problem_pages.error_page
