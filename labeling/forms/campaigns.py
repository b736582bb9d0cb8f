"""What leads type to set a campaign up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from django import forms
from django.http import QueryDict

from evalhub.errors import DomainError
from labeling.forms.questions import QuestionForm, asked_in, faults_of, show_question_error
from labeling.questions.templates import TEMPLATES

PERCENT: Final = 100.0


class CampaignForm(forms.Form):
    """What a campaign is about, apart from its questions."""

    name = forms.CharField(
        max_length=200,
        help_text="Annotators see it, so it must not name a system.",
    )
    kind = forms.ChoiceField(
        required=False,
        initial="outputs",
        label="What is judged",
        widget=forms.RadioSelect,
        choices=[
            ("outputs", "outputs, one at a time"),
            ("pairs", "pairs: two runs' outputs of one example, side by side"),
        ],
    )
    runs = forms.MultipleChoiceField(
        widget=forms.CheckboxSelectMultiple,
        help_text="Finished runs of one dataset. Equal outputs of an example are shown once.",
        error_messages={"required": "Choose at least one run."},
    )
    against = forms.ChoiceField(
        required=False,
        label="Which pairs",
        help_text="With one run as the baseline there are fewer pairs, and the others are "
        "compared through it.",
    )
    examples = forms.IntegerField(
        min_value=1,
        max_value=10**9,
        required=False,
        label="Number of examples",
        help_text="Drawn at random, with all their outputs. Left empty: all of them.",
    )
    show_reference = forms.BooleanField(required=False, label="Show the expected answer")
    overlap = forms.IntegerField(
        min_value=1,
        max_value=50,
        initial=2,
        label="People for each output",
        help_text="Agreement needs at least two.",
    )
    extra_overlap = forms.IntegerField(
        required=False,
        min_value=0,
        max_value=50,
        label="More people where the first differ",
        help_text="At most so many, one after the other, until the rule says that they agree.",
    )
    differ = forms.ChoiceField(
        required=False,
        label="People differ when",
        choices=[
            ("any", "two answers are not the same"),
            ("spread", "numbers or points are far apart"),
            ("no_majority", "no answer is that of more than half"),
        ],
    )
    spread = forms.FloatField(
        required=False, min_value=0, label="Far apart means", help_text="So many points, or more."
    )
    order = forms.ChoiceField(
        required=False,
        label="Order of the examples",
        choices=[
            ("random", "random, from a stored seed"),
            ("disagreement", "where people differ first"),
            ("stratified", "the slices of a field in their shares"),
        ],
    )
    slice = forms.CharField(
        required=False,
        max_length=200,
        label="Field of the slices",
        widget=forms.TextInput(attrs={"list": "slice-fields"}),
    )
    quota = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=1_000_000,
        label="Answers of one person, at most",
        help_text="Left empty: as many as there are.",
    )
    control_share = forms.FloatField(
        required=False,
        min_value=0,
        max_value=50,
        label="Control units, in percent",
        help_text="Of the examples that a person is given. Their right answers are set once the "
        "campaign is there.",
    )
    pass_mark = forms.FloatField(
        required=False,
        min_value=1,
        max_value=100,
        label="Pass mark, in percent",
        help_text="Right answers in a qualification before the work. Left empty: none is asked.",
    )
    invited_only = forms.BooleanField(
        required=False,
        label="By invitation only",
        help_text="Members join only when a lead adds or invites them.",
    )
    submits_by_itself = forms.BooleanField(
        required=False,
        label="Submit after the last required answer",
        help_text="One key less for each output; undo is one key as well.",
    )
    guidelines = forms.CharField(
        required=False,
        max_length=100_000,
        widget=forms.Textarea(attrs={"rows": 12}),
        help_text="Markdown. They stand beside every output.",
    )

    def __init__(self, *args: Any, runs: Sequence[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._choices("runs", list(runs))
        each = [(key, f"each against {said}") for key, said in runs]
        self._choices("against", [("", "every run against every other"), *each])

    def _choices(self, name: str, choices: list[tuple[str, str]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - declared above
        field.choices = choices

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        against = cleaned.get("against")
        if against and self.is_of_pairs and against not in cleaned.get("runs", [against]):
            self.add_error("against", "This run is not among those chosen above.")
        return cleaned

    @property
    def is_of_pairs(self) -> bool:
        return self.cleaned_data.get("kind") == "pairs"

    def as_asked(self) -> dict[str, object]:
        """Return the campaign in the form that REST takes, without its questions.

        What its field refuses is left out, so that the rest can be checked. So is what says
        nothing: the defaults are those of REST.
        """
        given = self.cleaned_data
        plain = ("name", "runs", "overlap", "examples", "guidelines", "show_reference")
        body: dict[str, object] = {name: given.get(name) for name in plain}
        if self.is_of_pairs:
            body |= {"kind": "pairs", **self._against()}
        body |= self._distribution()
        for name in ("control_share", "pass_mark"):
            if given.get(name):
                body[name] = given[name] / PERCENT
        for name in ("extra_overlap", "quota", "submits_by_itself", "invited_only"):
            if given.get(name):
                body[name] = given[name]
        return body

    def _distribution(self) -> dict[str, object]:
        """Return the rule and the order, where they are not the usual ones."""
        given, body = self.cleaned_data, dict[str, object]()
        rule, order = given.get("differ") or "any", given.get("order") or "random"
        if rule == "spread":
            body["differ"] = {"rule": rule, "spread": given.get("spread")}
        elif rule != "any":
            body["differ"] = {"rule": rule}
        if order == "stratified":
            body["slice"] = given.get("slice")
        return body if order == "random" else {**body, "order": order}

    def _against(self) -> dict[str, object]:
        first, runs = self.cleaned_data.get("against"), self.cleaned_data.get("runs") or []
        if not first:
            return {}
        return {"against": "first", "runs": [first, *(run for run in runs if run != first)]}


def plan_body(form: CampaignForm, rows: Any) -> tuple[dict[str, object], list[QuestionForm]]:
    """Return the campaign in the form that REST takes, and the rows its questions stand in."""
    questions, asked = asked_in(rows)
    return {**form.as_asked(), "questions": questions}, asked


def show_errors(
    error: DomainError, form: CampaignForm, rows: Any, asked: Sequence[QuestionForm]
) -> None:
    """Put what a plan was refused for beside the fields it is about.

    A field that was refused before keeps its own reason; so do questions as a whole.
    """
    for fault in faults_of(error):
        if show_question_error(fault, asked):
            continue
        name = (fault.field or "").split("[")[0].split(".")[0]
        if name == "questions":
            if rows.is_valid():
                said = "Ask at least one question: give it a name."
                form.add_error(None, said if fault.code == "type" else fault.detail)
        elif name not in form.errors:
            form.add_error(name if name in form.fields else None, fault.detail)


# What was typed, unchecked: for a page on which rows were moved, or a template was chosen


def sent(data: QueryDict, template: str = "") -> dict[str, Any]:
    """Return what was typed, with a template's kind and guidelines put in where it is chosen."""
    typed: dict[str, Any] = {name: data.get(name, "") for name in CampaignForm.base_fields}
    typed["runs"] = data.getlist("runs")
    chosen = TEMPLATES.get(template)
    if chosen is not None:
        typed["kind"] = chosen.kind.value
        drafted = {one.guidelines.strip() for one in TEMPLATES.values()}
        written = "\n".join(typed["guidelines"].split("\r\n")).strip()
        if not written or written in drafted:
            typed["guidelines"] = chosen.guidelines
    return typed
