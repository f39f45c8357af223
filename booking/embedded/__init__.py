"""A real PostgreSQL for `henkham demo` and pytest, from the binaries of a wheel. Production never comes here.

    with embedded.running(embedded.default_data_dir(project)) as server:
        server.create_database("henkham")
        serve(server.url("henkham"))

The wheel's own launcher is not used (and its package never imported): it breaks on paths with spaces, leaves servers
behind after kill -9 of their parent and opens parent folders to everybody when run by root. Here:

`places`  which binaries, which folder, and as whom: PostgreSQL refuses root, so root's server runs as `nobody`
`launch`  the script between us and postgres: drops privileges and asks the kernel to end it with its parent
`process` a process that ends with ours, started and awaited by a thread of its own
`cluster` the data folder: its locks, its password, initdb
`server`  starting, stopping, and databases
"""

from booking.embedded.cluster import erase
from booking.embedded.places import DataFolderBusy, EmbeddedError, default_data_dir, system_binaries, wheel_binaries
from booking.embedded.server import Server, running

__all__ = [
    "DataFolderBusy",
    "EmbeddedError",
    "Server",
    "default_data_dir",
    "erase",
    "running",
    "system_binaries",
    "wheel_binaries",
]
