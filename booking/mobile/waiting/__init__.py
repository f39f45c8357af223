"""The waiting list: joining it, a wait, what is offered, leaving it."""
