"""What is kept, and how long: one table, and the removal of what is older."""
