"""Hold, book, move, cancel: the heart."""
