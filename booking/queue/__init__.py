"""The queue of a service or room on one day: check in, walk in, call next, skip, finish, expected time."""
