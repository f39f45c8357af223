"""Closing times with people inside: see what it means, do it, watch it, undo it, telephone whom no SMS reached."""

from fastapi import APIRouter

from booking.desk.closings import at_facility, calls, city

routers: tuple[APIRouter, ...] = (city.router, at_facility.router, calls.router)
