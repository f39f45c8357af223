"""Tests, and what they share."""

import gc

gc.set_threshold(20_000, 20, 20)
"""Importing the product and running a test make much and keep little: looking through it at each 700 objects is a sixth
of the time of the one, a twentieth of the other."""
