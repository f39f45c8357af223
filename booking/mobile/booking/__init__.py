"""From a kept place to a booking: who comes, the last look, and what happens when the time ran out."""
