"""What campaigns ask, and what people answer: read, checked, in one form, and as numbers."""

from labeling.questions.answers import (
    Answer,
    AnswerError,
    Value,
    mirrored,
    read_answer,
    read_answers,
)
from labeling.questions.asked import described, read_questions
from labeling.questions.conditions import applies, asked_under
from labeling.questions.differing import Differing, DifferRule, Rule, read_differ_rule
from labeling.questions.distances import number_of, scale_of, width_of
from labeling.questions.numbers import (
    as_number,
    as_written,
    has_numbers,
    is_counted,
    is_number,
    measured_name,
    numbers_of,
    values_of,
)

__all__ = [
    "Answer",
    "AnswerError",
    "DifferRule",
    "Differing",
    "Rule",
    "Value",
    "applies",
    "as_number",
    "as_written",
    "asked_under",
    "described",
    "has_numbers",
    "is_counted",
    "is_number",
    "measured_name",
    "mirrored",
    "number_of",
    "numbers_of",
    "read_answer",
    "read_answers",
    "read_differ_rule",
    "read_questions",
    "scale_of",
    "values_of",
    "width_of",
]
