"""Our bookings to a hospital's software: what is told, in which numbered file, and what the hospital answered.

`service.make` makes a file in one transaction (number, content and what was told by it are written together),
`service.handed` notes that it lies where the hospital takes it. How a file is written is the scheduler's business
(scheduler/outgoing).
"""
