"""People: who a visit is for, and how they are reached."""
