"""Where, what for and when: search, places, days and times, and what is said where nothing is free."""
