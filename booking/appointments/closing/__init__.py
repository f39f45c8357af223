"""Closing times with people inside: the doctor is ill, a typhoon comes.

    service.close       the slots close at once, in the request's transaction: nobody books in any more
    applying            then the job goes through the visits inside, each in a transaction of its own
    service.undo        until the first SMS is due; undoing.py puts each visit back
    answering           what a patient says who was asked to choose, and what staff hear on the telephone

Locks are taken in one order: the closing's row, slots by id, the appointment, then entries of the waiting list.
"""
