"""The day on paper: the sheet of a facility's day, and entering afterwards what was written on it by hand."""
