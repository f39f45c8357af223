"""Every SMS: the outbox, the texts, when they go, what carriers say of them."""
