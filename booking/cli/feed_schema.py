"""`henkham feed schema`: what a feed, or the terms of what goes out, may say, for an editor."""

import json
import sys

from scheduler.exports.schema import feed_schema
from scheduler.outgoing.schema import terms_schema


def run(*, out: bool = False) -> None:
    """Print it, as docs/feed.schema.json has it; `out`: that of terms, as docs/out.schema.json has it."""
    told = terms_schema() if out else feed_schema()
    sys.stdout.buffer.write(f"{json.dumps(told, ensure_ascii=False, indent=1)}\n".encode())
    sys.stdout.flush()
