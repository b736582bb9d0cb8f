"""What experts and leads type where people differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError

from evalhub.errors import FieldError
from labeling.forms.desk import Fields, Sent, field_of, fields_of, fields_sent, said_in
from labeling.models import Decision, DecisionReason, Question
from labeling.plans import MAX_GUIDELINES
from labeling.questions import Answer, DifferRule, Rule, read_differ_rule

UNREADABLE: Final = -1  # a revision that nothing ever has
REASON_WORDS: Final = {
    DecisionReason.AMBIGUOUS: "it can be read in two ways",
    DecisionReason.GUIDELINE_GAP: "the guidelines do not say",
    DecisionReason.SLIP: "somebody pressed the wrong key",
    DecisionReason.EDGE_CASE: "rare, and worth keeping",
    DecisionReason.TASTE: "people may differ here",
}


@dataclass(frozen=True)
class DecisionForm:
    """What an expert chose and typed about one unit, and what is wrong with it.

    Errors go by the name of the control, those about the whole under an empty name.
    """

    fields: Fields
    answers: Mapping[str, Answer]
    errors: Mapping[str, str]
    reason: str = ""
    note: str = ""
    guideline: str = ""
    seen: int = 0

    @classmethod
    def about(
        cls, questions: Sequence[Question], decision: Decision | None, *, is_swapped: bool
    ) -> DecisionForm:
        """Return the form with what is decided, or empty."""
        if decision is None:
            return cls(fields={}, answers={}, errors={})
        fields = fields_of(questions, decision.answers, is_swapped=is_swapped)
        return cls(
            fields=fields,
            answers=decision.answers,
            errors={},
            reason=decision.reason,
            note=decision.note,
            seen=decision.revision,
        )

    @classmethod
    def sent(cls, questions: Sequence[Question], post: Sent, *, is_swapped: bool) -> DecisionForm:
        """Read a form. Questions without an answer are left to what people said."""
        fields = fields_sent(questions, post)
        answers, errors = said_in(questions, fields, is_swapped=is_swapped)
        seen = _one(post, "seen")
        return cls(
            fields=fields,
            answers=answers,
            errors=errors,
            reason=_one(post, "reason"),
            note=_one(post, "note"),
            guideline=_one(post, "guideline")[: MAX_GUIDELINES + 1],
            seen=int(seen[:9]) if seen.isascii() and seen.isdigit() else UNREADABLE,
        )

    def refused(self, questions: Sequence[Question], faults: Sequence[FieldError]) -> DecisionForm:
        """Return the form with what was found wrong later, beside the control it is about."""
        controls = {question.name: field_of(question) for question in questions}
        controls |= {"reason": "reason", "note": "note", "text": "guideline"}
        errors = {controls.get(fault.field, ""): fault.detail for fault in faults}
        return replace(self, errors={**self.errors, **errors})


def _one(post: Sent, name: str) -> str:
    return "".join(post.getlist(name)[-1:]).replace("\r\n", "\n")  # browsers send CRLF


class RuleForm(forms.Form):
    """When people differ."""

    rule = forms.ChoiceField(
        label="People differ when",
        choices=[
            (Rule.ANY.value, "any two answers are not the same"),
            (Rule.SPREAD.value, "the highest and the lowest are so far apart"),
            (Rule.NO_MAJORITY.value, "no answer is that of more than half of them"),
        ],
    )
    spread = forms.FloatField(
        required=False,
        min_value=0,
        label="How far apart",
        help_text="In points of the scale. Options without an order differ unless they are equal.",
    )

    @classmethod
    def about(cls, rule: DifferRule) -> RuleForm:
        return cls(initial={"rule": rule.rule.value, "spread": f"{rule.spread:g}"})

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if self.errors:
            return cleaned
        try:
            self.chosen = read_differ_rule(
                {"rule": cleaned["rule"], "spread": cleaned.get("spread")}
            )
        except ValueError as error:
            raise ValidationError({"spread": str(error)}) from error
        return cleaned
