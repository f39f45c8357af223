"""The calendar at the desk: what takes place when, with how many places; days off; what a facility is made of."""

from fastapi import APIRouter

from booking.desk.calendar import days, entries, months, notices, weekly

routers: tuple[APIRouter, ...] = (months.router, days.router, weekly.router, entries.router, notices.router)
