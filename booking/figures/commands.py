"""What a manager can ask for."""

from booking.figures.kinds import Verdict
from booking.inputs import Command, Whole


class AnswerSuspicion(Command):
    """What to make of a note about a person. `flag` is its row, which is found through the facility only."""

    flag: Whole
    verdict: Verdict
