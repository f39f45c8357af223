"""Facilities, departments, services, practitioners and rooms: what there is to book."""
