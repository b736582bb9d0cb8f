"""Campaigns, what they ask, and the guidelines that say how to answer."""

from __future__ import annotations

from functools import partial
from typing import Self

from django.db import models
from django.db.models import FilteredRelation, Q
from django.utils.functional import cached_property

from evalhub.accounts.models import Project, User
from evalhub.identifiers import new_id
from evalhub.runs.models import Run

new_campaign_id = partial(new_id, "cam")


class CampaignQuerySet(models.QuerySet["Campaign"]):
    def for_member(self, user: User | int) -> Self:
        """Return what a person may see; who is limited sees the campaigns they have a place in."""
        theirs = FilteredRelation("annotators", condition=Q(annotators__user=user))
        return (
            self.ready()
            .annotate(theirs=theirs)
            .filter(
                Q(project__memberships__is_limited=False) | Q(theirs__isnull=False),
                project__memberships__user=user,
            )
        )

    def ready(self) -> Self:
        """Leave out what is still being set up, or was given up on the way."""
        return self.exclude(state=Campaign.State.PREPARING)


class Campaign(models.Model):
    """One labeling effort: outputs or pairs of them, questions, an overlap, people."""

    class Kind(models.TextChoices):
        OUTPUTS = "outputs"  # one output at a time
        PAIRS = "pairs"  # two outputs of one example, side by side

    class State(models.TextChoices):
        PREPARING = "preparing"  # its units are being written
        OPEN = "open"
        PAUSED = "paused"  # nothing is handed out or taken until it goes on
        CLOSED = "closed"

    class Order(models.TextChoices):
        RANDOM = "random"
        DISAGREEMENT = "disagreement"  # examples whose first answers differ come first
        STRATIFIED = "stratified"  # every beginning holds the slices in their shares

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="campaigns")
    public_id = models.CharField(max_length=24, unique=True, default=new_campaign_id)
    name = models.CharField(max_length=200)
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.OUTPUTS)
    question_set = models.ForeignKey(  # asked now; null only while the campaign is prepared
        "QuestionSet", on_delete=models.RESTRICT, null=True, blank=True, related_name="+"
    )
    guidelines = models.TextField(blank=True, default="")  # the newest GuidelineVersion
    guidelines_number = models.PositiveIntegerField(default=0)  # 0: there are none
    overlap = models.PositiveSmallIntegerField()
    # People asked beyond the overlap, one by one, while the answers to an example differ.
    extra_overlap = models.PositiveSmallIntegerField(default=0)
    # When answers differ: {"rule": "any" | "spread" | "no_majority", "spread": 2}.
    differ_rule = models.JSONField(default=dict, blank=True)
    order_by = models.CharField(max_length=12, choices=Order, default=Order.RANDOM)
    slice_field = models.CharField(max_length=200, blank=True, default="")  # when stratified
    seed = models.BigIntegerField()
    quota = models.PositiveIntegerField(null=True, blank=True)  # answers of one person, at most
    control_share = models.FloatField(default=0.0)  # of the examples that a person is given
    pass_mark = models.FloatField(null=True, blank=True)  # share right in the qualification
    shows_reference = models.BooleanField(default=False)
    submits_by_itself = models.BooleanField(default=False)  # after the last required answer
    is_invited_only = models.BooleanField(default=False)  # members join only if a lead added them
    state = models.CharField(max_length=10, choices=State, default=State.PREPARING)
    runs = models.ManyToManyField(Run, related_name="campaigns")
    n_outputs = models.PositiveIntegerField(default=0)  # or pairs
    n_units = models.PositiveIntegerField(default=0)  # equal outputs of one example are one
    n_controls = models.PositiveIntegerField(default=0)  # of them, with the qualification
    n_identical = models.PositiveIntegerField(
        default=0
    )  # pairs left out: nothing tells them apart
    n_watched = models.PositiveIntegerField(default=0)  # answers when alerts were looked after
    created_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    published_at = models.DateTimeField(null=True, blank=True)

    objects = CampaignQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["project", "-id"], name="campaigns_of_project")]

    def __str__(self) -> str:
        return self.public_id

    @property
    def is_open(self) -> bool:
        return self.state == Campaign.State.OPEN

    @property
    def is_of_pairs(self) -> bool:
        return self.kind == Campaign.Kind.PAIRS

    @property
    def n_places(self) -> int:
        """How many answers the overlap asks for; extra places come on top."""
        return (self.n_units - self.n_controls) * self.overlap

    @property
    def lacks_controls(self) -> bool:
        """Whether outputs with right answers are to be handed out, and there are none."""
        wants_some = self.control_share > 0 or self.pass_mark is not None
        return self.state != Campaign.State.CLOSED and wants_some and self.n_controls == 0

    @property
    def answers_go_to(self) -> int:
        """The key of the question set under which answers are given now."""
        if self.question_set_id is None:
            raise ValueError(f"campaign {self.public_id} is not prepared yet: it asks nothing")
        return self.question_set_id

    @cached_property
    def asked(self) -> list[Question]:
        """The questions that are asked now, in order."""
        return [] if self.question_set is None else self.question_set.in_order


