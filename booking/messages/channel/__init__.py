"""What all senders share about one provider: how fast, how much, and whether at all. See `rules`."""
