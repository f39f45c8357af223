"""The waiting list: who waits for a place, and the places kept for somebody who was told.

Locks are taken in one order, here as everywhere: slots by id, then appointments by id, then entries. A place that is
offered is an appointment in state held with `offered` set; its slot's row is locked by whoever makes or ends the offer.
"""
