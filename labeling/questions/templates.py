"""Questions and guidelines for the usual campaigns, to begin from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from labeling.models import Campaign

_WHY: Final = "What is wrong, in a sentence. Name the words that are."


@dataclass(frozen=True)
class Template:
    """A campaign to begin from; `questions` are in the form of REST."""

    key: str
    title: str
    kind: Campaign.Kind
    questions: Sequence[Mapping[str, Any]]
    guidelines: str


def _points(*labels: str) -> list[dict[str, Any]]:
    return [{"value": at, "label": label} for at, label in enumerate(labels, start=1)]


_HELPFULNESS: Final = Template(
    key="helpfulness",
    title="Helpfulness, on five points",
    kind=Campaign.Kind.OUTPUTS,
    questions=(
        {
            "name": "helpfulness",
            "text": "Would the person who asked be content with this answer?",
            "kind": "rating",
            "options": _points(
                "useless: it would mislead them, or does not answer",
                "poor: a hint, and most is missing or wrong",
                "partly: right in part, or right and hard to find",
                "good: right and complete, with a small flaw",
                "excellent: right, complete, nothing in the way",
            ),
            "target_alpha": 0.667,
        },
        {
            "name": "helpfulness_why",
            "text": _WHY,
            "kind": "text",
            "condition": {"question": "helpfulness", "at_most": 2},
        },
    ),
    guidelines="""# Does the answer help?

Read the question first and think of who asked it. Then read the whole answer.

- Judge what the answer does for that person, not how it sounds.
- Length earns nothing. What is not asked for is in the way.
- A right answer in clumsy words is better than a wrong one in fine words.
- A refusal helps when the question cannot be answered, and is useless when it can.

Choose **n/a** when you cannot tell, for instance because you do not know the subject. Do not
guess.
""",
)

_FAITHFULNESS: Final = Template(
    key="faithfulness",
    title="Faithfulness to the context, on four points",
    kind=Campaign.Kind.OUTPUTS,
    questions=(
        {
            "name": "faithfulness",
            "text": "Does the context support what the answer says?",
            "kind": "rating",
            "options": _points(
                "contradicts it: a main statement says the opposite",
                "unsupported: a main statement is not in it",
                "nearly: a detail is wrong, invented or loosely put",
                "faithful: every statement is in it or follows from it",
            ),
            "target_alpha": 0.667,
        },
        {
            "name": "unsupported",
            "text": "Copy the words that the context does not support.",
            "kind": "text",
            "condition": {"question": "faithfulness", "at_most": 3},
        },
        {
            "name": "answered",
            "text": "Does it answer what was asked, as far as the context allows?",
            "kind": "yes_no",
        },
    ),
    guidelines="""# Is the answer faithful to the context?

Read the context first, then the answer, statement by statement. For each one find the words that
support it.

- Trust the context, not what you know. A statement that is true in the world and not in the
  context is unsupported.
- What follows from the context is supported: a sum, a synonym, the weekday of a date.
- Leaving something out is not unfaithful. It belongs to the question whether it answers.
- "The context does not say" is faithful when it does not.

Choose **n/a** when the context is missing or cannot be read.
""",
)

_PREFERENCE: Final = Template(
    key="preference",
    title="Preference between two answers",
    kind=Campaign.Kind.PAIRS,
    questions=(
        {
            "name": "preference",
            "text": "Which answer would you rather be given?",
            "kind": "preference",
            "target_alpha": 0.4,
        },
        {
            "name": "preference_why",
            "text": "What decided it, in a sentence.",
            "kind": "text",
            "required": False,
        },
    ),
    guidelines="""# Which answer is better?

Read the question, then both answers to their end. Sides are drawn anew for every pair, and tell
nothing.

- First: which one is right? A wrong answer loses against a right one, however it reads.
- Both right: which one says it more completely, and with less in the way?
- **Tie**: you would not mind which one you are given. Do not look for a difference that is none.
- **Both bad**: neither is of use, so that it does not matter which one is less so.

Choose **n/a** when you cannot tell which one is right.
""",
)

TEMPLATES: Final[Mapping[str, Template]] = {
    template.key: template for template in (_HELPFULNESS, _FAITHFULNESS, _PREFERENCE)
}
