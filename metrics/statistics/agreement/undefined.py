"""Why a figure about agreement does not exist, in words."""

from __future__ import annotations

from enum import StrEnum


class Undefined(StrEnum):
    """Why there is no value. It is then never shown as 0 or as 1."""

    NO_ANSWERS = "no_answers"
    ONE_ANNOTATOR = "one_annotator"
    NO_OVERLAP = "no_overlap"
    NO_VARIATION = "no_variation"
    NEGATIVE_VALUES = "negative_values"
    TOO_MANY_VALUES = "too_many_values"
    NOTHING_SHARED = "nothing_shared"
    ALONE = "alone"
    NO_OTHERS = "no_others"

    @property
    def sentence(self) -> str:
        """What a person reads."""
        return _SENTENCES[self]


_SENTENCES = {
    Undefined.NO_ANSWERS: "There are no answers yet.",
    Undefined.ONE_ANNOTATOR: "Only one person has answered: agreement needs two.",
    Undefined.NO_OVERLAP: "No unit has answers from two people yet.",
    Undefined.NO_VARIATION: (
        "All answers are the same, so there is nothing that people could have disagreed about."
    ),
    Undefined.NEGATIVE_VALUES: "A ratio scale starts at 0, and some answers are below it.",
    Undefined.TOO_MANY_VALUES: (
        "The answers have too many different values for this scale: an interval scale takes any."
    ),
    Undefined.NOTHING_SHARED: "These two have not answered a unit in common.",
    Undefined.ALONE: "Nobody else has answered this person's units.",
    Undefined.NO_OTHERS: "Without this person no unit has answers from two people.",
}
