"""One job a file: what to do at a tick. What is due is rows; a missed tick loses nothing."""
