"""What one test says of one state of the code."""

from __future__ import annotations

from enum import StrEnum


class Answer(StrEnum):
    """Green, red, or no answer to the question."""

    GREEN = "green"
    RED = "red"
    UNTESTABLE = "untestable"
    """It did not come to run there, or failed for a reason that the question is not about."""

    @property
    def opposite(self) -> Answer:
        """The answer to the opposite question; what is untestable stays so."""
        match self:
            case Answer.GREEN:
                return Answer.RED
            case Answer.RED:
                return Answer.GREEN
            case Answer.UNTESTABLE:
                return Answer.UNTESTABLE
