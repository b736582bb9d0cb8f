"""The kinds of questions, the names under which people ask for them, and their bounds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from labeling.models import Question

Kind, Scale = Question.Kind, Question.Scale

MAX_QUESTIONS: Final = 20
MAX_OPTIONS: Final = 50
MAX_POINTS: Final = 11  # of a rating given by its ends
MAX_NAME: Final = 100
MAX_LABEL: Final = 200
MAX_TEXT: Final = 2_000
LARGEST: Final = 1e12  # sums of squares of what is measured stay finite

KINDS: Final[Mapping[str, Question.Kind]] = {
    **{kind.value: kind for kind in Kind},
    **dict.fromkeys(("likert", "ordinal", "scale", "stars", "points"), Kind.RATING),
    **dict.fromkeys(("categorical", "category", "nominal", "one_of"), Kind.CHOICE),
    **dict.fromkeys(("single_choice", "select"), Kind.CHOICE),
    **dict.fromkeys(("several_of", "multiple_choice", "multi_select", "tags"), Kind.CHOICES),
    **dict.fromkeys(("numeric", "numerical", "interval", "ratio", "float"), Kind.NUMBER),
    **dict.fromkeys(("yesno", "boolean", "bool", "binary"), Kind.YES_NO),
    **dict.fromkeys(("pairwise", "comparison"), Kind.PREFERENCE),
    **dict.fromkeys(("critique", "comment", "free_text"), Kind.TEXT),
    **dict.fromkeys(("corrected_output", "edit"), Kind.CORRECTION),
}
SCALES: Final[Mapping[str, Question.Scale]] = {
    **{scale.value: scale for scale in Scale if scale != Scale.NONE},
    "categorical": Scale.NOMINAL,
    "numeric": Scale.INTERVAL,
}
SCALE_OF_KIND: Final[Mapping[Question.Kind, Question.Scale]] = {
    Kind.RATING: Scale.ORDINAL,
    Kind.CHOICE: Scale.NOMINAL,
    Kind.CHOICES: Scale.NOMINAL,
    Kind.NUMBER: Scale.INTERVAL,
    Kind.YES_NO: Scale.NOMINAL,
    Kind.PREFERENCE: Scale.NOMINAL,  # ordinal when graded
    Kind.TEXT: Scale.NONE,
    Kind.CORRECTION: Scale.NONE,
}
WORDS: Final = {"yes": True, "true": True, "no": False, "false": False}
YES_NO_OPTIONS: Final[tuple[dict[str, Any], ...]] = (
    {"value": True, "label": "yes"},
    {"value": False, "label": "no"},
)
PREFERENCE_OPTIONS: Final[tuple[dict[str, Any], ...]] = (
    {"value": "first", "label": "A"},
    {"value": "second", "label": "B"},
    {"value": "tie", "label": "tie"},
    {"value": "both_bad", "label": "both bad"},
)
