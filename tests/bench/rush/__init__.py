"""The morning rush: people who come when they come, not when we have time for them.

An open loop: every arrival has a moment of its own, and a latency counts from that moment, also where the generator or
the server was late. `client` speaks HTTP, `open_loop` sends arrivals off and keeps the histograms, `world` is what
there is to book; `steady`, `release`, `overload` are the three rushes. `make rush ARGS="steady --minutes 15"`.
"""