class GuidelineVersion(models.Model):
    """The guidelines as they were from one time on. Rows are only added."""

    campaign = models.ForeignKey(
        Campaign, on_delete=models.CASCADE, related_name="guideline_versions"
    )
    number = models.PositiveIntegerField()  # from 1
    text = models.TextField(blank=True, default="")
    note = models.CharField(max_length=500, blank=True, default="")  # what changed, for annotators
    created_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint("campaign", "number", name="guidelines_once_per_number"),
        ]

    def __str__(self) -> str:
        return f"guidelines {self.number} of campaign {self.campaign_id}"


class QuestionSet(models.Model):
    """What a campaign asks, as one version: a change makes a new one, and answers name theirs."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="question_sets")
    number = models.PositiveIntegerField()  # from 1
    note = models.CharField(max_length=500, blank=True, default="")
    created_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint("campaign", "number", name="question_set_once_per_number"),
        ]

    def __str__(self) -> str:
        return f"questions {self.number} of campaign {self.campaign_id}"

    @cached_property
    def in_order(self) -> list[Question]:
        return sorted(self.questions.all(), key=lambda question: question.order)


class Question(models.Model):
    """What an annotator is asked, and the scale of the answers. A row never changes."""

    class Kind(models.TextChoices):
        RATING = "rating"  # labelled points in order
        CHOICE = "choice"  # one of several
        CHOICES = "choices"  # several of several
        NUMBER = "number"  # a number, within a range where one is given
        YES_NO = "yes_no"
        PREFERENCE = "preference"  # which of two outputs, or by how much
        TEXT = "text"  # a critique in words
        CORRECTION = "correction"  # the output as it should be

    class Scale(models.TextChoices):
        NOMINAL = "nominal"
        ORDINAL = "ordinal"
        INTERVAL = "interval"
        RATIO = "ratio"
        NONE = "none"  # words: nothing is computed from them

    question_set = models.ForeignKey(
        QuestionSet, on_delete=models.CASCADE, related_name="questions"
    )
    order = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=100)
    text = models.TextField(blank=True, default="")  # help, asked under the name
    kind = models.CharField(max_length=10, choices=Kind)
    scale = models.CharField(max_length=10, choices=Scale)
    options = models.JSONField(default=list, blank=True)  # [{value, label}] in order
    low = models.FloatField(null=True, blank=True)
    high = models.FloatField(null=True, blank=True)
    higher_is_better = models.BooleanField(default=True)
    is_required = models.BooleanField(default=True)
    # Asked only when an earlier answer is so: {"question": name, and "at_most" | "at_least":
    # number, or "is": [values]}. Null: always.
    condition = models.JSONField(null=True, blank=True)
    target_alpha = models.FloatField(null=True, blank=True)  # leads are told when alpha is under

    class Meta:
        constraints = [
            models.UniqueConstraint("question_set", "name", name="question_once_per_set"),
        ]

    def __str__(self) -> str:
        return f"{self.name} of question set {self.question_set_id}"

    @property
    def is_words(self) -> bool:
        return self.kind in (Question.Kind.TEXT, Question.Kind.CORRECTION)

    @property
    def meaning(self) -> tuple[object, ...]:
        """What answers must share to be counted together, under whichever version they came.

        A better wording or another label leaves the answers comparable; another scale does not.
        """
        values = [(type(option["value"]).__name__, option["value"]) for option in self.options]
        return (self.name, self.kind, self.scale, tuple(values), self.low, self.high)


class Alert(models.Model):
    """A question's alpha was found under the target that a lead set."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="alerts")
    question = models.CharField(max_length=100)  # by name: it outlives versions
    target = models.FloatField()
    alpha = models.FloatField()
    low = models.FloatField(null=True, blank=True)
    high = models.FloatField(null=True, blank=True)
    n_answers = models.PositiveIntegerField()
    raised_at = models.DateTimeField()
    cleared_at = models.DateTimeField(null=True, blank=True)  # alpha rose again, or a lead said so

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "campaign",
                "question",
                condition=Q(cleared_at__isnull=True),
                name="one_open_alert_per_question",
            ),
        ]

    def __str__(self) -> str:
        return f"alpha of {self.question} in campaign {self.campaign_id}"
