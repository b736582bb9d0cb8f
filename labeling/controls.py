"""The units with right answers, as leads see them: what is right, and how people did."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from evalhub.runs.models import Run
from labeling.deciding.listing import examples_of
from labeling.evidence import asked_of
from labeling.history import answer_in_words
from labeling.known import control_answers
from labeling.models import Campaign, Control, Purpose


@dataclass(frozen=True)
class ShownControl:
    """One unit with right answers. Of the answers, some are neither right nor wrong: n/a."""

    control: Control
    key: str
    asked: str
    runs: list[Run]  # of its output, or of its two
    known: list[tuple[str, str]]
    n_answered: int
    n_right: int


def controls_of(campaign: Campaign) -> list[ShownControl]:
    """Return the controls of a campaign and its qualification, in the order they were set in."""
    controls = list(
        Control.objects.filter(campaign=campaign)
        .select_related(
            "unit__run__version",
            "unit__run__system_version__system",
            "unit__second_run__system_version__system",
        )
        .order_by("purpose", "pk")
    )
    answered, right = Counter[int](), Counter[int]()
    for purpose in (Purpose.CONTROL, Purpose.QUALIFICATION):
        for answer in control_answers(campaign, purpose=purpose):
            answered[answer.unit] += 1
            right[answer.unit] += answer.is_right is True
    examples = examples_of(control.unit for control in controls)
    questions = {question.name: question for question in campaign.asked}
    return [
        ShownControl(
            control=control,
            key=examples[control.unit_id].key,
            asked=asked_of(examples[control.unit_id].fields),
            runs=[run for run in (control.unit.run, control.unit.second_run) if run is not None],
            known=[
                (name, answer_in_words(questions[name], answer, is_swapped=False))
                for name, answer in control.answers.items()
                if name in questions
            ],
            n_answered=answered[control.unit_id],
            n_right=right[control.unit_id],
        )
        for control in controls
    ]
