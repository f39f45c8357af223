"""A cluster of three database machines in network namespaces, and what happens to bookings when parts of it fail."""
