"""What patients of a facility were told by SMS, as staff see it, and telling them once more."""
