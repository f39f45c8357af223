"""Translations: `vi/*.po`, one file an area, read by booking.i18n when the process starts."""
