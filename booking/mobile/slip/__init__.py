"""The slip of a visit: shown, kept on the phone, moved, given up, and the place in the line on the day."""
