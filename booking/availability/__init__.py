"""Weekly sessions and calendar days become slots with places; closing and opening them."""
