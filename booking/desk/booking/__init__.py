"""Booking for others: find, book, print, change; somebody new; codes read out; series; two records that are one."""

from fastapi import APIRouter

from booking.desk.booking import (
    changing,
    codes,
    correcting,
    due,
    finding,
    joining,
    reaching,
    registering,
    series,
    visits,
)

routers: tuple[APIRouter, ...] = (
    finding.router, visits.router, changing.router, registering.router, codes.router, series.router, joining.router,
    due.router, correcting.router, reaching.router,
)  # fmt: skip
