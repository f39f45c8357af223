"""Patients' pages."""

from fastapi import FastAPI


def install(app: FastAPI) -> None:
    """Mount the pages."""
