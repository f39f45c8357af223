"""Fetching exports from hospitals' servers into the drop folder of their feed; the rest is the drop folder's way."""
