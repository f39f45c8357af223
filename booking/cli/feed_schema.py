"""`henkham feed schema`: what a feed may say, for an editor."""

import json
import sys

from scheduler.exports.schema import feed_schema


def run() -> None:
    """Print it, as docs/feed.schema.json has it."""
    sys.stdout.buffer.write(f"{json.dumps(feed_schema(), ensure_ascii=False, indent=1)}\n".encode())
    sys.stdout.flush()
