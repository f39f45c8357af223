"""Exports that staff show us, to see what would be read: nothing of them is applied; and the feeds in force.

The page takes the file apart and seals it; the scheduler's process has it read by a process of its own; the page shows
what it said. An hour later all of it is gone.
"""
