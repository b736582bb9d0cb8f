"""What other questions would mean for the answers given so far, in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from labeling.models import Annotation, Campaign, Control, Question

_SHOWN = ("text", "options", "is_required", "condition", "target_alpha", "higher_is_better")


class Change(StrEnum):
    """What becomes of one question."""

    SAME = "same"
    REWORDED = "reworded"  # its answers go on counting
    ANEW = "anew"  # another scale: the answers so far count no longer
    NEW = "new"
    AGAIN = "again"  # it was asked before, and means the same as then
    GONE = "gone"


@dataclass(frozen=True)
class Consequence:
    """What becomes of one question, and of the answers to it."""

    name: str
    change: Change
    n_counting: int  # answers given so far that go on counting
    n_resting: int  # answers that stay where they are, and enter nothing
    n_known: int  # right answers of control units that do not fit any more

    @property
    def sentence(self) -> str:
        said = _SENTENCES[self.change].format(
            counting=_answers(self.n_counting), resting=_answers(self.n_resting)
        )
        if self.n_known:
            said += (
                f" The right answers of {self.n_known:,} control "
                f"unit{'' if self.n_known == 1 else 's'} are about the old scale and are dropped: "
                "set them again."
            )
        return said


_SENTENCES = {
    Change.SAME: "Asked as before; {counting} so far count.",
    Change.REWORDED: "The same scale in other words; {counting} so far go on counting.",
    Change.ANEW: "Another scale, so it begins anew: {resting} so far stay in the files, and "
    "enter neither agreement nor scores.",
    Change.NEW: "Asked from now on. What is answered already is not asked again.",
    Change.AGAIN: "Asked again as it was before; {counting} from then count.",
    Change.GONE: "Asked no more: {resting} so far stay in the files, and enter neither agreement "
    "nor scores.",
}


def _answers(n: int) -> str:
    return {0: "no answers", 1: "the one answer"}.get(n, f"the {n:,} answers")


def consequences(campaign: Campaign, questions: Sequence[Question]) -> list[Consequence]:
    """Return what asking these would mean, in their order; what is asked no more comes last."""
    counts = answer_counts(campaign)
    before = {question.name: question for question in campaign.asked}
    meanings = _meanings(campaign)
    known = list(Control.objects.filter(unit__campaign=campaign).values_list("answers", flat=True))
    after = {question.name: question for question in questions}
    found = []
    for name in [*after, *(name for name in before if name not in after)]:
        old, new = before.get(name), after.get(name)
        counting = sum(
            n
            for (asked, question_set), n in counts.items()
            if asked == name and new and meanings.get((name, question_set)) == new.meaning
        )
        total = sum(n for (asked, _), n in counts.items() if asked == name)
        is_kept = old is not None and new is not None and old.meaning == new.meaning
        found.append(
            Consequence(
                name=name,
                change=_change(old, new, has_answers=counting > 0),
                n_counting=counting,
                n_resting=total - counting,
                n_known=0 if is_kept else sum(name in answers for answers in known),
            )
        )
    return found


def _change(old: Question | None, new: Question | None, *, has_answers: bool) -> Change:
    if new is None:
        return Change.GONE
    if old is None:
        return Change.AGAIN if has_answers else Change.NEW
    if old.meaning != new.meaning:
        return Change.AGAIN if has_answers else Change.ANEW
    return Change.SAME if shows(old) == shows(new) else Change.REWORDED


def shows(question: Question) -> tuple[object, ...]:
    """Return all that an annotator or a lead sees of a question."""
    return (question.meaning, *(getattr(question, name) for name in _SHOWN))


def are_same(some: Iterable[Question], others: Iterable[Question]) -> bool:
    return [shows(each) for each in some] == [shows(each) for each in others]


def answer_counts(campaign: Campaign) -> Mapping[tuple[str, int], int]:
    """Count the answers by question and by the version they were given under."""
    given = Annotation.objects.given().filter(unit__campaign=campaign)
    counts: dict[tuple[str, int], int] = {}
    rows = given.order_by().values_list("question_set_id", "answers")
    for question_set, answers in rows.iterator(chunk_size=5_000):
        for name in answers:
            counts[name, question_set] = counts.get((name, question_set), 0) + 1
    return counts


def _meanings(campaign: Campaign) -> Mapping[tuple[str, int], tuple[object, ...]]:
    """Return what each question meant in each version."""
    asked = Question.objects.filter(question_set__campaign=campaign)
    return {(question.name, question.question_set_id): question.meaning for question in asked}
